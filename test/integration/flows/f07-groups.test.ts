import { afterEach, describe, expect, test } from 'vitest';
import { randomToken } from '../../../shared/base/random.ts';
import type { Group } from '../../../shared/model/group.ts';
import type { ExamplePeer } from '../../harness/flow/example-peer.ts';
import type { Allowance } from '../../harness/flow/example-script.ts';
import { Flow } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import type { Person } from '../../harness/two-people.ts';

const flow = new Flow(temporaryFolder());
afterEach(() => flow.end());

const FOCUS = { host: '198.51.100.40', port: 2855 };
const [BOB, CAROL, DAVE, ERIN] = [
  'sip:bob@home2.example',
  'sip:carol@home1.example',
  'sip:dave@home2.example',
  'sip:erin@home1.example',
] as const;

const OFFER: readonly Allowance[] = [
  { why: 'parts beside each other are MIME', extra: /^head\|MIME-Version: 1\.0$/ },
  { why: 'how much is taken at once, and by which way (RFC 4975 section 8.6, RFC 6714)', extra: /^sdp\.1\|a=(?:max-size:\d+|msrp-cema)$/ },
];
const CONTACT: Allowance = {
  why: 'which device it is, and what it can do, stands beside its GRUU too',
  extra: /^head\|Contact: <sip:alice@home1\.example;gr=urn:uuid:[0-9a-f-]{36}>;\+sip\.instance=/,
  missing: /^head\|Contact: <sip:alice@home1\.example;gr=[^>]*>$/,
};
const SUBSCRIBE: readonly Allowance[] = [
  CONTACT,
  {
    why: 'a session timer means nothing there (RFC 4028 section 4)',
    extra: /^head\|Supported: gruu$/,
    missing: /^head\|Supported: timer, gruu$/,
  },
];
const REFER: readonly Allowance[] = [
  CONTACT,
  {
    why: 'a prefix that this list does not use is declared',
    extra: /^list\|(?:<resource-lists xmlns="[^"]*"$| +xmlns:cp=)/,
    missing: /^list\|<resource-lists xmlns="[^"]*">$/,
  },
];
const SEND: readonly Allowance[] = [
  {
    why: 'what is the default is said (RFC 4975 section 7.1.1), and what cannot be typed is heard of',
    extra: /^head\|(?:Success-Report: no|Failure-Report: yes)$/,
    missing: /^head\|Failure-Report: no$/,
  },
];
/** nothing was sent in the dialog before */
const FIRST: readonly Allowance[] = [{ why: 'the second request', extra: /^head\|CSeq: 2 BYE$/, missing: /^head\|CSeq: [39] BYE$/ }];

const presences = ({ participants }: Group) => participants.map(({ address, presence }) => `${address} ${presence}`);

/** Alice has made the group of F07-01, and is told who is in. */
async function made(peer: ExamplePeer, person: Person): Promise<{ id: number; line: Awaited<ReturnType<ExamplePeer['accepts']>> }> {
  const { conversationId: id } = await person.call['groups.create']({ subject: 'Saturday climb', addresses: [BOB, CAROL, DAVE] });
  await peer.takes('F07-01.sip', OFFER);
  peer.plays('F07-02.sip');
  await peer.takes('F07-03.sip');
  const line = await peer.accepts();
  await peer.answersBinding(line);
  await peer.takes('F07-04.sip', SUBSCRIBE, (text) => text.includes('Event: conference'));
  for (const name of ['F07-05.sip', 'F07-06.sip']) peer.plays(name);
  await peer.takes('F07-07.sip');
  peer.plays('F07-08.sip');
  await peer.takes('F07-09.sip');
  const expected = ['sip:alice@home1.example in', `${BOB} in`, `${CAROL} in`, `${DAVE} declined`];
  await person.sees('group.changed', (group) => group.conversationId === id && presences(group).join() === expected.join());
  return { id, line };
}

describe('F07: a group', () => {
  test('R-GRP-01 R-GI-01: is made, watched, spoken in and left', async () => {
    const { peer, person } = await flow.start('alice', FOCUS);
    const { id, line } = await made(peer, person);
    await person.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'Bring two ropes.' });
    await peer.takesMessage(line, ['F07-10.msrp'], ['F07-11.msrp'], SEND);
    await person.seesMessage(({ text, status }) => text === 'Bring two ropes.' && status === 'sent');
    peer.sends(line, 'F07-12.msrp');
    await peer.takesLine(line, 'F07-13.msrp');
    const heard = await person.seesMessage(({ text }) => text === 'Got one, 60 m.');
    expect(heard.author).toEqual({ address: CAROL, name: 'Carol' });
    await peer.takesMessage(line, ['F07-14.msrp'], [], SEND);
    await person.call['typing.set']({ conversationId: id, typing: true });
    await peer.takesMessage(line, ['F07-15.msrp'], [], SEND);
    await Promise.all([person.call['groups.leave']({ conversationId: id }), peer.takes('F07-16.sip', FIRST)]);
    expect(peer.differences).toEqual([]);
  });
});

