import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { HomeNetwork } from '../../../electron/home-network/index.ts';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { decodeMultipart } from '../../../shared/protocol/multipart/multipart.ts';
import { header, type SipMessage, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import type { SipPeer } from '../../harness/sip-peer.ts';
import { BOB, FT } from './call.ts';
import { registered, start } from './start.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** where a device of a test listens for MSRP */
async function listening(): Promise<number> {
  const server = createServer((socket) => void socket.on('error', () => undefined).resume());
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const FILE = [
  'a=file-selector:name:"ridge%20%22east%22.jpg" type:image/jpeg size:5000 hash:sha-1:5F:6D:56:1A:57:57:23:67:7C:EF:B9:4C:3C:1D:59:8A:18:B0:4E:AA',
  'a=file-transfer-id:4wCZTowmvkkCvtpjpsrq1gKaPs6BmZOC',
  'a=file-disposition:attachment',
  'a=file-date:creation:"Sun, 01 Mar 2026 08:12:40 +0100"',
  'a=file-icon:cid:icon11@home1.example',
  'a=file-range:1-5000',
  'a=x-nobody-knows:this one',
];
const media = (port: number, session: string, setup: string, rest: readonly string[] = FILE) => [
  `m=message ${port} TCP/MSRP *`,
  'i=East ridge, morning',
  'a=sendonly',
  'a=accept-types:message/cpim image/jpeg',
  'a=accept-wrapped-types:*',
  `a=path:msrp://127.0.0.1:${port}/${session};tcp`,
  `a=setup:${setup}`,
  ...rest,
];
const description = (lines: readonly string[], version = 1) =>
  [...['v=0', `o=alice 7 ${version} IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'], ...lines, ''].join('\r\n');

const sdpHeaders = (peer: SipPeer) =>
  [
    ['Contact', `<${peer.contactUri}>`],
    ['Accept-Contact', FT],
    ['Content-Type', 'application/sdp'],
  ] as const;
const linesOf = (message: SipMessage) => fromUtf8(message.body).split('\r\n');
const pathsOf = (message: SipMessage) => linesOf(message).filter((line) => line.startsWith('a=path:'));

async function calling(network: HomeNetwork, body: string, type = 'application/sdp') {
  const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
  const invite = alice.build('INVITE', BOB, { headers: [...sdpHeaders(alice), ['Content-Type', type]], body });
  alice.send(invite);
  return { alice, bob, invite };
}

/** Bob takes it; @returns what both got, and their dialog */
async function taken(network: HomeNetwork, offer: string, answer: string) {
  const { alice, bob, invite } = await calling(network, offer);
  const got = await bob.request('INVITE');
  bob.answer(got, 200, 'OK', { headers: sdpHeaders(bob), body: answer });
  const ok = await alice.final(invite);
  alice.send(alice.inDialog(invite, ok, 'ACK', 1));
  await bob.request('ACK');
  return { alice, bob, invite, got, ok };
}

describe('MSRP that is anchored', () => {
  const anchor = { media: { msrp: 'anchor' } } as const;

  it('R-PF-09: each side gets a place at the network for the other side’s, and every other line as it was', async () => {
    const network = await start(anchor);
    const port = await listening();
    const { got, ok } = await taken(
      network,
      description(media(port, 'aliceAAAAAAAAAAAAAAA', 'actpass')),
      description(media(port, 'bobBBBBBBBBBBBBBBBBB', 'passive', FILE.slice(0, 2))),
    );
    for (const [message, setup, rest] of [
      [got, 'actpass', FILE],
      [ok, 'passive', FILE.slice(0, 2)],
    ] as const) {
      const [, msrpPort = ''] = /^m=message (\d+) TCP\/MSRP \*$/m.exec(fromUtf8(message.body).replaceAll('\r', '')) ?? [];
      expect(Number(msrpPort)).not.toBe(port);
      expect(linesOf(message)).toEqual([
        ...['v=0', 'o=alice 7 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=message ${msrpPort} TCP/MSRP *`],
        ...['i=East ridge, morning', 'a=sendonly', 'a=accept-types:message/cpim image/jpeg', 'a=accept-wrapped-types:*', ...rest],
        expect.stringMatching(new RegExp(`^a=path:msrp://127\\.0\\.0\\.1:${msrpPort}/[\\w.+-]{14,};tcp$`)),
        ...[`a=setup:${setup}`, ''],
      ]);
    }
    expect(pathsOf(got)).not.toEqual(pathsOf(ok));
  });

  it('R-PF-14: a thumbnail and whatever else stands beside the description pass as they are', async () => {
    const network = await start(anchor);
    const icon = ['Content-Type: image/png', 'Content-Transfer-Encoding: base64', 'Content-ID: <icon11@home1.example>', '', 'iVBORw0KGgo='];
    const body = [
      ...['--b', 'Content-Type: application/sdp', 'Content-Length: 3', '', description(media(9, 'aliceAAAAAAAAAAAAAAA', 'active')), '--b'],
      ...[...icon, '--b--'],
    ].join('\r\n');
    const { bob } = await calling(network, body, 'multipart/related;type="application/sdp";boundary=b');
    const got = await bob.request('INVITE');
    expect(header(got, 'Content-Type')).toBe('multipart/related;type="application/sdp";boundary=b');
    const [sdp, picture] = decodeMultipart(got.body, header(got, 'Content-Type') ?? '').parts;
    expect(fromUtf8(sdp?.body ?? new Uint8Array())).toContain('a=file-icon:cid:icon11@home1.example\r\n');
    // who will connect cannot be connected to (RFC 6135 section 4.2.2)
    for (const line of [/^m=message 9 /m, /^a=path:msrp:\/\/127\.0\.0\.1:9\//m, /^a=setup:active\r$/m]) {
      expect(fromUtf8(sdp?.body ?? new Uint8Array())).toMatch(line);
    }
    expect(sdp?.headers.map(({ name }) => name)).toEqual(['Content-Type']);
    expect(picture?.headers.map(({ name, value }) => `${name}: ${value}`)).toEqual(icon.slice(0, 3));
    expect(fromUtf8(picture?.body ?? new Uint8Array())).toBe('iVBORw0KGgo=');
  });

  it('what runs over TLS between the two stays between them; a refused line stays refused', async () => {
    const network = await start(anchor);
    const secure = [
      ...['m=message 5000 TCP/TLS/MSRP *', 'a=path:msrps://127.0.0.1:5000/secretsecretsecre;tcp', 'a=fingerprint:sha-256 AB:CD'],
      ...['m=audio 4000 RTP/AVP 0', 'a=rtpmap:0 PCMU/8000', 'm=message 0 TCP/MSRP *', 'a=file-transfer-id:gone'],
    ];
    const { bob } = await calling(network, description([...secure, ...media(5001, 'aliceAAAAAAAAAAAAAAA', 'actpass')]));
    const got = linesOf(await bob.request('INVITE'));
    expect(got.slice(0, 12)).toEqual([...description([]).split('\r\n').slice(0, 5), ...secure]);
    // the address of the session is that of the secure line, so the other one says its own
    expect(got.filter((line) => line.startsWith('c='))).toHaveLength(2);
    expect(got.join('\n')).not.toContain(':5001/');
  });

  it('R-PF-12: a line with the same path goes on; with another it is another session, and port 0 ends it', async () => {
    const network = await start(anchor);
    const port = await listening();
    const { alice, bob, invite, got, ok } = await taken(
      network,
      description(media(port, 'firstAAAAAAAAAAAAAAA', 'actpass')),
      description(media(port, 'firstBBBBBBBBBBBBBBB', 'passive')),
    );
    let sequence = 2;
    const again = async (session: string, answer: string, lines = media(port, session, 'actpass')) => {
      const reinvite = alice.inDialog(invite, ok, 'INVITE', sequence, {
        headers: sdpHeaders(alice),
        body: description(lines, sequence++),
      });
      alice.send(reinvite);
      const at = await bob.request('INVITE');
      bob.answer(at, 200, 'OK', { headers: sdpHeaders(bob), body: answer });
      const final = await alice.final(reinvite);
      alice.send(alice.inDialog(invite, ok, 'ACK', sequence - 1));
      await bob.request('ACK');
      return { at, final };
    };
    const same = await again('firstAAAAAAAAAAAAAAA', description(media(port, 'firstBBBBBBBBBBBBBBB', 'passive')));
    expect([pathsOf(same.at), pathsOf(same.final)]).toEqual([pathsOf(got), pathsOf(ok)]);
    const next = await again('secondAAAAAAAAAAAAAA', description(media(port, 'secondBBBBBBBBBBBBBB', 'passive')));
    expect(pathsOf(next.at)).not.toEqual(pathsOf(got));
    expect(pathsOf(next.final)).not.toEqual(pathsOf(ok));
    const closed = ['m=message 0 TCP/MSRP *', 'a=file-transfer-id:4wCZTowmvkkCvtpjpsrq1gKaPs6BmZOC'];
    const over = await again('', description(closed), closed);
    expect(linesOf(over.at).slice(5)).toEqual([...closed, '']);
  });

  it('an offer that comes with the 200 is answered in the ACK, by way of the network too', async () => {
    const network = await start(anchor);
    const port = await listening();
    const [alice, bob] = [await registered(network, 'alice'), await registered(network, 'bob')];
    const invite = alice.build('INVITE', BOB, {
      headers: [
        ['Contact', `<${alice.contactUri}>`],
        ['Accept-Contact', FT],
      ],
    });
    alice.send(invite);
    const got = await bob.request('INVITE');
    bob.answer(got, 200, 'OK', { headers: sdpHeaders(bob), body: description(media(port, 'bobBBBBBBBBBBBBBBBBB', 'actpass')) });
    const ok = await alice.final(invite);
    expect(pathsOf(ok).join()).not.toContain('bobBBB');
    const answer = description(media(port, 'aliceAAAAAAAAAAAAAAA', 'passive'));
    alice.send(alice.inDialog(invite, ok, 'ACK', 1, { headers: [['Content-Type', 'application/sdp']], body: answer }));
    const ack = await bob.request('ACK');
    expect(pathsOf(ack)).toHaveLength(1);
    expect(pathsOf(ack).join()).not.toContain('aliceAAA');
  });

  it('a session that carries nothing for too long is ended on both sides', async () => {
    const clock = new ManualClock();
    const network = await start({ clock, media: { msrp: 'anchor', idle: 10_000 } });
    const port = await listening();
    const { alice, bob } = await taken(
      network,
      description(media(port, 'aliceAAAAAAAAAAAAAAA', 'actpass')),
      description(media(port, 'bobBBBBBBBBBBBBBBBBB', 'passive')),
    );
    await clock.advance(10_001);
    for (const peer of [alice, bob]) expect(header(await peer.request('BYE'), 'Reason')).toContain('nothing passed');
  });
});

