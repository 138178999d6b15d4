import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHUNK_DIRECT } from '../../electron/msrp/limits.ts';
import { randomToken } from '../../shared/base/random.ts';
import { LargePeer } from '../harness/large-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { type TwoPeople, twoPeople } from '../harness/two-people.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
const TEXT = 'The survey of the east ridge took four days. '.repeat(500);
const INVITE = 'sip.Method=="INVITE" && sip.Accept-Contact contains "oma.cpm.largemsg"';
/** how long a slow end takes for each of the three chunks, ms: more than 45 s together, and never 30 s without an answer */
const SLOW_MS = 16_000;

describe.skipIf(hindrance !== null)('large message mode as tshark sees it', () => {
  const folder = temporaryFolder();
  let wire: Wire;
  let people: TwoPeople;
  let alice: string;
  /** of the INVITE to Bob, as it left */
  let call: string;

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder, { guests: ['carol'] });
    await Promise.all([toBob(), ringing()]);
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
    const [connection] = (await wire.connectionsOf('alice')) as [number];
    alice = wire.from(connection);
    const [[id] = []] = await wire.signalling(`${alice} && ${INVITE}`, 'sip.Call-ID');
    call = `sip.Call-ID=="${id}"`;
  }, 60_000);
  afterAll(() => people?.close());

  async function toBob(): Promise<void> {
    const { id } = await people.alice.conversationWith(people.bob);
    const send = (text: string) => people.alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
    const { imdnId } = await send(TEXT);
    await send('a short one');
    await people.alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered');
  }

  /** Carol's phone rings until the writer's app is closed. */
  async function ringing(): Promise<void> {
    const carol = await LargePeer.start(people.accountOf('carol'));
    const mallory = await people.device('mallory', 'mallory');
    const { id } = await mallory.call['conversations.open']({ address: carol.sip.account.address });
    await mallory.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: TEXT });
    const invite = await carol.sip.request('INVITE');
    carol.sip.answer(invite, 180, 'Ringing');
    await wait(300);
    await mallory.client.stop();
    const cancel = await carol.sip.request('CANCEL');
    carol.sip.answer(cancel, 200, 'OK');
    carol.refuse(invite, 487);
    await wait(300);
    await carol.vanish();
  }

  /** the INVITE with which Alice's text left is one that all of these filters select */
  const holds = async (...filters: string[]): Promise<void> => {
    const filter = [alice, INVITE, ...filters].join(' && ');
    expect(await wire.count(filter), filter).toBe(1);
  };
  const one = async (filter: string, ...fields: string[]): Promise<string[]> => {
    const rows = await wire.packets(filter, ...fields);
    if (rows[0] === undefined) throw new Error(`nothing in the capture fits ${filter}`);
    return rows[0];
  };
  /** values of the attributes in the offer to Bob and in the answer that reached Alice */
  async function descriptions(): Promise<{ offer: string[]; answer: string[]; port: number; frame: number }> {
    const [offer] = await one(`${alice} && ${call} && ${INVITE}`, 'sdp.media_attr');
    const answered = `tcp.srcport==${people.networkPort} && ${call} && sip.Status-Code==200 && sip.CSeq.method=="INVITE"`;
    const [answer, port, frame] = await one(answered, 'sdp.media_attr', 'sdp.media.port', 'frame.number');
    return { offer: offer?.split('|') ?? [], answer: answer?.split('|') ?? [], port: Number(port), frame: Number(frame) };
  }
  const attribute = (attributes: string[], name: string) => attributes.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1);

  test('no packet is malformed', async () => {
    expect(await wire.count('sip')).toBeGreaterThan(20);
    expect(await wire.malformed()).toBe(0);
  });

  test('R-LM-01 R-LM-02: a text above the pager limit is an INVITE for that service, and a short one still a MESSAGE', async () => {
    await holds('sip.Accept-Contact contains "3gpp-service.ims.icsi.oma.cpm.largemsg"');
    expect(await wire.count(`${alice} && sip.Method=="MESSAGE" && sip contains "a short one"`)).toBe(1);
    expect(await wire.count('sip.Method=="MESSAGE" && sip contains "east ridge"')).toBe(0);
  });

  test('R-LM-03 R-LM-05 R-LM-07 R-LM-08 R-LM-19: identity, release, timer and the route of the registration', async () => {
    await holds(
      'sip.P-Preferred-Identity contains "sip:alice@parley.example"',
      'sip.User-Agent contains "CPM-client/OMA2.0"',
      'sip.Supported contains "timer"',
      'sip.Session-Expires contains "refresher=uac"',
      'sip.Route',
      'sip.msg_hdr contains "Conversation-ID:" && sip.msg_hdr contains "Contribution-ID:"',
    );
  });

  test('R-LM-09: to the one who is written to', async () => {
    await holds('sip.r-uri=="sip:bob@parley.example"');
  });

  test('R-LM-13 R-LM-14 R-LM-15 R-LM-16 R-LM-18: the offer of one message over MSRP, for which this end connects', async () => {
    const attributes = ['sendonly', 'accept-types:message/cpim', 'path:msrp', 'setup:active', 'accept-wrapped-types:text/plain'];
    await holds(
      'sdp.media contains "TCP/MSRP"',
      'sdp.media.port==9',
      '!(sdp.media_attr contains "file-transfer-id")',
      ...attributes.map((line) => `sdp.media_attr contains "${line}"`),
    );
  });

  test('R-LM-17: the announced size is the size of the message in MSRP', async () => {
    const { offer, answer } = await descriptions();
    const [range] = await one(`msrp.to.path contains "${attribute(answer, 'path')}" && msrp.content.type`, 'msrp.byte.range');
    expect(range).toMatch(/^1-/);
    expect(attribute(offer, 'file-selector')).toBe(`size:${range?.split('/')[1]}`);
  });

  test('what still rings when the app is closed is cancelled, and ends with 487', async () => {
    const [mallory] = (await wire.connectionsOf('mallory')) as [number];
    const [id, cancelled] = await one(`${wire.from(mallory)} && sip.Method=="CANCEL"`, 'sip.Call-ID', 'frame.number');
    const rang = await wire.first(`${wire.to(mallory)} && sip.Status-Code==180 && sip.Call-ID=="${id}"`);
    const ended = await wire.first(`tcp.srcport==${people.networkPort} && sip.Status-Code==487 && sip.Call-ID=="${id}"`);
    expect(rang).toBeLessThan(Number(cancelled));
    expect(ended).toBeGreaterThan(Number(cancelled));
    expect(await wire.count(`sip.Method=="CANCEL" && sip.Call-ID=="${id}" && sip.Accept-Contact contains "oma.cpm.largemsg"`)).toBe(1);
  });

  test('R-LM-22 R-LM-23: ACK and BYE go to the Contact of the 200', async () => {
    const answered = `tcp.srcport==${people.networkPort} && ${call} && sip.Status-Code==200 && sip.CSeq.method=="INVITE"`;
    const [contact, answer] = await one(answered, 'sip.contact.uri', 'frame.number');
    for (const method of ['ACK', 'BYE']) {
      const [target, frame] = await one(`${alice} && ${call} && sip.Method=="${method}"`, 'sip.r-uri', 'frame.number');
      expect(target, method).toBe(contact);
      expect(Number(frame)).toBeGreaterThan(Number(answer));
    }
  });

  test('R-LM-24 R-LM-25 R-LM-26 R-LM-27: this end connects to the path of the answer and sends message/cpim from its first octet', async () => {
    const { offer, answer, port, frame } = await descriptions();
    const [opened] = await one(`tcp.flags.syn==1 && tcp.flags.ack==0 && tcp.dstport==${port} && frame.number>${frame}`, 'tcp.srcport');
    const sent = `tcp.srcport==${opened} && tcp.dstport==${port} && msrp.method=="SEND"`;
    const [to, from] = await one(sent, 'msrp.to.path', 'msrp.from.path');
    expect(to).toBe(attribute(answer, 'path'));
    expect(from).toBe(attribute(offer, 'path'));
    const [type, range, report] = await one(`${sent} && msrp.content.type`, 'msrp.content.type', 'msrp.byte.range', 'msrp.success.report');
    expect(type).toBe('message/cpim');
    expect(range).toMatch(/^1-/);
    expect(report).toBe('yes');
  });

  test('R-LM-28 R-LM-29: BYE by the route of the dialog directly after the last MSRP answer, and it is answered 200', async () => {
    const { offer } = await descriptions();
    const path = attribute(offer, 'path');
    const reports = await wire.packets(`msrp.to.path contains "${path}" && msrp.method=="REPORT"`, 'frame.number');
    const answers = await wire.packets(`msrp.to.path contains "${path}" && msrp.status.code==200`, 'frame.number');
    expect(answers.length).toBeGreaterThan(0);
    const bye = await wire.first(`${alice} && ${call} && sip.Method=="BYE" && sip.Route`);
    for (const [frame] of [...answers, ...reports]) expect(Number(frame)).toBeLessThan(bye);
    const chunks = await wire.packets(`msrp.from.path contains "${path}" && msrp.method=="SEND" && frame.number>${bye}`, 'frame.number');
    expect(chunks).toEqual([]);
    await one(`tcp.srcport==${people.networkPort} && ${call} && sip.Status-Code==200 && sip.CSeq.method=="BYE"`, 'frame.number');
  });
});

