import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { DeferredItem, DeferredOrder } from '../../../shared/model/deferred.ts';
import { type ExamplePeer, throughTheNetwork } from '../../harness/flow/example-peer.ts';
import { type Allowance, payloadOf } from '../../harness/flow/example-script.ts';
import { Flow, takenFilm } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import type { Person } from '../../harness/two-people.ts';
import { exampleOctets } from '../../vectors/example.ts';

const flow = new Flow(temporaryFolder());
afterEach(() => flow.end());

const PF = { host: '198.51.100.60', port: 2855 };

const SUBSCRIBE: readonly Allowance[] = [
  { why: 'and NOTIFY is answered in a subscription', extra: /^head\|Allow: .*, NOTIFY$/, missing: /^head\|Allow: / },
];
const INVITE: readonly Allowance[] = [
  { why: 'parts beside each other are MIME', extra: /^head\|MIME-Version: 1\.0$/ },
  { why: 'no length within a part', extra: /^sdp\.head\|Content-Length/ },
];

/** The list of F19-03 in the subscription that the client made. */
async function listed(peer: ExamplePeer, person: Person): Promise<readonly DeferredItem[]> {
  await peer.takes('F19-01.sip', SUBSCRIBE);
  peer.plays('F19-02.sip');
  peer.plays('F19-03.sip');
  await peer.takes('F19-04.sip');
  await person.sees('deferred.changed', ({ support, count }) => support === 'listed' && count === 5);
  return (await person.call['deferred.page']({ limit: 50 })).items;
}

async function orders(person: Person, items: readonly DeferredItem[], wanted: readonly DeferredOrder[]): Promise<void> {
  const oldest = [...items].sort((a, b) => a.sentAt - b.sentAt);
  await person.call['deferred.order']({ orders: oldest.map(({ id }, at) => ({ id, order: wanted[at] ?? 'deliver' })) });
}

/** The answer of F20-02 is to this one. */
function bind(peer: ExamplePeer, invite: string): void {
  const of = { branch: 'z9hG4bK187a833364ad', tag: '7d411651', call: '4980945bfe49956b@192.0.2.10', sentBy: '192.0.2.10:5060' };
  peer.binds(invite, of);
}

/** The network has taken the orders, and the client has connected. */
async function accepted(peer: ExamplePeer, name: string, allowed: readonly Allowance[] = []) {
  const invite = await peer.takes(name, [...INVITE, ...allowed]);
  bind(peer, invite);
  peer.plays('F20-02.sip');
  await peer.takes('F20-03.sip');
  const line = await peer.accepts();
  await peer.answersBinding(line);
  return line;
}

