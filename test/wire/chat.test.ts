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
const INVITE = 'sip.Method=="INVITE" && sip.Accept-Contact contains "oma.cpm.session"';
const TIMER: (readonly [string, string])[] = [
  ['Session-Expires', '90;refresher=uac'],
  ['Require', 'timer'],
];

async function send(from: Person, address: string, text: string): Promise<Message> {
  const { id } = await from.call['conversations.open']({ address });
  return from.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
}
const became = (at: Person, sent: Message, status: Message['status'], within?: number) =>
  at.seesMessage((message) => message.imdnId === sent.imdnId && message.status === status, within);

describe.skipIf(hindrance !== null)('chat sessions as tshark sees them', { timeout: 240_000 }, () => {
  const folder = temporaryFolder();
  let wire: Wire;
  let people: TwoPeople;
  /** display filters: what Alice and Bob sent to the network */
  let alice: string;
  let bob: string;
  /** of the call to Bob, as it left, and as it came to him */
  let call: string;
  let callAtBob: string;

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder, { guests: ['carol', 'dave', 'erin'] });
    await people.alice.call['settings.change']({ preferredMode: 'session' });
    await Promise.all([
      toBob(),
      refreshed('carol', 'INVITE, ACK, BYE, CANCEL, UPDATE'),
      refreshed('dave', 'INVITE, ACK, BYE, CANCEL'),
      rings(),
    ]);
    await people.alice.client.stop();
    await wait(300);
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
    const [one] = (await wire.connectionsOf('alice')) as [number];
    const [two] = (await wire.connectionsOf('bob')) as [number];
    alice = wire.from(one);
    bob = wire.from(two);
    const idOf = async (filter: string) => `sip.Call-ID=="${(await wire.signalling(filter, 'sip.Call-ID'))[0]?.[0]}"`;
    call = await idOf(`${alice} && ${INVITE} && sip.r-uri contains "bob"`);
    callAtBob = await idOf(`${wire.to(two)} && ${INVITE}`);
  }, 240_000);
  afterAll(() => people?.close());

  /** Asked what he can do, written to, answered, read; both type. */
  async function toBob(): Promise<void> {
    const { id } = await people.alice.conversationWith(people.bob);
    await people.alice.call['conversations.shown']({ conversationId: id });
    await became(people.alice, await send(people.alice, people.bob.address, 'Ten o’clock at the north gate? 🧗'), 'delivered');
    await people.alice.call['typing.set']({ conversationId: id, typing: true });
    await people.bob.sees('typing.changed', ({ typing }) => typing);
    await people.alice.call['typing.set']({ conversationId: id, typing: false });
    await people.bob.sees('typing.changed', ({ typing }) => !typing);
    const answer = await send(people.bob, people.alice.address, 'Make it eleven');
    await became(people.bob, answer, 'delivered');
    const read = await people.alice.seesMessage(({ imdnId }) => imdnId === answer.imdnId);
    await people.alice.call['conversations.markRead']({ conversationId: read.conversationId, upTo: read.id });
    await became(people.bob, answer, 'displayed');
    const text = 'nobody says this';
    const hidden = await people.alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text, anonymous: true });
    await became(people.alice, hidden, 'sent');
    await people.bob.seesMessage((message) => message.text === text);
  }

  /** A peer that asks for a session interval of 90 s, and what it says it takes. */
  async function refreshed(user: string, allow: string): Promise<void> {
    const peer = await LargePeer.start(people.accountOf(user), ['session']);
    const sent = await send(people.alice, peer.sip.account.address, `to ${user}`);
    const description = peer.accept(await peer.sip.request('INVITE', 15_000), {}, [...TIMER, ['Allow', allow]]);
    await became(people.alice, sent, 'sent');
    const refresh = await peer.sip.next((message) => message.kind === 'request' && /^(UPDATE|INVITE)$/.test(message.method), 60_000);
    if (refresh.kind !== 'request') throw new Error('no refresh');
    const contact = ['Contact', `<${peer.sip.contactUri}>`] as const;
    const withBody = refresh.method === 'INVITE' ? { body: description } : {};
    const type = refresh.method === 'INVITE' ? [['Content-Type', 'application/sdp'] as const] : [];
    peer.sip.answer(refresh, 200, 'OK', { headers: [contact, ...type, ...TIMER, ['Allow', allow]], ...withBody });
    peer.obliging();
    await wait(500);
  }

  /** Erin is asked and does not answer: the text leaves another way. */
  async function rings(): Promise<void> {
    const erin = await LargePeer.start(people.accountOf('erin'), ['session', 'msg']);
    const sent = await send(people.alice, erin.sip.account.address, 'are you there');
    const invite = await erin.sip.request('INVITE', 15_000);
    erin.sip.answer(invite, 180, 'Ringing');
    erin.sip.answer(await erin.sip.request('CANCEL', 30_000), 200, 'OK');
    erin.refuse(invite, 487);
    erin.sip.answer(await erin.sip.request('MESSAGE', 10_000), 200, 'OK');
    await became(people.alice, sent, 'sent');
  }

  /** the INVITE with which Alice's text to Bob left is one that all of these filters select */
  const holds = async (...filters: string[]): Promise<void> => {
    const filter = [alice, call, INVITE, ...filters].join(' && ');
    expect(await wire.count(filter), filter).toBe(1);
  };
  const one = async (filter: string, ...fields: string[]): Promise<string[]> => {
    const rows = await wire.packets(filter, ...fields);
    if (rows[0] === undefined) throw new Error(`nothing in the capture fits ${filter}`);
    return rows[0];
  };
  const answered = () => `tcp.srcport==${people.networkPort} && ${call} && sip.Status-Code==200 && sip.CSeq.method=="INVITE"`;
  const attribute = (attributes: string | undefined, name: string) =>
    attributes
      ?.split('|')
      .find((line) => line.startsWith(`${name}:`))
      ?.slice(name.length + 1);

  test('no packet is malformed', async () => {
    expect(await wire.count('sip')).toBeGreaterThan(60);
    expect(await wire.malformed()).toBe(0);
  });

  test('R-SES-01 R-SES-02: one INVITE for the service starts the session, and no text beside it is a MESSAGE', async () => {
    await holds(
      'sip.Accept-Contact contains "3gpp-service.ims.icsi.oma.cpm.session"',
      'sip.msg_hdr contains "P-Preferred-Service: urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session"',
    );
    expect(await wire.count(`(${alice} || ${bob}) && sip.Method=="MESSAGE" && sip.r-uri matches "alice|bob"`)).toBe(0);
    expect(await wire.count(`${bob} && ${INVITE}`)).toBe(0);
  });

  test('R-SES-03 R-SES-04 R-SES-09 R-SES-10 R-SES-13: identity, release, option tags, timer and the route of the registration', async () => {
    await holds(
      'sip.P-Preferred-Identity contains "sip:alice@parley.example"',
      'sip.User-Agent contains "CPM-client/OMA"',
      'sip.Supported contains "timer" && sip.Supported contains "gruu"',
      'sip.Session-Expires contains "refresher=uac"',
      'sip.Route',
      'sip.msg_hdr contains "Conversation-ID:" && sip.msg_hdr contains "Contribution-ID:"',
    );
  });

  test('R-SES-05: Allow names what this client takes, and the same in every dialog', async () => {
    const methods = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'MESSAGE', 'UPDATE'];
    await holds(...methods.map((method) => `sip.Allow contains "${method}"`));
    const [inAnswer] = await one(`${bob} && ${callAtBob} && sip.Status-Code==200 && sip.CSeq.method=="INVITE"`, 'sip.Allow');
    const [inInvite] = await one(`${alice} && ${call} && ${INVITE}`, 'sip.Allow');
    expect(inAnswer).toBe(inInvite);
  });

  test('R-SES-06 R-SES-07: Contact is the GRUU of this device, with the tag of the service alone', async () => {
    await holds(
      'sip.Contact contains ";gr="',
      'sip.Contact contains "oma.cpm.session"',
      '!(sip.Contact contains "oma.cpm.msg")',
      'sip.Contact contains "+sip.instance"',
    );
  });

  test('R-SES-08: a text without a name leaves in a session of its own that asks for privacy, and nothing in it tells who it is', async () => {
    const hidden = `${INVITE} && sip.Privacy contains "id"`;
    const anonymous = `sip.from.addr=="sip:anonymous@anonymous.invalid" && !(sip.Contact contains "+sip.instance")`;
    expect(await wire.count(`${alice} && ${hidden} && ${anonymous}`)).toBe(1);
    // as it reached Bob
    expect(await wire.count(`!(${alice}) && ${hidden} && ${anonymous} && !(sip contains "alice@parley")`)).toBe(1);
    const [sent = ''] = await one('msrp.method=="SEND" && frame contains "nobody says this"', 'tcp.payload');
    const octets = Buffer.from(sent.replaceAll(/[^0-9a-f]/g, ''), 'hex').toString();
    expect(octets).toContain('From: <sip:anonymous@anonymous.invalid>');
    expect(octets).not.toContain('alice');
  });

  test('R-SES-11: to the one who is written to', async () => {
    await holds('sip.r-uri=="sip:bob@parley.example"', 'sip.to.addr=="sip:bob@parley.example"');
  });

  test('R-SES-12: the offer is of MSRP in both directions, for wrapped texts and notifications, with either side to connect', async () => {
    await holds(
      'sdp.media contains "TCP/MSRP"',
      'sdp.media.port>0',
      'sdp.media_attr=="accept-types:message/cpim application/im-iscomposing+xml"',
      'sdp.media_attr=="accept-wrapped-types:text/plain message/imdn+xml"',
      'sdp.media_attr contains "path:msrp://"',
      'sdp.media_attr=="setup:actpass"',
      'sdp.media_attr=="msrp-cema"',
      'sdp.media_attr=="sendrecv"',
    );
  });

  test.each([
    ['carol', 'UPDATE', 0],
    ['dave', 'INVITE', 1],
  ])(
    'R-SES-14 R-SES-16: at half of the 90 s in the answer of %s the session is refreshed by %s, which its Allow decides',
    async (user, method, bodies) => {
      const [id, answer] = await one(`${alice} && ${INVITE} && sip.r-uri contains "${user}"`, 'sip.Call-ID', 'frame.time_epoch');
      const later = `${alice} && sip.Call-ID=="${id}" && sip.CSeq.seq>1 && !(sip.Method in {"ACK", "BYE"})`;
      const rows = await wire.signalling(later, 'sip.Method', 'frame.time_epoch', 'sip.Session-Expires');
      expect(rows.map(([name]) => name)).toEqual([method]);
      const passed = Number(rows[0]?.[1]) - Number(answer);
      expect(passed).toBeGreaterThan(30);
      expect(passed).toBeLessThan(60);
      expect(rows[0]?.[2]).toBe('90;refresher=uac');
      // with the session unchanged: the same o= line
      const offers = await wire.signalling(`${alice} && sip.Call-ID=="${id}" && sdp`, 'sdp.owner');
      expect(new Set(offers.map(([owner]) => owner)).size).toBe(1);
      expect(offers).toHaveLength(1 + bodies);
    },
  );

  test('R-SES-15: ACK and BYE go to the Contact of the 200', async () => {
    const [contact, answer] = await one(answered(), 'sip.contact.uri', 'frame.number');
    for (const method of ['ACK', 'BYE']) {
      const [target, frame] = await one(`${alice} && ${call} && sip.Method=="${method}"`, 'sip.r-uri', 'frame.number');
      expect(target, method).toBe(contact);
      expect(Number(frame)).toBeGreaterThan(Number(answer));
    }
  });

  test('R-SES-17: after the ACK the active side connects to the path, binds it with a SEND without a body, and texts follow', async () => {
    const ack = await wire.first(`${alice} && ${call} && sip.Method=="ACK"`);
    const [answer] = await one(answered(), 'sdp.media_attr');
    const [offer] = await one(`${alice} && ${call} && ${INVITE}`, 'sdp.media_attr');
    const there = `msrp.to.path=="${attribute(answer, 'path')}" && msrp.from.path=="${attribute(offer, 'path')}"`;
    const sends = await wire.packets(`${there} && msrp.method=="SEND"`, 'frame.number', 'msrp.byte.range', 'msrp.content.type');
    for (const [frame] of sends) expect(Number(frame)).toBeGreaterThan(ack);
    expect(sends[0]?.[1]).toMatch(/1-0\/0/);
    expect(sends.some(([, , type]) => type?.includes('message/cpim'))).toBe(true);
  });

  test('R-V20-02 R-V20-03: texts, what became of them and who is typing flow in both directions over that session', async () => {
    for (const text of ['north gate', 'Make it eleven', 'imdn.Disposition-Notification', '<delivered/>', '<displayed/>']) {
      expect((await wire.packets(`msrp.method=="SEND" && frame contains "${text}"`, 'frame.number')).length, text).toBeGreaterThan(0);
    }
    const typing = await wire.packets('msrp.content.type contains "im-iscomposing"', 'msrp.byte.range');
    expect(typing.length).toBeGreaterThanOrEqual(2);
    for (const state of ['active', 'idle']) {
      expect(
        (await wire.packets(`msrp.content.type contains "im-iscomposing" && frame contains "<state>${state}"`, 'frame.number')).length,
      ).toBe(1);
    }
  });

  test('what a peer can do is asked by OPTIONS when the conversation is opened, and told in the Contact of the answer', async () => {
    const asked = `${alice} && sip.Method=="OPTIONS" && sip.r-uri contains "bob" && sip.Contact contains "oma.cpm.filetransfer"`;
    const [id] = await one(asked, 'sip.Call-ID');
    const told = ['msg', 'largemsg', 'session', 'filetransfer'].map((service) => `sip.Contact contains "oma.cpm.${service}"`);
    const answer = [`tcp.srcport==${people.networkPort}`, `sip.Call-ID=="${id}"`, 'sip.Status-Code==200', 'sip.Allow contains "MESSAGE"'];
    expect(await wire.count([...answer, ...told].join(' && '))).toBe(1);
  });

  test('F06: an invitation that is not answered is cancelled, with its Accept-Contact, and its text leaves as a MESSAGE', async () => {
    const [id, cancelled] = await one(`${alice} && sip.Method=="CANCEL"`, 'sip.Call-ID', 'frame.number');
    expect(
      await wire.count(
        `${alice} && sip.Method=="CANCEL" && sip.Call-ID=="${id}" && sip.Accept-Contact contains "oma.cpm.session" && !sip.Require`,
      ),
    ).toBe(1);
    const ended = await wire.first(`tcp.srcport==${people.networkPort} && sip.Status-Code==487 && sip.Call-ID=="${id}"`);
    expect(ended).toBeGreaterThan(Number(cancelled));
    expect(await wire.count(`${alice} && sip.Method=="ACK" && sip.Call-ID=="${id}" && sip.Accept-Contact contains "oma.cpm.session"`)).toBe(
      1,
    );
    expect(
      await wire.first(`${alice} && sip.Method=="MESSAGE" && sip.r-uri contains "erin" && sip contains "are you there"`),
    ).toBeGreaterThan(Number(cancelled));
  });

  test('the end of the app ends each of its sessions with BYE, and every BYE is answered', async () => {
    const byes = await wire.signalling(`${alice} && sip.Method=="BYE"`, 'sip.Call-ID');
    expect(new Set(byes.map(([id]) => id)).size).toBe(4);
    for (const [id] of byes)
      await wire.first(`tcp.srcport==${people.networkPort} && sip.Call-ID=="${id}" && sip.CSeq.method=="BYE" && sip.Status-Code==200`);
  });
});
