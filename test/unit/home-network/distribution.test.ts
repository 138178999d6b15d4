import { describe, expect, it } from 'vitest';
import { readArguments } from '../../../electron/home-network/arguments.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { decodeImdn } from '../../../shared/protocol/imdn/imdn.ts';
import { decodeResourceLists, encodeResourceLists, type ListEntry, listEntry } from '../../../shared/protocol/lists/resource-lists.ts';
import { mimeHeader } from '../../../shared/protocol/mime/headers.ts';
import { decodeMultipart, makeMultipart } from '../../../shared/protocol/multipart/multipart.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import type { SipPeer } from '../../harness/sip-peer.ts';
import { registered, start } from './start.ts';

const LISTS = 'sip:pager-exploder@home1.example';
const CLUB = 'sip:climbing-club@home1.example';
const at = (user: string) => `sip:${user}@home1.example`;
const CPIM = [
  ...['From: <sip:alice@home1.example>', 'To: <sip:pager-exploder@home1.example>', 'NS: imdn <urn:ietf:params:imdn>'],
  ...['imdn.Message-ID: m1', 'imdn.Disposition-Notification: positive-delivery, negative-delivery', ''],
  ...['Content-Type: text/plain', '', 'Minutes are on the share.'],
].join('\r\n');

function letter(entries: readonly ListEntry[], cpim = CPIM) {
  const text = (value: string) => new TextEncoder().encode(value);
  const made = makeMultipart('multipart/mixed', [
    { headers: [{ name: 'Content-Type', value: 'message/cpim' }], body: text(cpim) },
    {
      headers: [
        { name: 'Content-Type', value: 'application/resource-lists+xml' },
        { name: 'Content-Disposition', value: 'recipient-list' },
      ],
      body: encodeResourceLists(entries),
    },
  ]);
  const headers = [
    ['Require', 'recipient-list-message'],
    ['Content-Type', made.contentType],
  ] as const;
  return { headers, body: fromUtf8(made.body) };
}

/** takes what comes, answers 200 */
async function taken(peer: SipPeer): Promise<SipRequest> {
  const request = await peer.request('MESSAGE');
  peer.answer(request, 200, 'OK');
  return request;
}

const historyIn = (request: SipRequest) => {
  const parts = decodeMultipart(request.body, header(request, 'Content-Type') ?? '').parts;
  const list = parts.find((part) => mimeHeader(part.headers, 'Content-Disposition')?.startsWith('recipient-list-history'));
  return decodeResourceLists(list?.body ?? new Uint8Array()).entries.map(({ uri, copy, count }) => [uri, copy, count]);
};