describe('F19 F20: what waits in the network', () => {
  test('R-DEF-02 R-DEF-06: is listed, and five items get an order each in one request; two come and say so', async () => {
    const { peer, person } = await flow.start('alice', PF);
    const items = await listed(peer, person);
    expect(items.map(({ kind, peer: from, subject }) => [kind, from, subject])).toEqual([
      ['pager', 'sip:erin@home1.example', null],
      ['file', 'sip:bob@home2.example', 'ridge.jpg'],
      ['pager', 'sip:dave@home2.example', null],
      ['large', 'sip:carol@home1.example', 'Survey'],
      ['pager', 'sip:bob@home2.example', null],
    ]);
    await orders(person, items, ['deliver', 'deliver', 'delete', 'store', 'interwork']);
    const line = await accepted(peer, 'F20-01.sip');
    for (const name of ['F20-06.msrp', 'F20-08.msrp', 'F20-10.msrp']) peer.sends(line, name);
    for (const name of ['F20-07.msrp', 'F20-09.msrp', 'F20-11.msrp']) await peer.takesLine(line, name);
    const message = await person.seesMessage(({ text }) => text === 'Call me when you are back.');
    expect(message).toMatchObject({ deferred: true, sentAt: Date.UTC(2026, 2, 1, 18, 2, 11), imdnId: 'O5YKPnwpLyxrCdyb5OzXyW1E' });
    await person.seesMessage(({ text }) => text.startsWith('Second survey'));
    peer.plays('F20-12.sip');
    await peer.takes('F20-13.sip');
    await person.sees('deferred.changed', ({ count, fetching, error }) => count === 0 && fetching === null && error === null);
    expect((await person.call['deferred.page']({ limit: 50 })).items).toEqual([]);
    expect(peer.differences).toEqual([]);
  });

  test('R-DEF-03 R-DEF-15 R-DEF-17: all of it is asked for by a session alone', async () => {
    const { peer, person } = await flow.start('alice', PF);
    await listed(peer, person);
    await person.call['deferred.orderAll']({ order: 'deliver' });
    const line = await accepted(peer, 'F20-14.sip');
    peer.sends(line, 'F20-06.msrp');
    await peer.takesLine(line, 'F20-07.msrp');
    await person.seesMessage(({ text }) => text === 'Call me when you are back.');
    peer.plays('F20-12.sip');
    await peer.takes('F20-13.sip');
    // there was something, so the rest is asked for once more
    bind(peer, await peer.takesAny('INVITE'));
    peer.plays('F20-02.sip', (text) => text.replace('200 OK', '404 Not Found').replace(/Content-Type[\s\S]*/, 'Content-Length: 0\r\n\r\n'));
    await peer.takesAny('SUBSCRIBE');
    const { items } = await person.call['deferred.page']({ limit: 50 });
    expect(items.map(({ state, error }) => [state, error?.code])).toEqual(
      ['failed', 'failed', 'failed'].map((state) => [state, 'deferred.gone']),
    );
    expect(peer.differences).toEqual([]);
  });

  test('R-AD-07: what came before the session broke is not asked for again, the rest is', async () => {
    const { peer, person } = await flow.start('alice', PF);
    const items = await listed(peer, person);
    await orders(person, items.filter(({ kind }) => kind !== 'file').slice(-2), ['deliver', 'deliver']);
    const line = await accepted(peer, 'F20-01.sip', [{ why: 'two items', missing: /^list\||entry/ }]);
    peer.sends(line, 'F20-06.msrp');
    await peer.takesLine(line, 'F20-07.msrp');
    await person.seesMessage(({ text }) => text === 'Call me when you are back.');
    line.destroy();
    const again = await peer.takesAny('INVITE');
    expect(again.match(/cpm_action=deliver/g)).toHaveLength(1);
    expect(again).toContain('sip:dm-5f1c7a91@home1.example?cpm_action=deliver');
  });

  test('without a list to be had (489) everything can still be asked for', async () => {
    const { peer, person } = await flow.start('alice', PF);
    await peer.takes('F19-01.sip', SUBSCRIBE);
    peer.plays('F19-02.sip', (text) => text.replace('200 OK', '489 Bad Event'));
    await person.sees('deferred.changed', ({ support }) => support === 'unsupported');
    await person.call['deferred.orderAll']({ order: 'deliver' });
    const line = await accepted(peer, 'F20-14.sip');
    peer.sends(line, 'F20-06.msrp');
    await person.seesMessage(({ text }) => text === 'Call me when you are back.');
    await person.sees('deferred.changed', ({ fetching }) => fetching?.done === 1 && fetching.of === null);
    expect(peer.differences).toEqual([]);
  });
});

