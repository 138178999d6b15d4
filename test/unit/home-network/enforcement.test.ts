import { describe, expect, it } from 'vitest';
import type { HomeNetwork } from '../../../electron/home-network/index.ts';
import { type Content, contentOf } from '../../../electron/home-network/rules/content.ts';
import { refusalOfRecipient, refusalOfSender, type Sending } from '../../../electron/home-network/rules/enforcement.ts';
import {
  DEFAULT_POLICY,
  type Preferences,
  type ProviderPolicy,
  rulingOf,
  type Service,
} from '../../../electron/home-network/rules/rules.ts';
import { isScreened } from '../../../electron/home-network/rules/screening.ts';
import { createXcapClient } from '../../../electron/xcap/xcap-client.ts';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { DEFAULT_NETWORK_PREFERENCES, preferenceElements } from '../../../shared/model/network-preferences.ts';
import { decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { decodeImdn } from '../../../shared/protocol/imdn/imdn.ts';
import { encodeResourceLists, listEntry, RESOURCE_LISTS_TYPE } from '../../../shared/protocol/lists/resource-lists.ts';
import { makeMultipart } from '../../../shared/protocol/multipart/multipart.ts';
import { encodePreferences, PREFERENCES_AUID, PREFERENCES_TYPE } from '../../../shared/protocol/preferences/preferences.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { registered, start } from './start.ts';

const BOB = 'sip:bob@home1.example';
const NOTHING: Content = { texts: [], types: [] };
const sending = (service: Service | null, content: Content = NOTHING): Sending => ({ service, content });
const text = (said: string, type = 'text/plain'): Content => ({ texts: [said], types: [type] });

describe('what the sender may send', () => {
  it.each<[string, Partial<ProviderPolicy>, Sending, string | null]>([
    ['R-PF-04: has not subscribed', { unsubscribed: ['alice'] }, sending('message'), 'not-subscribed'],
    ['R-PF-04: has not subscribed, and tells that something arrived', { unsubscribed: ['alice'] }, sending(null), 'not-subscribed'],
    ['R-PF-04: somebody else has not', { unsubscribed: ['bob'] }, sending('message'), null],
    ['R-PF-01: no files', { blockedServices: ['file'] }, sending('file'), 'service'],
    ['R-PF-01: no files, and this is none', { blockedServices: ['file'] }, sending('chat'), null],
    ['R-PF-01: notifications always', { blockedServices: ['message', 'chat'] }, sending(null), null],
    ['R-PF-06: a word', { forbiddenWords: ['secret'] }, sending('message', text('The SECRET.')), 'forbidden-content'],
    ['R-PF-06: a type', { forbiddenTypes: ['video/*'] }, sending('file', text('a.mp4', 'video/mp4')), 'forbidden-content'],
    ['R-PF-06: nothing of it', { forbiddenWords: ['secret'] }, sending('message', text('secretary')), null],
  ])('%s', (_, policy, what, refusal) => {
    expect(refusalOfSender('alice', rulingOf({ ...DEFAULT_POLICY, ...policy }, {}), what)).toBe(refusal);
  });
});

describe('what the recipient wants', () => {
  it.each<[string, Partial<Preferences>, Partial<ProviderPolicy>, Sending, string | null]>([
    ['R-PF-02: is there', {}, {}, sending('message'), null],
    ['R-PF-02: to be deferred is not to be refused', { available: 'defer' }, {}, sending('message'), null],
    ['R-PF-02: wants nothing', { available: 'refuse' }, {}, sending('chat'), 'unwilling'],
    ['R-PF-02: wants nothing, but hears what becomes of his own', { available: 'refuse' }, {}, sending(null), null],
    [
      'R-PF-05: wants nothing, the operator says otherwise',
      { available: 'refuse' },
      { force: { available: 'accept' } },
      sending('message'),
      null,
    ],
    ['R-PF-05: allows it, the operator does not', {}, { force: { available: 'refuse' } }, sending('message'), 'unwilling'],
    ['R-PF-06: not that word', { unwantedWords: ['offer'] }, {}, sending('message', text('An offer!')), 'unwanted-content'],
    ['R-PF-06: not that type', { unwantedTypes: ['image/gif'] }, {}, sending('file', text('x', 'image/gif')), 'unwanted-content'],
  ])('%s', (_, preferences, policy, what, refusal) => {
    expect(refusalOfRecipient(false, rulingOf({ ...DEFAULT_POLICY, ...policy }, preferences), what)).toBe(refusal);
    expect(refusalOfRecipient(true, rulingOf({ ...DEFAULT_POLICY, ...policy }, preferences), what)).toBe('blocked');
  });
});

describe('R-PF-06: content', () => {
  it.each([
    ['whole words, whatever their case', 'Buy GOLD now', ['gold'], true],
    ['not within a word', 'golden', ['gold'], false],
    ['several words with anything between them', 'free -- money', ['Free money'], true],
    ['other forms of a letter', 'ＧＯＬＤ', ['gold'], true],
    ['what cannot be seen between letters', 'g\u200bo\u00adl\u2060d', ['gold'], true],
    ['accents written either way', 'Cafe\u0301', ['café'], true],
    ['scripts without spaces', '今日は黄金の日', ['黄金'], true],
    ['a word that is only signs', 'a !!! b', ['!!!'], false],
  ])('%s', (_, said, words, isFound) => expect(isScreened(text(said), words, [])).toBe(isFound));

  it('is found in CPIM, in multipart, in the description of a file and in the subject', () => {
    const message = (type: string, body: string | Uint8Array, more: readonly { name: string; value: string }[] = []): SipRequest => ({
      kind: 'request',
      method: 'MESSAGE',
      uri: BOB,
      headers: [{ name: 'Content-Type', value: type }, ...more],
      body: typeof body === 'string' ? utf8(body) : body,
    });
    const cpim = 'From: <sip:a@b>\r\n\r\nContent-Type: text/html\r\n\r\n<b>hi</b>';
    expect(contentOf(message('message/cpim', cpim, [{ name: 'Subject', value: 'about' }]))).toEqual({
      texts: ['about', '<b>hi</b>'],
      types: ['text/html'],
    });
    const sdp = [
      ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=message 9 TCP/MSRP *'],
      ...['a=path:msrp://127.0.0.1:9/x;tcp', 'a=accept-types:*', 'a=file-selector:name:"a b.mp4" type:video/mp4 size:3', ''],
    ].join('\r\n');
    const parts = [
      { headers: [{ name: 'Content-Type', value: 'application/sdp' }], body: utf8(sdp) },
      { headers: [{ name: 'Content-Type', value: 'message/cpim' }], body: utf8(cpim) },
      { headers: [{ name: 'Content-Type', value: RESOURCE_LISTS_TYPE }], body: utf8('<x/>') },
    ];
    const whole = makeMultipart('multipart/mixed', parts);
    expect(contentOf(message(whole.contentType, whole.body))).toEqual({
      texts: ['a b.mp4', '<b>hi</b>'],
      types: ['video/mp4', 'text/html'],
    });
    for (const body of ['', 'nonsense', '\0']) expect(contentOf(message('multipart/mixed;boundary=x', body))).toEqual(NOTHING);
  });
});

/** What Bob keeps at his network. */
async function prefer(network: HomeNetwork, user: string, preferences: Partial<Preferences>): Promise<void> {
  const { xcapRoot: root, address, password } = network.accounts.find((one) => one.user === user) as HomeNetwork['accounts'][number];
  const client = createXcapClient({ root, user, password });
  const target = { auid: PREFERENCES_AUID, user: address, document: 'index', node: null };
  const before = await client.get(target);
  const written = encodePreferences(preferenceElements({ ...DEFAULT_NETWORK_PREFERENCES, ...preferences }));
  expect(await client.put(target, PREFERENCES_TYPE, written, before === null ? 'absent' : before)).toBe(true);
}

async function block(network: HomeNetwork, user: string, ...uris: string[]): Promise<void> {
  const { xcapRoot: root, address, password } = network.accounts.find((one) => one.user === user) as HomeNetwork['accounts'][number];
  const entries = uris.map((uri) => `<entry uri="${uri}"/>`).join('');
  const list = `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="oma_blockedcontacts">${entries}</list></resource-lists>`;
  const target = { auid: 'resource-lists', user: address, document: 'index', node: null };
  const client = createXcapClient({ root, user, password });
  const before = await client.get(target);
  expect(await client.put(target, RESOURCE_LISTS_TYPE, list, before === null ? 'absent' : before)).toBe(true);
}

const SAID = { body: 'The offer of the week', headers: [['Content-Type', 'text/plain']] } as const;

describe('the participating function', () => {
  it('R-PF-04: who has not subscribed is answered 403 with the reason, and others are not', async () => {
    const network = await start({ policy: { unsubscribed: ['alice'] } });
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const answer = await alice.ask('MESSAGE', BOB, SAID);
    expect([answer.status, header(answer, 'Warning')]).toEqual([403, '399 home1.example "127 Service not authorised"']);
    const request = bob.build('MESSAGE', 'sip:alice@home1.example', SAID);
    bob.send(request);
    alice.answer(await alice.request('MESSAGE'), 200, 'OK');
    expect((await bob.final(request)).status).toBe(200);
  });

  it('R-PF-05 R-PF-06: what policy forbids is refused, whatever the recipient wants', async () => {
    const network = await start({ policy: { forbiddenWords: ['offer'] } });
    const [alice] = [await registered(network, 'alice'), await registered(network, 'bob')];
    await prefer(network, 'bob', { available: 'accept', unwantedWords: [] });
    const answer = await alice.ask('MESSAGE', BOB, SAID);
    expect([answer.status, header(answer, 'Warning')]).toEqual([403, '399 home1.example "Content not allowed"']);
  });

  it('R-PF-57 R-PF-02: a change of the preferences changes what happens to the next request', async () => {
    const network = await start();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const taken = async (): Promise<number> => {
      const request = alice.build('MESSAGE', BOB, SAID);
      alice.send(request);
      bob.answer(await bob.request('MESSAGE'), 200, 'OK');
      return (await alice.final(request)).status;
    };
    expect(await taken()).toBe(200);
    await prefer(network, 'bob', { available: 'refuse' });
    expect((await alice.ask('MESSAGE', BOB, SAID)).status).toBe(603);
    await prefer(network, 'bob', { unwantedWords: ['offer'] });
    expect((await alice.ask('MESSAGE', BOB, SAID)).status).toBe(403);
    await prefer(network, 'bob', {});
    expect(await taken()).toBe(200);
  });

  it('R-PF-57: who is blocked hears nothing of it: his texts are taken and go nowhere, his invitations are declined', async () => {
    const network = await start({
      users: [
        { user: 'alice', password: 'a', displayName: '', number: '+4930123' },
        { user: 'bob', password: 'b', displayName: '' },
        { user: 'carol', password: 'c', displayName: '' },
      ],
    });
    const [alice, bob, carol] = [await registered(network, 'alice'), await registered(network, 'bob'), await registered(network, 'carol')];
    // by the number that the network asserts of her, and written as no canonical address
    await block(network, 'bob', 'tel:+49-30-123', 'sips:carol@HOME1.example;transport=tcp');
    for (const [method, status] of [
      ['MESSAGE', 200],
      ['OPTIONS', 480],
      ['INVITE', 603],
    ] as const) {
      const answer = await alice.ask(method, BOB, SAID);
      expect([method, answer.status, header(answer, 'Warning')]).toEqual([method, status, null]);
    }
    expect((await carol.ask('MESSAGE', BOB, SAID)).status).toBe(200);
    await block(network, 'bob', 'tel:+4930123');
    const request = carol.build('MESSAGE', BOB, SAID);
    carol.send(request);
    bob.answer(await bob.request('MESSAGE'), 200, 'OK');
    expect((await carol.final(request)).status).toBe(200);
  });

  it('R-PF-06: one of several who does not want it: the sender hears that it failed, and nothing of one who has blocked her', async () => {
    const network = await start({
      users: ['alice', 'bob', 'carol', 'dave'].map((user) => ({ user, password: `${user}-secret`, displayName: '' })),
    });
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob'), await registered(network, 'carol')];
    await block(network, 'dave', 'sip:alice@home1.example');
    await prefer(network, 'carol', { unwantedWords: ['hello'] });
    const cpim = [
      ...['From: <sip:alice@home1.example>', 'To: <sip:pager-exploder@home1.example>', 'NS: imdn <urn:ietf:params:imdn>'],
      ...['imdn.Message-ID: m1', 'imdn.Disposition-Notification: negative-delivery', '', 'Content-Type: text/plain', '', 'Hello'],
    ].join('\r\n');
    const { contentType, body } = makeMultipart('multipart/mixed', [
      { headers: [{ name: 'Content-Type', value: 'message/cpim' }], body: utf8(cpim) },
      {
        headers: [
          { name: 'Content-Type', value: RESOURCE_LISTS_TYPE },
          { name: 'Content-Disposition', value: 'recipient-list' },
        ],
        body: encodeResourceLists([BOB, 'sip:dave@home1.example', 'sip:carol@home1.example'].map((uri) => listEntry(uri))),
      },
    ]);
    const headers = [
      ['Require', 'recipient-list-message'],
      ['Content-Type', contentType],
    ] as const;
    const answer = await alice.ask('MESSAGE', 'sip:pager-exploder@home1.example', { headers, body: fromUtf8(body) });
    expect(answer.status).toBe(202);
    bob.answer(await bob.request('MESSAGE'), 200, 'OK');
    const notice = await alice.request('MESSAGE');
    alice.answer(notice, 200, 'OK');
    expect(decodeImdn(decodeCpim(notice.body).content)).toMatchObject({
      messageId: 'm1',
      status: 'failed',
      recipientUri: 'sip:carol@home1.example',
    });
  });
});
