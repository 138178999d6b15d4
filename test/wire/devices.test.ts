import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { SipRequest } from '../../shared/protocol/sip/message.ts';
import { ChatPeer } from '../harness/chat-peer.ts';
import { SipPeer } from '../harness/sip-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
const PATIENCE = 10_000;
const ELSEWHERE = 'sip.Reason contains "Call completed elsewhere"';

/** of a device that takes messages and chats, and no files */
const NO_FILES = ['msg', 'session'].map((name) => `urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.${name}`).join(',');

describe.skipIf(hindrance !== null)('several devices of Bob as tshark sees them', () => {
  const folder = temporaryFolder();
  let wire: Wire;
  let people: TwoPeople;
  let laptop: Person;
  let phone: SipPeer;
  let mallory: ChatPeer;
  /** imdn.Message-IDs */
  let toAll: string;
  let fromDesk: string;
  /** of Bob's devices at the network: desk and laptop are Parley, the phone is a socket */
  let desk: number;
  let second: number;
  let plain: number;
  let alice: number;
  const chatted: Person[] = [];
  const chatText = 'whoever picks up';
  const chatId = randomToken(24);

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder);
    laptop = await people.device('bob', 'laptop');
    const [host, port] = people.accountOf('bob').outboundProxy.split(':');
    phone = await SipPeer.connect({ host: host as string, port: Number(port) }, people.accountOf('bob'));
    await phone.register({ features: `+g.3gpp.icsi-ref="${NO_FILES}"` });

    await textToAll();
    await textFromDesk();
    await file();
    await chat();

    await mallory.close();
    await phone.close();
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
    [desk, second, plain] = (await wire.connectionsOf('bob')) as [number, number, number];
    [alice] = (await wire.connectionsOf('alice')) as [number];
  }, 240_000);
  afterAll(() => people?.close());

  async function textToAll(): Promise<void> {
    const { id } = await people.alice.conversationWith(people.bob);
    const sent = await people.alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'to all of you' });
    toAll = sent.imdnId;
    phone.answer(await phone.request('MESSAGE', PATIENCE), 200, 'OK');
    for (const device of [people.bob, laptop]) await device.seesMessage((message) => message.imdnId === toAll);
    await people.alice.seesMessage((message) => message.imdnId === toAll && message.status === 'delivered');
    const { id: upTo, conversationId } = await people.bob.seesMessage((message) => message.imdnId === toAll);
    await people.bob.call['conversations.markRead']({ conversationId, upTo });
    await laptop.seesMessage((message) => message.imdnId === toAll && message.status === 'read');
    await people.alice.seesMessage((message) => message.imdnId === toAll && message.status === 'displayed');
  }

  async function textFromDesk(): Promise<void> {
    const { id } = await people.bob.conversationWith(people.alice);
    const sent = await people.bob.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'from my desk' });
    fromDesk = sent.imdnId;
    const copy = await laptop.seesMessage((message) => message.imdnId === fromDesk);
    expect([copy.direction, copy.status, copy.text]).toEqual(['out', 'sent', 'from my desk']);
    const received = await people.alice.seesMessage((message) => message.imdnId === fromDesk);
    // what is read before its delivery was told is told as read only
    await people.bob.seesMessage((message) => message.imdnId === fromDesk && message.status === 'delivered');
    await people.alice.call['conversations.markRead']({ conversationId: received.conversationId, upTo: received.id });
    await people.bob.seesMessage((message) => message.imdnId === fromDesk && message.status === 'displayed');
  }

  async function file(): Promise<void> {
    const path = join(folder, 'ridge.jpg');
    await writeFile(path, Buffer.alloc(50_000, 7));
    const { id } = await people.alice.conversationWith(people.bob);
    const { token } = await people.alice.client.offerFile(path);
    const { imdnId } = await people.alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    const prompts = [people.bob, laptop].map((device) =>
      device.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offered'),
    );
    const [atDesk] = await Promise.all(prompts);
    await people.bob.call['transfers.accept']({ transferId: atDesk?.transfer?.id as number });
    await people.bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'done');
    await people.alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'done');
    await laptop.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'cancelled');
  }

  /** The desk and the laptop take it without asking; the phone rings, and picks up when it is too late. */
  async function chat(): Promise<void> {
    mallory = await ChatPeer.start(people.accountOf('mallory'));
    const opening = mallory.open(people.bob.address, { listens: true });
    const invite = await phone.request('INVITE', PATIENCE);
    const contact = [['Contact', `<${phone.contactUri}>`]] as const;
    phone.answer(invite, 180, 'Ringing', { headers: contact });
    const { say, end, heard } = await opening;
    phone.answer(await phone.request('CANCEL', PATIENCE), 200, 'OK');
    phone.answer(invite, 200, 'OK', { headers: contact });
    phone.answer((await phone.next(isBye, PATIENCE)) as SipRequest, 200, 'OK');
    await say(chatText, undefined, chatId);
    const hearing = (what: string) => vi.waitFor(() => expect(heard.some((text) => text.includes(what))).toBe(true), { timeout: PATIENCE });
    const keeping = [people.bob, laptop].map(async (device) => ({ device, message: await device.seesMessage(isChat) }));
    for (const lost of keeping) lost.catch(() => undefined);
    const { device: keeper, message } = await Promise.race(keeping);
    await hearing('<delivered/>');
    await keeper.call['conversations.markRead']({ conversationId: message.conversationId, upTo: message.id });
    await hearing('<displayed/>');
    await end();
    for (const device of [people.bob, laptop]) {
      const { id } = await device.call['conversations.open']({ address: people.accountOf('mallory').address });
      if ((await device.history(id)).some(isChat)) chatted.push(device);
    }
  }

  const fileInvite = 'sip.Method=="INVITE" && sip.Accept-Contact contains "oma.cpm.filetransfer"';
  const chatInvite = 'sip.Method=="INVITE" && sip.Accept-Contact contains "oma.cpm.session"';
  const callIdOf = async (device: number, invite: string): Promise<string> => {
    const [row] = await wire.signalling(`${wire.to(device)} && ${invite}`, 'sip.Call-ID');
    expect(row).toBeDefined();
    return row?.[0] as string;
  };

  const isChat = ({ text }: { text: string }) => text === chatText;

  test('no packet is malformed', async () => {
    expect(await wire.count('sip')).toBeGreaterThan(50);
    expect(await wire.malformed()).toBe(0);
  });

  test('each of the three devices has a connection and an instance of its own', async () => {
    expect(await wire.connectionsOf('bob')).toHaveLength(3);
    const registers = await wire.signalling('sip.Method=="REGISTER" && sip.to.user=="bob"', 'sip.Contact');
    const instances = registers.map(([contact]) => /\+sip\.instance="([^"]+)"/.exec(contact ?? '')?.[1]);
    expect(new Set(instances).size).toBe(3);
  });

  test('R-PF-37: a text goes to every device of its recipient', async () => {
    for (const device of [desk, second, plain]) {
      expect(await wire.count(`${wire.to(device)} && sip.Method=="MESSAGE" && sip contains "imdn.Message-ID: ${toAll}"`)).toBe(1);
    }
  });

  test('R-PF-34: a device that registered no file transfer gets no invitation to one', async () => {
    expect(await wire.count(`${wire.to(desk)} && ${fileInvite}`)).toBe(1);
    expect(await wire.count(`${wire.to(second)} && ${fileInvite}`)).toBe(1);
    expect(await wire.count(`${wire.to(plain)} && ${fileInvite}`)).toBe(0);
    expect(await wire.count(`${wire.to(plain)} && sip.Method=="INVITE"`)).toBe(1);
  });

  test('R-PF-36: the invitation to a file rings on every device that takes files', async () => {
    for (const device of [desk, second]) {
      const callId = await callIdOf(device, fileInvite);
      expect(await wire.count(`${wire.from(device)} && sip.Status-Code==180 && sip.Call-ID=="${callId}"`)).toBe(1);
    }
  });

  test('R-PF-38 R-AD-12: once the desk accepts, the laptop gets CANCEL with the reason, and its prompt is gone', async () => {
    const accepted = await wire.first(`${wire.from(desk)} && sip.Status-Code==200 && sdp.media_attr contains "file-selector:"`);
    const callIds = await Promise.all([second, desk].map((device) => callIdOf(device, fileInvite)));
    const cancels = await wire.frames(`${wire.to(second)} && sip.Method=="CANCEL" && ${ELSEWHERE} && sip.Call-ID=="${callIds[0]}"`);
    expect(cancels).toHaveLength(1);
    expect(cancels[0]).toBeGreaterThan(accepted);
    expect(await wire.count(`${wire.from(second)} && sip.Status-Code==487 && sip.Call-ID=="${callIds[0]}"`)).toBeGreaterThan(0);
    expect(await wire.count(`${wire.to(desk)} && sip.Method=="CANCEL" && sip.Call-ID=="${callIds[1]}"`)).toBe(0);
  });

  test('R-V20-01 R-V20-24: notifications reach the device that sent the text and no other one', async () => {
    const about = `sip.Method=="MESSAGE" && sip contains "<message-id>${fromDesk}</message-id>"`;
    for (const status of ['delivered', 'displayed']) {
      expect(await wire.count(`${wire.to(desk)} && ${about} && sip contains "<${status}/>"`), status).toBe(1);
    }
    for (const device of [second, plain]) expect(await wire.count(`${wire.to(device)} && ${about}`)).toBe(0);
    const [[contact] = []] = await wire.signalling(`${wire.from(desk)} && sip.Method=="REGISTER"`, 'sip.Contact');
    const instance = /\+sip\.instance="<([^>]+)>"/.exec(contact ?? '')?.[1] as string;
    const asked = await wire.signalling(`${wire.from(alice)} && ${about}`, 'sip.Accept-Contact');
    expect(asked).toHaveLength(2);
    for (const [demanded] of asked) expect(demanded).toContain(`+sip.instance="<${instance}>"`);
  });

  test('R-PF-40: two devices tell of the same text, and its author hears of its delivery once and of its display once', async () => {
    const about = `sip.Method=="MESSAGE" && sip contains "<message-id>${toAll}</message-id>"`;
    for (const device of [desk, second]) {
      const [row] = await wire.signalling(`${wire.from(device)} && ${about} && sip contains "<delivered/>"`, 'sip.Call-ID');
      expect(await wire.count(`${wire.to(device)} && sip.Status-Code==200 && sip.Call-ID=="${row?.[0]}"`)).toBe(1);
    }
    for (const status of ['delivered', 'displayed']) {
      expect(await wire.count(`${wire.to(alice)} && ${about} && sip contains "<${status}/>"`), status).toBe(1);
    }
  });

  test('what one device sends and has displayed is told to the other one that knows such copies, and to no foreign one', async () => {
    const copied = (what: string) => `sip.Method=="MESSAGE" && sip contains "Message-Direction: sent" && sip contains "${what}"`;
    for (const what of [`imdn.Message-ID: ${fromDesk}`, `<message-id>${toAll}</message-id>`]) {
      expect(await wire.count(`${wire.to(second)} && ${copied(what)}`), what).toBe(1);
      for (const device of [desk, plain, alice]) expect(await wire.count(`${wire.to(device)} && ${copied(what)}`)).toBe(0);
    }
    // it was read on the desk: the laptop has nothing to tell of that
    expect(
      await wire.count(`${wire.from(second)} && sip contains "<message-id>${toAll}</message-id>" && sip contains "<displayed/>"`),
    ).toBe(0);
  });

  test('R-PF-18: both notifications come back to the sender', async () => {
    const back = await wire.frames(`${wire.to(desk)} && sip.Method=="MESSAGE" && sip contains "<message-id>${fromDesk}</message-id>"`);
    expect(back).toHaveLength(2);
    expect(Math.min(...back)).toBeGreaterThan(
      await wire.first(`${wire.from(desk)} && sip.Method=="MESSAGE" && sip contains "imdn.Message-ID: ${fromDesk}"`),
    );
  });

  test('R-PF-17: texts are relayed both ways', async () => {
    const text = (id: string) => `sip.Method=="MESSAGE" && sip contains "imdn.Message-ID: ${id}"`;
    expect(await wire.count(`${wire.from(alice)} && ${text(toAll)}`)).toBe(1);
    expect(await wire.count(`${wire.to(desk)} && ${text(toAll)}`)).toBe(1);
    expect(await wire.count(`${wire.from(desk)} && ${text(fromDesk)}`)).toBe(1);
    expect(await wire.count(`${wire.to(alice)} && ${text(fromDesk)}`)).toBe(1);
  });

  const dismissals = async (device: number) => {
    const callId = await callIdOf(device, chatInvite);
    return wire.frames(`${wire.to(device)} && sip.Call-ID=="${callId}" && (sip.Method=="CANCEL" || sip.Method=="BYE") && ${ELSEWHERE}`);
  };

  test('R-PF-35: the invitation to a session goes to every device until one handles it', async () => {
    const accepted = 'sip.Status-Code==200 && sip.CSeq.method=="INVITE" && !(sdp.media_attr contains "file-selector")';
    const answered = await wire.first(`((${wire.from(desk)}) || (${wire.from(second)})) && ${accepted}`);
    for (const device of [desk, second, plain]) {
      const [invited] = await wire.frames(`${wire.to(device)} && ${chatInvite}`);
      expect(invited).toBeLessThan(answered);
    }
    expect(Math.min(...(await dismissals(plain)))).toBeGreaterThan(answered);
  });

  test('R-PF-41: the author of a chat message hears once of its delivery and once of its display, by MSRP and by SIP together', async () => {
    for (const status of ['delivered', 'displayed']) {
      const told = `tcp contains "<message-id>${chatId}</message-id>" && tcp contains "<${status}/>"`;
      expect(await wire.packets(`msrp && ${told}`, 'frame.number'), status).toHaveLength(1);
      expect(await wire.count(`sip.Method=="MESSAGE" && ${told}`), status).toBe(0);
    }
  });

  test('R-V20-06: of two devices that answer by themselves one keeps the session, the other is dismissed silently', async () => {
    expect(chatted).toHaveLength(1);
    const [keeper, other] = chatted[0] === people.bob ? [desk, second] : [second, desk];
    expect(await dismissals(keeper as number)).toEqual([]);
    // CANCEL, and BYE too when its 200 crossed that
    expect((await dismissals(other as number)).length).toBeGreaterThan(0);
  });

  test('R-PF-42: a device that answers too late is released with BYE', async () => {
    const late = await wire.first(`${wire.from(plain)} && sip.Status-Code==200 && sip.CSeq.method=="INVITE"`);
    const acknowledged = await wire.first(`${wire.to(plain)} && sip.Method=="ACK"`);
    const released = await wire.first(`${wire.to(plain)} && sip.Method=="BYE" && ${ELSEWHERE}`);
    expect([late, acknowledged, released]).toEqual([late, acknowledged, released].sort((a, b) => a - b));
  });
});

function isBye(message: { kind: string; method?: string }): boolean {
  return message.kind === 'request' && message.method === 'BYE';
}