describe('F21: what the network brings by itself', () => {
  test('a MESSAGE with the tag of deferred messages is like a fresh one, and says that it was kept', async () => {
    const { peer, person } = await flow.start('alice', PF);
    peer.plays('F21-01.sip', throughTheNetwork);
    await peer.takes('F21-02.sip');
    const message = await person.seesMessage(({ text }) => text === 'Call me when you are back.');
    expect(message).toMatchObject({ deferred: true, sentAt: Date.UTC(2026, 2, 1, 18, 2, 11) });
    await peer.takes('F20-15.sip', [
      { why: 'only devices that do so', cut: /(?<=oma\.cpm\.msg");require;explicit$/ },
      { why: 'where the device is found again (cpm.md section 17, 18)', extra: /^head\|Contact: / },
    ]);
    expect(peer.differences).toEqual([]);
  });

  test('a large message with that tag is taken as one, and says so too', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 9 });
    peer.obliging = true;
    peer.plays('F04-01.sip', (text) => throughTheNetwork(text).replaceAll('oma.cpm.largemsg', 'oma.cpm.deferred'));
    const path = pathOf(await peer.takesAny('200 INVITE'));
    const line = await peer.connectsTo(path);
    line.write(sendOf(path, 'msrp://192.0.2.10:9/Qx63TwxQgGVYjENeIcBE;tcp', SURVEY));
    const message = await person.seesMessage(({ text }) => text.startsWith('The survey of the east ridge'));
    expect(message).toMatchObject({ deferred: true, sentAt: Date.UTC(2026, 2, 2, 10), imdnId: '1tQMdnD4Np1yJCZzXIs67CCW' });
    expect(await conversationOf(person, message.conversationId)).toMatchObject({ peer: 'sip:alice@home1.example', unread: 1 });
  });

  test('a stored chat is listened to, is its author’s, and is not answered into', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_012 });
    peer.obliging = true;
    const stored = (text: string) =>
      throughTheNetwork(text).replace(
        /P-Asserted-Identity: .*/,
        'P-Asserted-Identity: <sip:rcse-standfw@home2.example>\r\nReferred-By: <sip:alice@home1.example>',
      );
    peer.plays('F05-01.sip', stored);
    const path = pathOf(await peer.takesAny('200 INVITE'));
    const line = await peer.connectsTo(path);
    line.write(sendOf(path, 'msrp://192.0.2.10:30012/dRGhInwG2ywSB4tkwgbW;tcp', SURVEY));
    const message = await person.seesMessage(({ text }) => text.startsWith('The survey of the east ridge'));
    expect(message).toMatchObject({ deferred: true, sentAt: Date.UTC(2026, 2, 2, 10) });
    const conversation = await conversationOf(person, message.conversationId);
    expect(conversation).toMatchObject({ peer: 'sip:alice@home1.example', unread: 1 });
    await person.call['messages.sendText']({ conversationId: conversation.id, clientId: 'WLLqoHBMo90GHUac1pH8VzFP', text: 'Thanks' });
    await person.seesMessage(({ text, status }) => text === 'Thanks' && status === 'sent');
    expect(line.left.filter((each) => each.includes(' SEND'))).toEqual([]);
  });

  test('R-AD-05 R-AD-07: the rest of a file that was accepted before comes without a question, and the whole is verified', async () => {
    const { peer, person } = await flow.start('alice', { host: '203.0.113.20', port: 20_720 });
    peer.obliging = true;
    const { transferId, line, to, from } = await takenFilm(peer, person, { size: WALK.length, sha1: HASH });
    line.write(sendOf(to, from, WALK.subarray(0, 6144), { type: 'video/mp4', of: WALK.length, flag: '+' }));
    await line.next((text) => /^MSRP \S+ 200/.test(text), '200');
    line.destroy();
    await person.seesMessage(({ transfer }) => transfer?.id === transferId && transfer.state === 'interrupted');

    peer.script.bind(EXAMPLE_HASH, HASH);
    peer.moves(PF);
    peer.plays('F21-03.sip');
    const answer = await peer.takesAny('200 INVITE');
    expect(answer).toMatch(/\r\na=recvonly\r\n/);
    expect(answer).toMatch(/\r\na=file-range:6145-10000\r\n/);
    const again = pathOf(answer);
    const rest = await peer.connectsTo(again);
    const pf = peer.script.meaningOf('msrp://198.51.100.60:2855/OlCmIvaqeiYBbwHweLSh;tcp');
    rest.write(sendOf(again, pf, WALK.subarray(6144), { type: 'video/mp4', of: WALK.length - 6144, flag: '$' }));
    const done = await person.seesMessage(({ transfer }) => transfer?.id === transferId && transfer.state === 'done');
    expect((await readFile(person.saved(done))).equals(WALK)).toBe(true);
  });
});

const contentOf = (...names: string[]) => Buffer.concat(names.map((name) => payloadOf(exampleOctets(name))));
const SURVEY = contentOf('F04-05.msrp', 'F04-06.msrp');
const EXAMPLE_HASH = '0F:8D:93:6E:93:02:23:69:5B:31:4B:E8:E7:2A:04:D0:BC:5C:5A:06';
/** the examples do not show all of walk.mp4, so the hash is our own */
const WALK = Buffer.alloc(10_000, 'walk');
const HASH = (createHash('sha1').update(WALK).digest('hex').toUpperCase().match(/../g) ?? []).join(':');

const pathOf = (answer: string): string => /a=path:(\S+)/.exec(answer)?.[1] ?? '';

const conversationOf = async (person: Person, id: number) => {
  const { items } = await person.call['conversations.page']({ limit: 50, requests: true });
  const found = items.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no conversation ${id}`);
  return found;
};

/** One SEND of the start of a message that is so long. */
function sendOf(
  to: string,
  from: string,
  octets: Uint8Array,
  { type, of, flag } = { type: 'message/cpim', of: octets.length, flag: '$' },
): Buffer {
  const head = [
    'MSRP f21a0001 SEND',
    ...[`To-Path: ${to}`, `From-Path: ${from}`, 'Message-ID: c3uJpQelUL0H'],
    ...[`Byte-Range: 1-${octets.length}/${of}`, `Content-Type: ${type}`, '', ''],
  ];
  return Buffer.concat([Buffer.from(head.join('\r\n')), octets, Buffer.from(`\r\n-------f21a0001${flag}\r\n`)]);
}