describe.skipIf(hindrance !== null)('a large message that takes long, as tshark sees it', () => {
  const folder = temporaryFolder();
  let wire: Wire;
  let people: TwoPeople;

  // Dave's end takes longer for the message than half of the session interval that it asks for
  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder, { guests: ['dave'] });
    const dave = await LargePeer.start(people.accountOf('dave'));
    const { id } = await people.alice.call['conversations.open']({ address: dave.sip.account.address });
    const { imdnId } = await people.alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: TEXT });
    const invite = await dave.sip.request('INVITE');
    dave.obliging();
    const chunks = new Set<number>();
    const write = async (offset: number): Promise<void> => {
      const chunk = Math.floor(offset / CHUNK_DIRECT);
      if (!chunks.has(chunk)) await wait(SLOW_MS);
      chunks.add(chunk);
    };
    dave.accept(invite, { write }, [
      ['Session-Expires', '90;refresher=uac'],
      ['Require', 'timer'],
      ['Allow', 'INVITE, ACK, BYE, CANCEL, UPDATE'],
    ]);
    await people.alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'sent', 4 * SLOW_MS);
    await wait(300);
    await dave.vanish();
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
  }, 120_000);
  afterAll(() => people?.close());

  test('R-LM-21: the session timer runs with the interval of the 200, and refreshes while the message is not through', async () => {
    const [alice] = (await wire.connectionsOf('alice')) as [number];
    const rows = await wire.signalling(
      `(${wire.from(alice)} && sip.Method in {"UPDATE", "BYE"}) || (${wire.to(alice)} && sip.Status-Code==200 && sdp)`,
      'sip.CSeq.method',
      'frame.time_epoch',
    );
    expect(rows.map(([method]) => method)).toEqual(['INVITE', 'UPDATE', 'BYE']);
    const [answered, refreshed] = rows.map(([, time]) => Number(time)) as [number, number];
    expect(refreshed - answered).toBeGreaterThan(30);
    expect(refreshed - answered).toBeLessThan(46);
  });
});
