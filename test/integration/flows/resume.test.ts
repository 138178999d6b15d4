import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Message } from '../../../shared/model/message.ts';
import { type ExamplePeer, OWN_NOTIFICATIONS, throughTheNetwork } from '../../harness/flow/example-peer.ts';
import { payloadOf } from '../../harness/flow/example-script.ts';
import { Flow, offeredFile, sendFile, takenFilm } from '../../harness/flow/flow-person.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import type { Person } from '../../harness/two-people.ts';
import { exampleOctets } from '../../vectors/example.ts';

const flow = new Flow(temporaryFolder());
afterEach(() => flow.end());

const contentOf = (...names: string[]) => Buffer.concat(names.map((name) => payloadOf(exampleOctets(name))));
const FROM_4097 = contentOf('F15-04.msrp', 'F15-06.msrp', 'F15-08.msrp');
const FROM_6145 = contentOf('F16-04.msrp', 'F16-06.msrp');
/** the examples show octets 1 to 900 and 4097 to 10000 of walk.mp4; what is between, and with it the hash, is our own */
const HEAD = contentOf('F17-01.msrp');
const WALK = Buffer.concat([HEAD, Buffer.alloc(4096 - HEAD.length, 'w'), FROM_4097]);
const HASH = (createHash('sha1').update(WALK).digest('hex').toUpperCase().match(/../g) ?? []).join(':');
const EXAMPLE_HASH = '0F:8D:93:6E:93:02:23:69:5B:31:4B:E8:E7:2A:04:D0:BC:5C:5A:06';
const NO_LIMIT = [{ why: 'this account has no limit', missing: /^sdp\.1\|a=max-size:/ }];
const WHOLE = (text: string) => text.replace(/a=file-range:.*\r\n/, '');
const FORMS = [{ why: 'the types that are taken', extra: /a=accept-types:/, missing: /a=accept-types:/ }];

/** what the next invitation must have anew, and what it must keep */
interface Before {
  readonly contribution: string;
  readonly transferId: string;
  readonly call: string;
}

function idsOf(invite: string): Before {
  const value = (pattern: RegExp) => pattern.exec(invite)?.[1] ?? '';
  return {
    contribution: value(/\r\nContribution-ID: (\S+)/),
    transferId: value(/\r\na=file-transfer-id:(\S+)/),
    call: value(/\r\nCall-ID: (\S+)/),
  };
}

const is = (person: Person, id: number, state: string): Promise<Message> =>
  person.seesMessage((message) => message.id === id && message.transfer?.state === state);

/** Our person sends walk.mp4; so many of its octets are reported when the connection is gone. */
async function sentPart(peer: ExamplePeer, person: Person, to: string, octets: number): Promise<{ id: number; before: Before }> {
  const imdnId = await sendFile(person, to, join(flow.folder, 'walk.mp4'), WALK);
  const invite = await peer.takes('F15-01.sip');
  peer.plays('F15-02.sip', (text) => WHOLE(text).replace(/a=file-selector:.*\r\n/, ''));
  await peer.takes('F15-03.sip');
  const line = await peer.accepts();
  const chunk = await peer.takesChunk(line, 'F15-04.msrp');
  peer.reports(octets, { text: chunk, line });
  const moving = await person.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'transferring');
  await new Promise((resolve) => setTimeout(resolve, 200));
  line.destroy();
  await is(person, moving.id, 'interrupted');
  return { id: moving.id, before: idsOf(invite) };
}

describe('F15: the sender goes on where it was', () => {
  test('we send', async () => {
    const { peer, person } = await flow.start('alice', { host: '203.0.113.20', port: 20_740 });
    peer.obliging = true;
    const { id, before } = await sentPart(peer, person, 'sip:bob@home2.example', 4096);
    peer.again();
    peer.differences.length = 0;
    peer.script.bind(EXAMPLE_HASH, HASH);
    await person.call['transfers.resume']({
      transferId: (await person.call['messages.read']({ messageId: id })).transfer?.id as number,
    }).catch(() => undefined);
    const invite = await peer.takes('F15-01.sip', OWN_NOTIFICATIONS);
    const now = idsOf(invite);
    expect(now.contribution).toBe(before.contribution);
    expect(now.transferId).not.toBe(before.transferId);
    expect(now.call).not.toBe(before.call);
    peer.plays('F15-02.sip');
    await peer.takes('F15-03.sip');
    const carried = await peer.takesMessage(
      null,
      ['F15-04.msrp', 'F15-06.msrp', 'F15-08.msrp'],
      ['F15-05.msrp', 'F15-07.msrp', 'F15-09.msrp'],
    );
    peer.reports();
    expect(carried.equals(FROM_4097)).toBe(true);
    await is(person, id, 'done');
    expect(peer.differences).toEqual([]);
  });

  test('we receive: the person is not asked again', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_050 });
    peer.obliging = true;
    const fresh = [
      '1cb5fcaefc6123d9@192.0.2.10',
      'z9hG4bK55bcdd0a3448',
      '9d65fee9',
      'Ij8Tmu0GLjKoJRa2oTEVrSRFMInYRs0b',
      'P6iGnAOnnENfawfVpng3',
      'c3uJpQelUL0H',
    ];
    const play = (edit: (text: string) => string) => {
      peer.again(...fresh);
      peer.script.bind(EXAMPLE_HASH, HASH);
      peer.plays('F15-01.sip', (text) => edit(throughTheNetwork(text)));
    };
    play(WHOLE);
    const transferId = await offeredFile(person, 'walk.mp4');
    await person.call['transfers.accept']({ transferId });
    await peer.takes('F15-02.sip');
    peer.plays('F15-03.sip');
    const line = await peer.connects('msrp://203.0.113.20:20740/dwWNW6ESjQ0vDrtBv401');
    line.write(chunkOf(peer, 'F15-04.msrp', '1-4096/10000', WALK.subarray(0, 4096), '+'));
    await line.next((text) => /^MSRP \S+ 200/.test(text), '200');
    line.destroy();
    const { id } = await person.seesMessage((message) => message.transfer?.id === transferId && message.transfer.state === 'interrupted');

    peer.differences.length = 0;
    play((text) => text);
    await peer.takes('F15-02.sip', NO_LIMIT);
    peer.plays('F15-03.sip');
    const again = await peer.connects('msrp://203.0.113.20:20740/dwWNW6ESjQ0vDrtBv401');
    for (const name of ['F15-04.msrp', 'F15-06.msrp', 'F15-08.msrp']) peer.sends(again, name);
    for (const name of ['F15-05.msrp', 'F15-07.msrp', 'F15-09.msrp']) await peer.takesLine(again, name);
    const done = await is(person, id, 'done');
    expect((await readFile(person.saved(done))).equals(WALK)).toBe(true);
    expect(peer.differences).toEqual([]);
  });
});

