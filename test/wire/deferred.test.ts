import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { DeferredItem, DeferredOrder } from '../../shared/model/deferred.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';
import { Wire } from '../harness/wire.ts';
import { IN_MEMORY } from '../unit/home-network/start.ts';

const hindrance = captureHindrance();
const TEXTS = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'];
/** neither fetched, nor deleted, nor stored */
const LEFT = ['four', 'six', 'seven'];
const PSI = 'sip.r-uri.user=="CPMDeferredMsgHndlg"';
const INVITE = `sip.Method=="INVITE" && ${PSI} && sip.to.user=="CPMDeferredMsgHndlg"`;
const LISTED = `${INVITE} && sip.Require contains "recipient-list-invite"`;
const ALL = `${INVITE} && !(sip.Require contains "recipient-list-invite")`;
const ABOUT = 'sip.Method=="NOTIFY" && sip.Event contains "deferred-messages"';

describe.skipIf(hindrance !== null)('what waits in the network as tshark sees it', () => {
  const folder = temporaryFolder();
  let wire: Wire;
  let people: TwoPeople;
  let desk: Person;
  let phone: Person;
  /** Carol's connections */
  let first: number;
  let second: number;
  const came: string[] = [];

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    const network = { databases: IN_MEMORY, policy: { force: { delivery: 'pull' } } } as const;
    people = await twoPeople(folder, { guests: ['carol'], network });
    const { id } = await people.alice.call['conversations.open']({ address: people.accountOf('carol').address });
    for (const text of TEXTS) {
      const { imdnId } = await people.alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
      await people.alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'sent');
    }
    desk = await people.device('carol', 'desk');
    phone = await people.device('carol', 'phone');
    for (const device of [desk, phone]) await waiting(device, TEXTS.length);

    await order(['deliver', 'deliver', 'delete', 'interwork', 'store']);
    for (const text of TEXTS.slice(0, 2)) came.push((await desk.seesMessage((message) => message.text === text)).text);
    // there is no other service to send it on by: that one stays
    for (const device of [desk, phone]) await waiting(device, TEXTS.length - 4);
    await desk.call['deferred.orderAll']({ order: 'deliver' });
    for (const text of LEFT) came.push((await desk.seesMessage((message) => message.text === text)).text);
    for (const device of [desk, phone]) await waiting(device, 0);

    await people.close();
    wire = await Wire.from(capture, people.networkPort);
    [first, second] = (await wire.connectionsOf('carol')) as [number, number];
  }, 240_000);
  afterAll(() => people?.close());

  const waiting = (device: Person, count: number) =>
    vi.waitFor(async () => expect((await device.call['deferred.overview']({})).count).toBe(count), { timeout: 15_000, interval: 50 });

  async function order(orders: readonly DeferredOrder[]): Promise<void> {
    const { items } = await desk.call['deferred.page']({ limit: 50 });
    const oldest = [...items].sort((a: DeferredItem, b: DeferredItem) => a.sentAt - b.sentAt || a.id - b.id);
    await desk.call['deferred.order']({ orders: orders.map((order, at) => ({ id: oldest[at]?.id as number, order })) });
  }

  test('no packet is malformed', async () => {
    expect(await wire.count('sip')).toBeGreaterThan(50);
    expect(await wire.malformed()).toBe(0);
  });

  test('R-PF-23 R-PF-19: each text for somebody who is not there is answered 202', async () => {
    expect(await wire.count('sip.Status-Code==202 && sip.CSeq.method=="MESSAGE"')).toBe(TEXTS.length);
  });

  test('R-REG-12: a device subscribes once it is registered', async () => {
    for (const device of [first, second]) {
      const asked = await wire.first(`${wire.from(device)} && sip.Method=="SUBSCRIBE" && sip.Event contains "deferred-messages"`);
      expect(asked).toBeGreaterThan(await wire.first(`${wire.to(device)} && sip.Status-Code==200 && sip.CSeq.method=="REGISTER"`));
    }
  });

  test('R-PF-26 R-PF-39 R-PF-24: both devices are told what waits: size, sender and time of each', async () => {
    for (const device of [first, second]) {
      const list = `${wire.to(device)} && ${ABOUT} && sip contains "state=\\"full\\""`;
      expect(
        await wire.count(
          `${list} && sip contains "<from>sip:alice@parley.example</from>" && sip contains "<size>" && sip contains "<sent>"`,
        ),
      ).toBe(1);
      expect(await wire.count(`${wire.to(device)} && ${ABOUT} && sip contains "state=\\"deleted\\""`)).toBeGreaterThan(0);
    }
  });

  test('R-DEF-01 R-DEF-04 R-DEF-21 R-DEF-22: chosen ones are handled by a session with the address of her home network', async () => {
    const [host] = (await wire.signalling(`${wire.from(first)} && ${LISTED}`, 'sip.r-uri.host', 'sip.Call-ID'))[0] as string[];
    expect(host).toBe('parley.example');
    const [[, callId] = []] = await wire.signalling(`${wire.from(first)} && ${LISTED}`, 'sip.r-uri.host', 'sip.Call-ID');
    expect(await wire.count(`${wire.to(first)} && sip.Status-Code==200 && sip.CSeq.method=="INVITE" && sip.Call-ID=="${callId}"`)).toBe(1);
    expect(
      await wire.count(`${wire.to(first)} && sip.Method=="BYE" && sip.Reason contains "Call completed" && sip.Call-ID=="${callId}"`),
    ).toBe(1);
  });

  test('R-DEF-05 R-DEF-16: with the deferred tag', async () => {
    for (const invite of [LISTED, ALL]) {
      const tagged = `${wire.from(first)} && ${invite} && sip.Accept-Contact contains "oma.cpm.deferred"`;
      expect(await wire.count(tagged)).toBe(await wire.count(`${wire.from(first)} && ${invite}`));
    }
  });

  test('R-DEF-02 R-DEF-06: chosen ones are named in a list', async () => {
    expect(await wire.count(`${wire.from(first)} && ${LISTED} && sip contains "application/resource-lists+xml"`)).toBeGreaterThan(0);
  });

  test.each([
    ['R-DEF-07', 'deliver'],
    ['R-DEF-08', 'delete'],
    ['R-DEF-09', 'interwork'],
    ['R-DEF-10', 'store'],
  ])('%s: its entry says cpm_action=%s', async (_, action) => {
    expect(await wire.count(`${wire.from(first)} && ${LISTED} && sip contains "?cpm_action=${action}"`)).toBeGreaterThan(0);
  });

  test.each([
    ['R-DEF-11 R-DEF-12 R-DEF-13 R-DEF-14: chosen ones', LISTED],
    ['R-DEF-17 R-DEF-18 R-DEF-19 R-DEF-20: all of them', ALL],
  ])('%s come by MSRP that only receives, as message/cpim and more', async (_, invite) => {
    const described = `${wire.from(first)} && ${invite} && sdp.media contains "TCP/MSRP"`;
    const attributes = ['accept-types:message/cpim *', 'recvonly'].map((each) => `sdp.media_attr contains "${each}"`).join(' && ');
    expect(await wire.count(`${described} && ${attributes}`)).toBe(await wire.count(`${wire.from(first)} && ${invite}`));
    expect(await wire.count(`${described} && ${attributes}`)).toBeGreaterThan(0);
  });

  test('R-DEF-03 R-DEF-15: all of them are asked for by one INVITE without a list, and each comes over MSRP', async () => {
    expect(await wire.count(`${wire.from(first)} && ${ALL}`)).toBe(1);
    expect(came).toEqual([...TEXTS.slice(0, 2), ...LEFT]);
    const sent = await wire.packets('msrp.method=="SEND" && msrp.content.type contains "message/cpim"', 'frame.number');
    expect(sent.length).toBeGreaterThan(0);
  });

  test('R-DEF-08: what was deleted is shown on no device and never came', async () => {
    for (const device of [desk, phone])
      expect(device.told.some(({ event, payload }) => event === 'message.changed' && (payload as { text: string }).text === TEXTS[2])).toBe(
        false,
      );
  });

  test('R-PF1-07: its author hears of the delivery of each that came', async () => {
    const delivered = await wire.count('sip.Method=="MESSAGE" && sip.r-uri.user=="alice" && sip contains "<delivered/>"');
    expect(delivered).toBeGreaterThanOrEqual(came.length);
  });
});