describe('F10: adding and removing', () => {
  test('R-GM-08 R-GM-10 R-GM-17 R-GM-26 R-GM-32: one and several, told of by NOTIFY or by the roster alone', async () => {
    const { peer, person } = await flow.start('alice', FOCUS);
    const { id } = await made(peer, person);
    const add = (...addresses: string[]) => person.call['groups.add']({ conversationId: id, addresses });
    const remove = (...entities: string[]) => person.call['groups.remove']({ conversationId: id, entities });
    const one = add(ERIN);
    await peer.takes('F10-01.sip', REFER);
    for (const name of ['F10-02.sip', 'F10-03.sip']) peer.plays(name);
    await peer.takes('F10-04.sip');
    peer.plays('F10-05.sip');
    await peer.takes('F10-06.sip');
    await one;
    const several = add(DAVE, ERIN);
    await peer.takes('F10-07.sip', REFER);
    peer.plays('F10-08.sip');
    await several;
    const out = remove(DAVE);
    await peer.takes('F10-09.sip', REFER);
    peer.plays('F10-10.sip');
    await out;
    // both have come meanwhile
    peer.plays('F10-13.sip', (text) =>
      text
        .replace('<disconnection-method>booted</disconnection-method>', '')
        .replace('disconnected', 'connected')
        .replace('</users>', `<user entity="${ERIN}"><endpoint entity="${ERIN}"><status>connected</status></endpoint></user></users>`),
    );
    await person.sees('group.changed', (group) => presences(group).includes(`${ERIN} in`));
    const both = remove(DAVE, ERIN);
    await peer.takes('F10-11.sip', REFER);
    peer.plays('F10-12.sip');
    await both;
    peer.plays('F10-13.sip', (text) => text.replace('version="3"', 'version="4"').replace('CSeq: 3', 'CSeq: 4'));
    await person.sees('group.changed', (group) => presences(group).includes(`${DAVE} removed`));
    expect(peer.differences).toEqual([]);
  });
});

describe('F08: a group that the network has, and an invitation', () => {
  test('R-GRP-14 R-GRP-22: is entered at its address, without a list', async () => {
    const { peer, person } = await flow.start('alice', FOCUS);
    const joined = person.call['groups.joinAddress']({ address: 'sip:climbing-club@groups.home1.example' });
    const invite = await peer.takes('F08-01.sip', OFFER);
    peer.binds(invite, { branch: 'z9hG4bKdfe2a07437d4', tag: '9421ef8f', call: 'a53b8ca47d5f7a05@192.0.2.10' });
    peer.plays('F07-02.sip', (text) => text.replaceAll('conference-factory@home1.example', 'climbing-club@groups.home1.example'));
    await peer.answersBinding(await peer.accepts());
    const { conversationId } = await joined;
    // R-GRP-32
    expect(await person.call['groups.read']({ conversationId })).toMatchObject({
      standing: 'member',
      session: 'open',
      subject: 'Saturday climb',
    });
    await peer.takes('F07-04.sip', SUBSCRIBE, (text) => text.includes('Event: conference'));
    expect(peer.differences).toEqual([]);
  });

  test.each([
    ['accepted', 200],
    ['declined', 603],
  ] as const)('an invitation is shown by whom it is from, and %s', async (what, status) => {
    const { peer, person } = await flow.start('alice', FOCUS);
    const instance = /urn:uuid:[0-9a-f-]{36}/.exec(peer.registration)?.[0] ?? '';
    peer.script.bind('urn:uuid:f81d4fae-7dec-41d0-a765-00a0c91e6bf6', instance);
    peer.plays('F08-02.sip');
    const { conversationId, invitedBy, participants } = await person.sees('group.changed', ({ standing }) => standing === 'invited');
    expect(invitedBy?.address).toBe(BOB);
    expect(participants.map(({ address }) => address)).toEqual(expect.arrayContaining([CAROL, DAVE]));
    if (what === 'accepted') void person.call['groups.join']({ conversationId }).catch(() => undefined);
    else await person.call['groups.decline']({ conversationId });
    expect(await peer.takesAny(`${status} INVITE`)).toContain('CSeq: 1 INVITE');
  });
});

describe('F09: a chat goes over into a group', () => {
  test('R-EXT-01 R-EXT-06 R-EXT-07: its peer by his device, with what is replaced; it ends once he is in', async () => {
    const { peer, person } = await flow.start('alice', { host: '203.0.113.20', port: 20_600 });
    await person.call['settings.change']({ preferredMode: 'session' });
    const { id } = await person.call['conversations.open']({ address: BOB });
    await person.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'Shall we ask Carol?' });
    await peer.takes('F05-01.sip', [...OFFER, { why: 'a chat with one person has no name', missing: /^head\|Subject: / }]);
    peer.plays('F05-04.sip');
    await peer.takes('F05-05.sip');
    const line = await peer.accepts();
    await peer.answersBinding(line);
    peer.moves(FOCUS);
    await person.call['groups.create']({ subject: '', addresses: [CAROL], extends: id });
    await peer.takes('F09-01.sip', OFFER);
    peer.plays('F09-02.sip');
    // the same place, so the same connection (RFC 4975 section 5.4)
    await peer.answersBinding(line);
    peer.script.bind('cpm-conf-7f3a91', 'cpm-conf-90cc12');
    await peer.takes('F07-04.sip', SUBSCRIBE, (text) => text.includes('Event: conference'));
    for (const name of ['F07-05.sip', 'F07-06.sip']) peer.plays(name);
    await peer.takes('F05-17.sip', FIRST);
    expect(peer.differences).toEqual([]);
  });
});