describe('F16: the receiver goes on where it was', () => {
  test('we receive', async () => {
    const { peer, person } = await flow.start('alice', { host: '203.0.113.20', port: 20_720 });
    peer.obliging = true;
    const contribution = '74dda528-2c81-4e22-a5c8-cc9e637b115f';
    const { transferId, line, to, from } = await takenFilm(peer, person, { size: 10_000, sha1: HASH });
    line.write(chunkTo(to, from, '1-6144/10000', WALK.subarray(0, 6144), '+'));
    await line.next((text) => /^MSRP \S+ 200/.test(text), '200');
    line.destroy();
    const { id } = await person.seesMessage((message) => message.transfer?.id === transferId && message.transfer.state === 'interrupted');

    peer.again();
    peer.script.bind(EXAMPLE_HASH, HASH);
    peer.moves({ host: '203.0.113.20', port: 20_742 });
    await person.call['transfers.resume']({ transferId });
    const invite = await peer.takes('F16-01.sip', [...OWN_NOTIFICATIONS, ...NO_LIMIT]);
    expect(idsOf(invite).contribution).toBe(contribution);
    peer.plays('F16-02.sip');
    await peer.takes('F16-03.sip');
    const again = await peer.accepts();
    await peer.answersBinding(again);
    for (const [sent, taken] of [
      ['F16-04.msrp', 'F16-05.msrp'],
      ['F16-06.msrp', 'F16-07.msrp'],
    ] as const) {
      peer.sends(again, sent);
      await peer.takesLine(again, taken);
    }
    const done = await is(person, id, 'done');
    expect((await readFile(person.saved(done))).equals(WALK)).toBe(true);
    expect(peer.differences).toEqual([]);
  });

  test('we send: asked for the rest of what was sent, the person is not asked', async () => {
    const { peer, person } = await flow.start('bob', { host: '192.0.2.10', port: 30_052 });
    peer.obliging = true;
    // our INVITE is in no example here: it is answered by what it says itself
    const imdnId = await sendFile(person, 'sip:alice@home1.example', join(flow.folder, 'walk.mp4'), WALK);
    const invite = await peer.takesAny('INVITE');
    peer.answers(invite);
    await peer.takesAny('ACK');
    const line = await peer.accepts();
    await peer.answersBinding(line);
    await line.next((text) => / SEND\r\n/.test(text), 'a chunk');
    line.destroy();
    const { id } = await person.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'interrupted');

    peer.script.bind(EXAMPLE_HASH, HASH);
    peer.plays('F16-01.sip', (text) => throughTheNetwork(text).replace(/(Contribution-ID: ).*/, `$1${idsOf(invite).contribution}`));
    await peer.takes('F16-02.sip', FORMS);
    peer.plays('F16-03.sip');
    const again = await peer.connects('msrp://203.0.113.20:20742/rle7cAJc5zNE8C8Nb2KO');
    again.write(peer.binding('msrp://203.0.113.20:20742/rle7cAJc5zNE8C8Nb2KO;tcp', 'msrp://192.0.2.10:30052/tRLFCrz31ncfWKTftOiH;tcp'));
    const carried = await peer.takesMessage(again, ['F16-04.msrp', 'F16-06.msrp'], ['F16-05.msrp', 'F16-07.msrp']);
    peer.reports();
    expect(carried.equals(FROM_6145)).toBe(true);
    await is(person, id, 'done');
    expect(peer.differences).toEqual([]);
  });
});

/** a chunk with the head of the example */
function chunkOf(peer: ExamplePeer, name: string, range: string, octets: Buffer, flag: string): Buffer {
  const text = peer.script.play(name).toString('latin1');
  const head = text.slice(0, text.indexOf('\r\n\r\n') + 4).replace(/Byte-Range: \S+/, `Byte-Range: ${range}`);
  const id = /^MSRP (\S+)/.exec(text)?.[1];
  return Buffer.concat([Buffer.from(head, 'latin1'), octets, Buffer.from(`\r\n-------${id}${flag}\r\n`)]);
}

function chunkTo(to: string, from: string, range: string, octets: Buffer, flag: string): Buffer {
  const head = [
    `MSRP 6h5luzg2 SEND`,
    `To-Path: ${to}`,
    `From-Path: ${from}`,
    'Message-ID: c3uJpQelUL0H',
    `Byte-Range: ${range}`,
    'Content-Type: video/mp4',
    '',
    '',
  ];
  return Buffer.concat([Buffer.from(head.join('\r\n')), octets, Buffer.from(`\r\n-------6h5luzg2${flag}\r\n`)]);
}
