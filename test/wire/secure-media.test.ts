import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { logTlsKeys } from '../harness/tls-keys.ts';
import { Capture, captureHindrance, type Dissection } from '../harness/tshark.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const hindrance = captureHindrance();
const SECRET = 'the way over the west ridge';

/** Alice offers MSRP over TLS, Bob over TCP; both take what is offered (RFC 4975 section 14.4). */
describe.skipIf(hindrance !== null)('chat, large message and files over TLS from client to client as tshark sees them', () => {
  const folder = temporaryFolder();
  let people: TwoPeople;
  let signalling: Dissection;
  let opened: Dissection;
  let closed: Dissection;
  let network = 0;
  let securePorts: number[] = [];

  beforeAll(async () => {
    const keys = join(folder, 'keys.txt');
    const end = logTlsKeys(keys);
    const capture = await Capture.start(join(folder, 'wire.pcapng'));
    people = await twoPeople(folder, { overTls: ['alice'] });
    const { alice, bob } = people;
    try {
      await send(alice, bob, 'a');
      await send(bob, alice, 'b');
      for (const [preferredMode, text] of [
        ['standalone', SECRET.repeat(200)],
        ['session', SECRET],
      ] as const) {
        await alice.call['settings.change']({ preferredMode });
        const { id } = await alice.conversationWith(bob);
        const sent = await alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
        await alice.seesMessage((message) => message.imdnId === sent.imdnId && message.status === 'delivered', 60_000);
      }
    } finally {
      await people.close();
      end();
    }
    network = people.networkPort;
    const whole = await capture.stop();
    signalling = whole.again().treatAs('sip', [network]);
    const media = await sdp('TCP/TLS/MSRP');
    securePorts = [...new Set(media.map(({ port }) => port))].filter((port) => port !== 9);
    closed = whole.again();
    opened = whole.again();
    for (const port of securePorts) opened.treatAsSecure('data', port, keys);
  }, 300_000);
  afterAll(() => people?.close());

  async function send(from: Person, to: Person, name: string): Promise<void> {
    const path = join(folder, name);
    await writeFile(path, SECRET.repeat(10_000));
    const { id } = await from.conversationWith(to);
    const { token } = await from.client.offerFile(path);
    const file = await from.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    const offered = await to.seesMessage((message) => message.imdnId === file.imdnId && message.transfer !== null, 60_000);
    await to.call['transfers.accept']({ transferId: offered.transfer?.id as number });
    await from.seesMessage((message) => message.imdnId === file.imdnId && message.transfer?.state === 'done', 60_000);
  }

  /** The descriptions of that transport in the order of the capture, as the network passed them on. */
  async function sdp(transport: string): Promise<{ port: number; attributes: string }[]> {
    const own = `tcp.port==${network} && sdp.media.proto=="${transport}"`;
    const rows = await signalling.fields(own, 'sdp.media.port', 'sdp.media_attr');
    return rows.map(([port = '', attributes = '']) => ({ port: Number(port), attributes }));
  }
  const fingerprints = (of: { attributes: string }[]): string[] => [
    ...new Set(
      of.flatMap(({ attributes }) => [...attributes.matchAll(/fingerprint:sha-256 ([0-9A-F:]+)/g)].map(([, hash]) => hash as string)),
    ),
  ];

  test('what Alice offers, and its answer, is TCP/TLS/MSRP with msrps and a fingerprint; what Bob offers is neither', async () => {
    const secure = await sdp('TCP/TLS/MSRP');
    const plain = await sdp('TCP/MSRP');
    // file, large message and chat; each with an answer, each seen on the way to the network and from it
    expect(secure).toHaveLength(12);
    expect(plain.length).toBeGreaterThan(0);
    for (const { attributes } of secure)
      expect(attributes).toMatch(/path:msrps:[^|]*\|.*fingerprint:sha-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}/);
    for (const { attributes } of plain) expect(attributes).not.toMatch(/msrps|fingerprint/);
    expect(fingerprints(secure)).toHaveLength(2);
  });

  test('each end shows the certificate that its description names, and TLS is 1.2 or later', async () => {
    const shown = await opened.fields('tls.handshake.certificate', 'tls.handshake.certificate');
    const hashes = shown.flatMap(([certificates = '']) =>
      certificates.split('|').map((hex) =>
        createHash('sha256')
          .update(Buffer.from(hex.replaceAll(':', ''), 'hex'))
          .digest('hex'),
      ),
    );
    const announced = fingerprints(await sdp('TCP/TLS/MSRP')).map((hash) => hash.replaceAll(':', '').toLowerCase());
    expect([...new Set(hashes)].sort()).toEqual(announced.sort());
    const versions = await opened.fields('tls.handshake.type==2', 'tls.handshake.extensions.supported_version');
    expect(new Set(versions.map(([version]) => version))).toEqual(new Set(['0x0304']));
  });

  test('without the keys nothing of it is to be seen, and with them it is MSRP', async () => {
    const on = `tcp.port in {${securePorts.join(', ')}}`;
    expect(await closed.count(`${on} && frame contains "${SECRET.slice(0, 12)}"`)).toBe(0);
    expect(await closed.count(`${on} && frame contains "MSRP "`)).toBe(0);
    const octets = await opened.fields(`${on} && data`, 'data.data');
    const text = octets
      .map(([hex = '']) =>
        hex
          .split('|')
          .map((part) => Buffer.from(part.replaceAll(':', ''), 'hex').toString('latin1'))
          .join(''),
      )
      .join('');
    expect(text).toContain(SECRET);
    expect(text).toMatch(/MSRP \S+ SEND\r\nTo-Path: msrps:/);
    expect(text).not.toMatch(/-Path: msrp:/);
  });
});