describe('the list service', () => {
  it('sends a message to each recipient once, tells who else has it, and keeps blind copies to itself', async () => {
    const network = await start({
      users: ['alice', 'bob', 'carol', 'dave'].map((user) => ({ user, password: `${user}-secret`, displayName: '' })),
    });
    const [alice, bob, carol, dave] = await Promise.all(['alice', 'bob', 'carol', 'dave'].map((user) => registered(network, user)));
    const all = [alice, bob, carol, dave] as SipPeer[];
    const entries = [
      listEntry(at('bob')),
      listEntry(`${at('bob')};transport=tcp`),
      listEntry(at('carol'), 'cc'),
      listEntry(at('dave'), 'bcc'),
      { ...listEntry(at('bob')), isAnonymous: true },
    ];
    expect((await all[0]?.ask('MESSAGE', LISTS, letter(entries)))?.status).toBe(202);
    for (const peer of [bob, carol, dave] as SipPeer[]) {
      const got = await taken(peer);
      expect(header(got, 'To')).toBe(`<${peer.account.address}>`);
      expect(header(got, 'From')).toContain(at('alice'));
      expect(header(got, 'P-Asserted-Identity')).toContain(at('alice'));
      expect(header(got, 'Require')).toBeNull();
      expect(historyIn(got)).toEqual([
        [at('bob'), 'to', null],
        [`${at('bob')};transport=tcp`, 'to', null],
        [at('carol'), 'cc', null],
        ['sip:anonymous@anonymous.invalid', 'to', 1],
      ]);
      expect(fromUtf8(got.body)).toContain('Minutes are on the share.');
      expect(fromUtf8(got.body)).not.toContain('dave');
    }
    expect(bob?.inbox).toEqual([]);
  });

  it('tells the sender of each who could not be reached', async () => {
    const network = await start();
    const alice = await registered(network, 'alice');
    const bob = await registered(network, 'bob');
    await alice.ask('MESSAGE', LISTS, letter([listEntry(at('bob')), listEntry(at('carol')), listEntry('sip:nobody@home1.example')]));
    await taken(bob);
    const notices = [await taken(alice), await taken(alice)].map((request) => decodeImdn(decodeCpim(request.body).content));
    expect(notices.map(({ messageId, status, recipientUri }) => [messageId, status, recipientUri])).toEqual([
      ['m1', 'failed', at('carol')],
      ['m1', 'failed', 'sip:nobody@home1.example'],
    ]);
  });

  it.each([
    [400, 'no list', { headers: [['Content-Type', 'text/plain']] as const, body: 'x' }],
    [400, 'an empty list', letter([])],
    [403, 'too many', letter(Array.from({ length: 101 }, (_, n) => listEntry(at(`u${n}`))))],
    [
      420,
      'an extension nobody knows',
      {
        ...letter([listEntry(at('bob'))]),
        headers: [
          ['Require', 'recipient-list-message, odd'],
          ['Content-Type', 'text/plain'],
        ] as const,
      },
    ],
  ])('answers %i to %s', async (status, _, request) => {
    const network = await start();
    const alice = await registered(network, 'alice');
    expect((await alice.ask('MESSAGE', LISTS, request)).status).toBe(status);
  });

  it('holds no chats of several', async () => {
    const network = await start();
    const alice = await registered(network, 'alice');
    const invite = alice.build('INVITE', LISTS, {
      headers: [
        ['Require', 'recipient-list-invite'],
        ['Accept-Contact', '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"'],
        ['Contact', `<${alice.contactUri}>`],
      ],
    });
    alice.send(invite);
    expect((await alice.final(invite)).status).toBe(405);
  });
});

describe('a group that the network keeps', () => {
  const groups = [{ name: 'climbing-club', members: ['alice', 'bob'], refusesAnonymous: true }];

  it('gets its message to all others of it, as it was written', async () => {
    const network = await start({ groups });
    expect(network.groups).toEqual([{ address: CLUB, name: 'climbing-club' }]);
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const answer = await alice.ask('MESSAGE', CLUB, { body: CPIM, headers: [['Content-Type', 'message/cpim']] });
    expect(answer.status).toBe(202);
    const got = await taken(bob);
    expect(fromUtf8(got.body)).toBe(CPIM);
    expect([header(got, 'To'), header(got, 'P-Called-Party-ID')]).toEqual([`<${CLUB}>`, `<${at('bob')}>`]);
    expect(alice.inbox).toEqual([]);
  });

  it('is for its members, and may refuse who gives no name', async () => {
    const network = await start({ groups });
    const [alice, carol] = [await registered(network, 'alice'), await registered(network, 'carol')];
    expect((await carol.ask('MESSAGE', CLUB, { body: 'x', headers: [['Content-Type', 'text/plain']] })).status).toBe(403);
    const hidden = {
      body: 'x',
      headers: [
        ['Privacy', 'id'],
        ['Content-Type', 'text/plain'],
      ] as const,
    };
    expect((await alice.ask('MESSAGE', CLUB, hidden)).status).toBe(433);
  });

  it('stands on the command line with its members', () => {
    const line = (...groups: string[]) => readArguments(['--users', 'alice,bob', ...groups.flatMap((group) => ['--group', group])]).groups;
    expect(line('club=alice,bob', 'other=bob')).toEqual([
      { name: 'club', members: ['alice', 'bob'] },
      { name: 'other', members: ['bob'] },
    ]);
    for (const wrong of ['club', 'club=', 'club=mallory', 'alice=bob', '=alice', 'a b=alice'])
      expect(() => line(wrong), wrong).toThrow('--group');
  });
});