describe('limits of the network for octets', () => {
  const answerTo = async (network: HomeNetwork, body: string) => {
    const { alice, invite } = await calling(network, body);
    return alice.final(invite);
  };

  it.each(['end-to-end', 'anchor'] as const)('a file above the limit is refused with 403 and a Warning that says why: %s', async (msrp) => {
    const network = await start({ media: { msrp, maxFileSize: 4999 } });
    const answer = await answerTo(network, description(media(5001, 'aliceAAAAAAAAAAAAAAA', 'actpass')));
    expect([answer.status, header(answer, 'Warning')]).toEqual([403, '399 home1.example "133 Size exceeded"']);
  });

  it('more sessions than there is room for are put off', async () => {
    const network = await start({ media: { msrp: 'anchor' }, bounds: { mediaSessions: 0 } });
    const answer = await answerTo(network, description(media(5001, 'aliceAAAAAAAAAAAAAAA', 'actpass')));
    expect([answer.status, header(answer, 'Retry-After')]).toEqual([503, '30']);
  });

  it.each([
    [488, 'application/sdp', 'v=9'],
    [415, 'multipart/mixed;boundary=b', 'no boundary'],
  ])('%i to a body of %s that cannot be read', async (status, type, body) => {
    const { alice, invite } = await calling(await start({ media: { msrp: 'anchor' } }), body, type);
    expect((await alice.final(invite)).status).toBe(status);
  });

  it('an answer that cannot be read ends the call for both', async () => {
    const network = await start({ media: { msrp: 'anchor' } });
    const { alice, bob, invite } = await calling(network, description(media(5001, 'aliceAAAAAAAAAAAAAAA', 'actpass')));
    const got: SipRequest = await bob.request('INVITE');
    // what comes before it promises nothing, and harms nothing
    bob.answer(got, 183, 'Session Progress', { headers: [['Content-Type', 'multipart/mixed;boundary=b']], body: 'no boundary' });
    expect((await alice.provisional(invite, 183)).body).toHaveLength(0);
    bob.answer(got, 200, 'OK', { headers: sdpHeaders(bob), body: 'v=9' });
    expect((await alice.final(invite)).status).toBe(488);
    for (const method of ['ACK', 'BYE']) await bob.request(method);
    expect(alice.inbox).toEqual([]);
  });
});
