import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { FilePeer } from '../harness/file-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Capture, captureHindrance } from '../harness/tshark.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';
import { Wire } from '../harness/wire.ts';

const hindrance = captureHindrance();
/** large enough to be still under way when somebody ends it; only the first part of it is ever sent */
const LARGE = 256 << 20;
const LIMIT = LARGE;

describe.skipIf(hindrance !== null)('how transfers end as tshark sees them', () => {
  const folder = temporaryFolder();
  let wire: Wire;
  let people: TwoPeople;
  let mallory: FilePeer;
  let alice: number;
  let bob: number;
  let tooLarge: unknown;
  let refused: number;
  /** of a text that Bob sent when the file for which nobody had asked a notification was done */
  let afterUnasked: string;
  const stoppedByOther: Record<string, Message> = {};

  beforeAll(async () => {
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder, { maxFileSize: LIMIT });

    tooLarge = await people.alice.client.offerFile(await file('too-large.bin', LIMIT + 1)).catch((thrown: unknown) => thrown);
    await stopped('stopped-by-sender.bin', people.alice, people.bob);
    await stopped('stopped-by-receiver.bin', people.bob, people.alice);
    await askedAndDelivered();

    mallory = await FilePeer.start(people.accountOf('mallory'));
    const { invite } = mallory.offer(people.bob.address, { name: 'nameless.txt', size: 5 }, { sdp: withoutSelector });
    refused = (await invite.answer).status;
    await unasked();

    await mallory.close();
    await people.close();
    wire = await Wire.from(capture, people.networkPort);
    [alice] = (await wire.connectionsOf('alice')) as [number];
    [bob] = (await wire.connectionsOf('bob')) as [number];
  }, 240_000);
  afterAll(() => people?.close());

  async function file(name: string, size: number): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, '');
    await truncate(path, size);
    return path;
  }

  async function offer(name: string, size: number): Promise<{ imdnId: string; atAlice: number; atBob: number }> {
    const { id } = await people.alice.conversationWith(people.bob);
    const { token } = await people.alice.client.offerFile(await file(name, size));
    const { imdnId, transfer } = await people.alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    const offered = await people.bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offered');
    return { imdnId, atAlice: transfer?.id as number, atBob: offered.transfer?.id as number };
  }

  async function stopped(name: string, by: Person, other: Person): Promise<void> {
    const { imdnId, atAlice, atBob } = await offer(name, LARGE);
    await people.bob.call['transfers.accept']({ transferId: atBob });
    await people.bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'transferring');
    await by.call['transfers.cancel']({ transferId: by === people.bob ? atBob : atAlice });
    await by.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'cancelled');
    stoppedByOther[name] = await other.seesMessage((message) => message.imdnId === imdnId && (message.transfer?.error ?? null) !== null);
  }

  async function askedAndDelivered(): Promise<void> {
    const { imdnId, atBob } = await offer('asked.txt', 1000);
    await people.bob.call['transfers.accept']({ transferId: atBob });
    await people.alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered');
  }

  async function unasked(): Promise<void> {
    const octets = new TextEncoder().encode('tell nobody');
    const { invite, send } = mallory.offer(people.bob.address, { name: 'unasked.txt', size: octets.length });
    const sending = send(octets);
    const offered = await people.bob.seesMessage(({ transfer }) => transfer?.name === 'unasked.txt' && transfer.state === 'offered');
    await people.bob.call['transfers.accept']({ transferId: offered.transfer?.id as number });
    await people.bob.seesMessage(({ transfer }) => transfer?.name === 'unasked.txt' && transfer.state === 'done');
    await sending;
    await invite.end();
    const { id } = await people.bob.conversationWith(people.alice);
    const later = await people.bob.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'all done' });
    afterUnasked = later.imdnId;
    await people.bob.seesMessage((message) => message.imdnId === afterUnasked && message.status === 'delivered');
  }

  /** Call-ID of the invitation to that file on one connection, and the MSRP URI of its sender */
  async function invitationTo(name: string, direction: string): Promise<{ callId: string; path: string; frame: number }> {
    const [row] = await wire.signalling(
      `${direction} && sip.Method=="INVITE" && sdp.media_attr contains "${name}"`,
      'sip.Call-ID',
      'sdp.media_attr',
      'frame.number',
    );
    if (!row) throw new Error(`nobody was invited to ${name}`);
    return { callId: row[0] as string, path: /path:(msrp:[^|\s]+)/.exec(row[1] ?? '')?.[1] as string, frame: Number(row[2]) };
  }

  test('no packet is malformed', async () => {
    expect(await wire.count('sip')).toBeGreaterThan(40);
    expect(await wire.malformed()).toBe(0);
  });

  /** frames of one transfer that Alice offered to Bob: chunks given up, answers that stop it, and who hung up */
  async function endOf(name: string) {
    const atAlice = await invitationTo(name, wire.from(alice));
    const atBob = await invitationTo(name, wire.to(bob));
    const numbers = async (rows: Promise<string[][]>) => (await rows).map(([frame]) => Number(frame));
    const accepted = `${wire.from(bob)} && sip.Status-Code==200 && sip.Call-ID=="${atBob.callId}" && sdp.media.port`;
    const [answer] = await wire.signalling(accepted, 'sdp.media.port');
    const dialogs = `(sip.Call-ID=="${atAlice.callId}" || sip.Call-ID=="${atBob.callId}")`;
    const byAlice = `msrp.from.path contains "${atAlice.path}"`;
    return {
      portOfBob: Number(answer?.[0]),
      stopped: await numbers(wire.packets(`msrp.to.path contains "${atAlice.path}" && msrp.status.code==413`, 'frame.number')),
      octets: await numbers(wire.packets(`${byAlice} && msrp.method=="SEND"`, 'frame.number')),
      // of the one who hung up, or of both at once
      byes: await wire.frames(`sip.Method=="BYE" && ((${wire.from(alice)} && ${dialogs}) || (${wire.from(bob)} && ${dialogs}))`),
      passed: await wire.frames(`sip.Method=="BYE" && ((${wire.to(alice)} && ${dialogs}) || (${wire.to(bob)} && ${dialogs}))`),
    };
  }

  const first = (frames: readonly number[]): number => frames[0] ?? Number.NaN;

  test('R-AD-09: the sender ends a transfer with #, and BYE follows when the other side has taken note', async () => {
    const { portOfBob, octets, stopped, byes, passed } = await endOf('stopped-by-sender.bin');
    expect(octets.length).toBeGreaterThan(0);
    expect(stopped).toEqual([]);
    expect(byes.length).toBeGreaterThan(0);
    expect(passed.length).toBeGreaterThan(0);
    // packets hold more than one chunk or answer, and tshark dissects the first of each; the file has zeros only
    const givenUp = await wire.packets(
      `tcp.dstport==${portOfBob} && frame.number<${first(byes)} && tcp.payload matches "-------[A-Za-z0-9]+#\\r\\n"`,
      'frame.number',
      'tcp.payload',
    );
    const idIn = (payload = '') => /-------([A-Za-z0-9]+)#\r\n/.exec(Buffer.from(payload, 'hex').toString('latin1'))?.[1];
    // TCP may have sent a segment twice
    const ids = [...new Set(givenUp.map(([, payload]) => idIn(payload)))];
    expect(ids).toHaveLength(1);
    const takenNote = await wire.packets(`tcp.srcport==${portOfBob} && tcp.payload matches "MSRP ${ids[0]} 200 "`, 'frame.number');
    expect(takenNote.length).toBeGreaterThan(0);
    expect(Number(takenNote[0]?.[0])).toBeLessThan(first(byes));
    expect(stoppedByOther['stopped-by-sender.bin']?.transfer?.state).toMatch(/^(failed|interrupted)$/);
  });

  test('R-AD-09: the receiver ends a transfer with 413, and BYE follows', async () => {
    const { octets, stopped, byes, passed } = await endOf('stopped-by-receiver.bin');
    expect(octets.length).toBeGreaterThan(0);
    expect(stopped.length).toBeGreaterThan(0);
    expect(byes.length).toBeGreaterThan(0);
    expect(first(byes)).toBeGreaterThan(first(stopped));
    expect(passed.length).toBeGreaterThan(0);
  });

  test('R-FT-20 R-FT-28 R-FT-34: the sender is told that the transfer failed, and by what', () => {
    expect(stoppedByOther['stopped-by-receiver.bin']).toMatchObject({
      status: 'failed',
      transfer: { state: 'failed', error: { code: 'msrp.stopped', detail: expect.stringContaining('413') } },
    });
  });

  test('R-FT-10: no invitation leaves for a file beyond the limit', async () => {
    expect(tooLarge).toMatchObject({ code: 'file.too-large' });
    expect(await wire.count('sip.Method=="INVITE" && sip contains "stopped-by-sender.bin"')).toBeGreaterThan(0);
    expect(await wire.count('sip contains "too-large.bin"')).toBe(0);
  });

  test('R-FTR-05: an invitation without file-selector is refused with 488', async () => {
    expect(refused).toBe(488);
    const invites = await wire.signalling(
      `${wire.to(bob)} && sip.Method=="INVITE" && !(sdp.media_attr contains "file-selector")`,
      'sip.Call-ID',
      'sip.Accept-Contact',
    );
    expect(invites).toHaveLength(1);
    const [[callId, asked] = []] = invites;
    expect(asked).toContain('oma.cpm.filetransfer');
    expect(await wire.count(`${wire.from(bob)} && sip.Status-Code==488 && sip.CSeq.method=="INVITE" && sip.Call-ID=="${callId}"`)).toBe(1);
    expect(await wire.count(`${wire.from(bob)} && sip.Status-Code==180 && sip.Call-ID=="${callId}"`)).toBe(0);
  });

  test('R-FTR-10: a notification leaves for a file when it was asked for, and none when it was not', async () => {
    const notices = `${wire.from(bob)} && sip.Method=="MESSAGE" && sip contains "message/imdn+xml"`;
    const { frame } = await invitationTo('unasked.txt', wire.to(bob));
    const later = await wire.first(`${wire.from(bob)} && sip contains "imdn.Message-ID: ${afterUnasked}"`);
    expect(frame).toBeLessThan(later);
    expect(await wire.count(`${notices} && sip.r-uri contains "alice"`)).toBe(1);
    expect(await wire.count(`${notices} && sip.r-uri contains "mallory"`)).toBe(0);
  });

  test('R-FTR-11: what is said of a file has the form of RFC 5438', async () => {
    const [[payload] = []] = await wire.signalling(`${wire.from(bob)} && sip contains "message/imdn+xml"`, 'tcp.payload');
    const text = Buffer.from(payload ?? '', 'hex').toString();
    const { callId } = await invitationTo('asked.txt', wire.from(alice));
    const [[invitation] = []] = await wire.signalling(`sip.Method=="INVITE" && sip.Call-ID=="${callId}"`, 'tcp.payload');
    const asking = Buffer.from(invitation ?? '', 'hex').toString();
    const [messageId, dateTime] = ['imdn.Message-ID', 'DateTime'].map((name) => new RegExp(`^${name}: (.*)\\r$`, 'm').exec(asking)?.[1]);
    const elements = text
      .slice(text.indexOf('<imdn'))
      .split(/(?=<)|(?<=>)/)
      .map((piece) => piece.trim())
      .filter((piece) => piece !== '');
    expect(elements).toEqual([
      ...['<imdn xmlns="urn:ietf:params:xml:ns:imdn">', '<message-id>', messageId, '</message-id>', '<datetime>', dateTime, '</datetime>'],
      ...['<recipient-uri>', 'sip:bob@parley.example', '</recipient-uri>'],
      ...['<original-recipient-uri>', 'sip:bob@parley.example', '</original-recipient-uri>'],
      ...['<delivery-notification>', '<status>', '<delivered/>', '</status>', '</delivery-notification>', '</imdn>'],
    ]);
  });
});

function withoutSelector(sdp: string): string {
  return sdp
    .split('\r\n')
    .filter((line) => !line.startsWith('a=file-selector'))
    .join('\r\n');
}
