import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { LargePeer } from '../harness/large-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
const LONG = 'The survey of the east ridge took four days. '.repeat(100);
const DOMAIN = 'parley.example';
const EXPLODER = `sip:pager-exploder@${DOMAIN}`;
const CLUB = `sip:climbing-club@${DOMAIN}`;
const HELP = `sip:dave@${DOMAIN}`;
const PAGER = 'sip.Method=="MESSAGE"';
const LARGE = 'sip.Method=="INVITE" && sip.Accept-Contact contains "oma.cpm.largemsg"';

describe.skipIf(hindrance !== null)('whom a standalone message goes to, as tshark sees it', () => {
  const folder = temporaryFolder();
  let wire: Wire;
  let people: TwoPeople;
  let alice: string;
  let bob: string;
  /** the message to Bob, Carol and nobody, as its writer's window sees it in the end */
  let states: string[];
  let cancelled: Message;

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder, {
      guests: ['carol', 'dave', 'erin'],
      network: { groups: [{ name: 'climbing-club', members: ['alice', 'bob', 'carol'] }] },
    });
    const carol = await people.device('carol', 'carol');
    const dave = await people.device('dave', 'dave');
    await toSeveral(people.alice, people.bob, carol, dave);
    await withoutName(people.alice, people.bob);
    await givenUp(people.alice);
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
    const own = async (user: string) => wire.from(((await wire.connectionsOf(user)) as [number])[0]);
    [alice, bob] = [await own('alice'), await own('bob')];
  }, 120_000);
  afterAll(() => people?.close());

  const write = (person: Person, conversationId: number, text: string, anonymous = false) =>
    person.call['messages.sendText']({ conversationId, clientId: randomToken(24), text, anonymous });
  const arrives = (person: Person, text: string) =>
    person.seesMessage((message) => message.text === text && message.direction === 'in', 30_000);

  /** Alice wants her answers to go to Dave; Bob answers her alone, and then all. */
  async function toSeveral(writer: Person, reader: Person, carol: Person, dave: Person): Promise<void> {
    await writer.call['settings.change']({ replyTo: HELP });
    await write(writer, (await writer.conversationWith(reader)).id, 'write to the help desk');
    const asked = await arrives(reader, 'write to the help desk');
    await write(reader, asked.conversationId, 'a question for the desk');
    await arrives(dave, 'a question for the desk');

    const list = await writer.call['conversations.openList']({ addresses: [reader.address, carol.address] });
    const { id } = await write(writer, list.id, 'minutes are on the share');
    await writer.seesMessage((message) => message.id === id && message.status === 'delivered', 30_000);
    states = (await writer.call['messages.info']({ messageId: id })).recipients.map(({ address, status }) => `${address} ${status}`);
    const received = await arrives(reader, 'minutes are on the share');
    const all = await reader.call['conversations.openReplyAll']({ messageId: received.id });
    await write(reader, all.id, 'thanks to all of you');
    await Promise.all([arrives(carol, 'thanks to all of you'), arrives(dave, 'thanks to all of you')]);
    const long = await write(writer, list.id, LONG);
    await writer.seesMessage((message) => message.id === long.id && message.status === 'delivered', 60_000);

    const club = await writer.call['conversations.open']({ address: CLUB });
    await write(writer, club.id, 'the route for Saturday');
    await Promise.all([arrives(reader, 'the route for Saturday'), arrives(carol, 'the route for Saturday')]);
    const large = await write(writer, club.id, LONG);
    await writer.seesMessage((message) => message.id === large.id && message.status === 'delivered', 60_000);
    await writer.call['settings.change']({ replyTo: '' });
  }

  async function withoutName(writer: Person, reader: Person): Promise<void> {
    const { id } = await writer.conversationWith(reader);
    for (const text of ['guess who', `guess again ${LONG}`, 'guess to what']) {
      const quoted = text === 'guess to what' ? { quotes: await ownAnswer(writer, reader) } : {};
      await writer.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text, anonymous: true, ...quoted });
      const { conversationId } = await arrives(reader, text);
      const { kind, title } = await reader.sees('conversation.changed', (each) => each.id === conversationId);
      expect([kind, title]).toEqual(['anonymous', 'Anonymous']);
    }
  }

  /** A text of the reader in the conversation with the writer that has a name. */
  async function ownAnswer(writer: Person, reader: Person): Promise<number> {
    const { id: conversationId } = await reader.conversationWith(writer);
    // answers went to the help desk until now
    await reader.call['conversations.forgetReplyTo']({ conversationId });
    await write(reader, conversationId, 'who asks?');
    return (await arrives(writer, 'who asks?')).id;
  }

  /** Erin's phone rings until the writer gives up. */
  async function givenUp(writer: Person): Promise<void> {
    const erin = await LargePeer.start(people.accountOf('erin'));
    const { id } = await writer.call['conversations.open']({ address: erin.sip.account.address });
    const { id: messageId } = await write(writer, id, LONG);
    const invite = await erin.sip.request('INVITE', 30_000);
    erin.sip.answer(invite, 180, 'Ringing');
    await writer.sees('messages.cancellable', ({ messageIds }) => messageIds.includes(messageId));
    await wait(300);
    await writer.call['messages.cancel']({ messageId });
    const cancel = await erin.sip.request('CANCEL', 10_000);
    erin.sip.answer(cancel, 200, 'OK');
    erin.refuse(invite, 487);
    cancelled = await writer.seesMessage((message) => message.id === messageId && message.status === 'failed', 30_000);
    await wait(300);
    await erin.vanish();
  }

  const holds = async (from: string, what: string, ...filters: string[]): Promise<void> => {
    const filter = [from, what, ...filters].join(' && ');
    expect(await wire.count(filter), filter).toBeGreaterThan(0);
  };

  test('no packet is malformed', async () => {
    expect(await wire.malformed()).toBe(0);
  });

  test('R-PM-04 R-LM-04: Reply-To tells where the person wants the answer, in either mode', async () => {
    await holds(alice, PAGER, 'sip contains "write to the help desk"', `sip.Reply-To contains "${HELP}"`);
    await holds(alice, LARGE, `sip.Reply-To contains "${HELP}"`);
    expect(await wire.count(`${alice} && ${PAGER} && sip contains "guess who" && sip.Reply-To`)).toBe(0);
  });

  test('R-PM-08: the answer goes to the address of the received Reply-To', async () => {
    const rows = await wire.signalling(`${bob} && ${PAGER} && sip contains "a question for the desk"`, 'sip.r-uri', 'sip.to.addr');
    expect(rows).toEqual([[HELP, HELP]]);
  });

  test('R-PM-09 R-PM-10: a text to several goes to the list server with their list', async () => {
    await holds(
      ...([alice, `${PAGER} && sip contains "minutes are on the share"`] as const),
      `sip.r-uri=="${EXPLODER}"`,
      'sip.Require contains "recipient-list-message"',
      'sip.Content-Type contains "multipart/mixed"',
      'sip contains "application/resource-lists+xml"',
      'sip contains "Content-Disposition: recipient-list"',
      ...['bob', 'carol'].map((user) => `sip contains "entry uri=\\"sip:${user}@${DOMAIN}\\""`),
    );
    expect(states).toEqual([`sip:bob@${DOMAIN} delivered`, `sip:carol@${DOMAIN} delivered`]);
  });

  test('R-PM-11: the answer to all has the address of the received Reply-To in its list', async () => {
    await holds(
      ...([bob, `${PAGER} && sip contains "thanks to all of you"`] as const),
      `sip.r-uri=="${EXPLODER}"`,
      `sip contains "entry uri=\\"${HELP}\\""`,
      `sip contains "entry uri=\\"sip:carol@${DOMAIN}\\""`,
    );
    expect(
      await wire.count(`${bob} && ${PAGER} && sip contains "thanks to all of you" && sip contains "uri=\\"sip:alice@${DOMAIN}\\""`),
    ).toBe(0);
  });

  test('R-PM-12 R-LM-12: a text to a group has the group’s address and no list, in either mode', async () => {
    for (const what of [`${PAGER} && sip contains "the route for Saturday"`, LARGE]) {
      await holds(alice, what, `sip.r-uri=="${CLUB}"`, '!(sip contains "resource-lists")', '!sip.Require');
    }
  });

  test('R-PM-06 R-LM-06: without the name there is none in the request, and Privacy asks the network for the same', async () => {
    for (const what of [`${PAGER} && sip contains "guess who"`, LARGE]) {
      await holds(
        ...([alice, what] as const),
        'sip.Privacy contains "id"',
        'sip.from.addr=="sip:anonymous@anonymous.invalid"',
        '!(sip.Contact contains "sip.instance") && !(sip.Contact contains "alice")',
      );
    }
    expect(await wire.count(`${PAGER} && sip contains "guess who" && sip contains "Disposition-Notification"`)).toBe(0);
    // nothing of her reaches the other side
    const [reader] = (await wire.connectionsOf('bob')) as [number];
    expect(await wire.count(`${wire.to(reader)} && ${PAGER} && sip contains "guess who"`)).toBe(1);
    expect(await wire.count(`${wire.to(reader)} && ${PAGER} && sip contains "guess who" && sip contains "alice"`)).toBe(0);
  });

  test('R-PM-06 R-LM-06: nothing tells that what came without a name and what came with one are of the same person', async () => {
    const requests = async (filter: string): Promise<string[]> => {
      const rows = await wire.signalling(`${filter} && sip.Request-Line && (${PAGER} || sip.Method=="INVITE")`, 'tcp.payload');
      return rows.map(([octets = '']) => Buffer.from(octets.replaceAll(/[^0-9a-f]/g, ''), 'hex').toString());
    };
    const idsOf = (texts: readonly string[]): string[] =>
      texts.flatMap((text) =>
        [...text.matchAll(/^(?:Conversation-ID|Contribution-ID|InReplyTo-Contribution-ID|imdn\.Message-ID): *(\S+)/gim)].map(
          ([, id]) => id ?? '',
        ),
      );
    const [reader] = (await wire.connectionsOf('bob')) as [number];
    const sent = await requests(alice);
    const hidden = sent.filter((text) => /^Privacy: *id/im.test(text));
    const named = [...sent.filter((text) => !hidden.includes(text)), ...(await requests(bob))];
    expect([hidden.length, named.length > 3]).toEqual([3, true]);
    const ids = idsOf(hidden);
    expect(ids.length).toBeGreaterThanOrEqual(8);
    expect(new Set(ids).size).toBe(ids.length);
    expect(idsOf(named).filter((id) => ids.includes(id))).toEqual([]);

    const registered = (await wire.signalling(`${alice} && sip.Method=="REGISTER"`, 'tcp.payload')).map(([octets = '']) =>
      Buffer.from(octets.replaceAll(/[^0-9a-f]/g, ''), 'hex').toString(),
    );
    const instance = /urn:uuid:([0-9a-f-]+)/.exec(registered.join(''))?.[1] ?? 'none';
    const received = (await requests(wire.to(reader))).filter((text) => /^Privacy: *id/im.test(text));
    expect(received).toHaveLength(3);
    expect(named.some((text) => text.includes(instance))).toBe(true);
    for (const text of received) {
      expect(text.toLowerCase()).not.toContain('alice');
      expect(text).not.toContain(instance);
      expect(text).not.toContain('InReplyTo');
    }
  });

  test('R-LM-10 R-LM-11: a large text to several is an INVITE to the list server with the offer and their list', async () => {
    await holds(
      ...([alice, LARGE] as const),
      `sip.r-uri=="${EXPLODER}"`,
      'sip.Require contains "recipient-list-invite"',
      'sip contains "application/resource-lists+xml"',
      'sip contains "Content-Disposition: recipient-list"',
      'sdp.media contains "TCP/MSRP"',
      ...['bob', 'carol'].map((user) => `sip contains "entry uri=\\"sip:${user}@${DOMAIN}\\""`),
    );
  });

  test('R-LM-20: who gives up before the final answer sends CANCEL, and 487 follows', async () => {
    const [[id, frame] = []] = await wire.signalling(
      `${alice} && sip.Method=="CANCEL" && sip.r-uri contains "erin"`,
      'sip.Call-ID',
      'frame.number',
    );
    const ended = await wire.first(`tcp.srcport==${people.networkPort} && sip.Status-Code==487 && sip.Call-ID=="${id}"`);
    expect(ended).toBeGreaterThan(Number(frame));
    expect(cancelled.error?.code).toBe('message.cancelled');
  });
});
