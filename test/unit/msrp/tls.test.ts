import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { connect as connectPlain } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, createServer } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createIdentity } from '../../../electron/msrp/certificate.ts';
import type { MsrpEngine } from '../../../electron/msrp/port.ts';
import { decodeMsrpUri } from '../../../shared/protocol/msrp/uri.ts';
import { TestAuthority } from '../../harness/certificates.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { engine, Inbox, RawPeer } from './harness.ts';

const folder = temporaryFolder();
/** Certificates that openssl made, of names that are not asked for: only their fingerprints count. */
const authority = new TestAuthority();
const theirs = authority.issue(null);
const stranger = authority.issue(null);
const closers: (() => unknown)[] = [];
const engines: MsrpEngine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((made) => made.close()));
});
afterAll(() => {
  for (const close of closers.splice(0)) close();
});

function fingerprintOf(pem: string, algorithm: 'sha-256' | 'sha-1' = 'sha-256'): string {
  const hash = createHash(algorithm.replace('-', '')).update(new X509Certificate(pem).raw);
  return `${algorithm} ${hash.digest('hex').toUpperCase().match(/../g)?.join(':')}`;
}

async function one(options = {}): Promise<MsrpEngine> {
  const made = await engine({ offersTls: true, ...options });
  engines.push(made);
  return made;
}

/** A listener over TLS with a certificate of openssl's, which asks for one. */
async function listener(shown = theirs): Promise<{
  port: number;
  peer: Promise<RawPeer>;
  client: () => X509Certificate | undefined;
  gone: Promise<unknown>;
  frames: () => unknown[];
}> {
  let client: X509Certificate | undefined;
  let far: RawPeer | undefined;
  let accepted: (peer: RawPeer) => void = () => {};
  const peer = new Promise<RawPeer>((resolve) => (accepted = resolve));
  const server = createServer({ ...shown, requestCert: true, rejectUnauthorized: false }, (socket) => {
    client = socket.getPeerX509Certificate();
    far = new RawPeer(socket);
    accepted(far);
  });
  const gone = new Promise((resolve) => server.on('connection', (socket: Socket) => socket.once('close', resolve)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, peer, client: () => client, gone, frames: () => far?.frames ?? [] };
}

/** A client over TLS that shows that certificate, or none. */
function dial(port: number, shown: { key: string; cert: string } | null = theirs): Promise<RawPeer> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...shown }, () => resolve(new RawPeer(socket)));
    socket.once('error', reject);
  });
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (thrown: { code: string }) => thrown.code,
  );
const MESSAGE = { 'Message-ID': 'mess', 'Byte-Range': '1-2/2', 'Content-Type': 'text/plain' };

describe('MSRP over TLS between clients', () => {
  it('its certificate is one that openssl takes: version 3, signed by its own key, for both ends; a fresh one each time', () => {
    const identity = createIdentity(Date.UTC(2049, 6, 1));
    const file = join(folder, 'identity.pem');
    writeFileSync(file, identity.certificate);
    const openssl = (...options: string[]): string => execFileSync('openssl', options, { encoding: 'utf8' });
    expect(openssl('x509', '-in', file, '-noout', '-fingerprint', '-sha256').trim().split('=')[1]).toBe(identity.fingerprint.slice(8));
    for (const purpose of ['sslserver', 'sslclient'])
      expect(
        openssl('verify', '-CAfile', file, '-attime', String(Date.UTC(2050, 1, 1) / 1000), '-purpose', purpose, '-x509_strict', file),
      ).toMatch(/OK/);
    expect(openssl('x509', '-in', file, '-noout', '-text')).toMatch(/Version: 3 [\s\S]*ecdsa-with-SHA256[\s\S]*prime256v1/);
    expect(createIdentity(0).fingerprint).not.toBe(createIdentity(0).fingerprint);
  });

  it('announces msrps, its own port and the fingerprint of the certificate it shows there', async () => {
    const made = await one();
    const place = await made.createSession(new Inbox()).announce();
    expect(place).toMatchObject({ protocol: 'TCP/TLS/MSRP', address: '127.0.0.1' });
    expect(place.path).toHaveLength(1);
    expect(decodeMsrpUri(place.path[0] as string)).toMatchObject({ scheme: 'msrps', port: place.port });
    expect(place.port).not.toBe(made.address.port);
    const shown = await new Promise<Buffer>((resolve) => {
      const socket = connectTls({ host: '127.0.0.1', port: place.port, rejectUnauthorized: false, ...theirs }, () => {
        resolve(socket.getPeerX509Certificate()?.raw as Buffer);
        socket.destroy();
      });
    });
    expect(place.fingerprint).toBe(`sha-256 ${createHash('sha256').update(shown).digest('hex').toUpperCase().match(/../g)?.join(':')}`);
  });

  it('answers what was offered: TLS with a fingerprint in kind, anything else over TCP, whatever it offers itself', async () => {
    const plain = await one({ offersTls: false });
    const secure = await one();
    expect(await plain.createSession(new Inbox()).announce()).toMatchObject({ protocol: 'TCP/MSRP' });
    const inKind = await plain.createSession(new Inbox()).announce({ fingerprint: fingerprintOf(theirs.cert) });
    expect(inKind).toMatchObject({
      protocol: 'TCP/TLS/MSRP',
      path: [expect.stringMatching(/^msrps:/)],
      fingerprint: expect.stringMatching(/^sha-256 /),
    });
    const overTcp = await secure.createSession(new Inbox()).announce({ fingerprint: null });
    expect(overTcp).toMatchObject({ protocol: 'TCP/MSRP', path: [expect.stringMatching(/^msrp:/)] });
    expect(overTcp.fingerprint).toBeUndefined();
    expect(await failure(plain.createSession(new Inbox()).announce({ fingerprint: 'md5 00:11' }))).toBe('sdp.malformed');
  });

  it.each(['sha-256', 'sha-1'] as const)('active: shows its certificate to whoever has that fingerprint (%s)', async (algorithm) => {
    const { port, peer, client } = await listener();
    const session = (await one()).createSession(new Inbox());
    const place = await session.announce();
    const fingerprint = fingerprintOf(theirs.cert, algorithm);
    const connected = session.connect({ role: 'active', remotePath: [`msrps://127.0.0.1:${port}/far;tcp`], fingerprint });
    const far = await peer;
    await far.until(() => far.requests().length === 1);
    expect(far.requests()[0]?.head.fromPath).toEqual(place.path);
    far.answer(far.requests()[0] as never, 200);
    await connected;
    expect(fingerprintOf(client()?.toString() as string)).toBe(place.fingerprint);
  });

  it('active: ends before a single octet where another certificate is shown', async () => {
    const { port, frames, gone } = await listener(stranger);
    const inbox = new Inbox();
    const session = (await one()).createSession(inbox);
    await session.announce();
    const fingerprint = fingerprintOf(theirs.cert);
    const remotePath = [`msrps://127.0.0.1:${port}/far;tcp`];
    expect(await failure(session.connect({ role: 'active', remotePath, fingerprint }))).toBe('msrp.untrusted');
    await gone;
    // to the other side the handshake may not even have ended
    expect(frames()).toEqual([]);
    expect(inbox.closed).toEqual([]);
  });

  it('passive: takes whoever shows that certificate, and ends with msrp.untrusted for another one or none', async () => {
    const made = await one();
    for (const [shown, outcome] of [
      [theirs, 'resolved'],
      [stranger, 'msrp.untrusted'],
      [null, 'msrp.untrusted'],
    ] as const) {
      const inbox = new Inbox();
      const session = made.createSession(inbox);
      const { path, port } = await session.announce();
      const remotePath = ['msrps://127.0.0.1:9/far;tcp'];
      const connected = failure(session.connect({ role: 'passive', remotePath, fingerprint: fingerprintOf(theirs.cert) }));
      const far = await dial(port, shown);
      far.send({ to: path[0] as string, headers: MESSAGE, body: 'hi' });
      expect(await connected).toBe(outcome);
      await far.until(() => far.ended || far.statuses().length === 1);
      expect([far.statuses(), inbox.messages.length]).toEqual(outcome === 'resolved' ? [[200], 1] : [[], 0]);
    }
  });

  it('passive: what comes before the description of the peer waits for it, and is dropped when it was somebody else', async () => {
    const made = await one();
    for (const shown of [theirs, stranger]) {
      const inbox = new Inbox();
      const session = made.createSession(inbox);
      const { path, port } = await session.announce();
      const far = await dial(port, shown);
      far.send({ id: 'one1', to: path[0] as string, headers: MESSAGE, body: 'hi' });
      far.send({ id: 'two2', to: path[0] as string, headers: { ...MESSAGE, 'Message-ID': 'other' }, body: 'ho' });
      for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
      expect([far.frames, inbox.messages]).toEqual([[], []]);
      const remotePath = ['msrps://127.0.0.1:9/far;tcp'];
      const connected = failure(session.connect({ role: 'passive', remotePath, fingerprint: fingerprintOf(theirs.cert) }));
      expect(await connected).toBe(shown === theirs ? 'resolved' : 'msrp.untrusted');
      await far.until(() => far.ended || far.statuses().length === 2);
      expect(inbox.messages.map(({ octets }) => octets.toString())).toEqual(shown === theirs ? ['hi', 'ho'] : []);
    }
  });

  for (const way of ['comes in on a connection of theirs', 'comes in on a connection of ours']) {
    it(`a body that ${way} is whole although its taker is busy with every part of it and its sender closes behind it`, async () => {
      const body = Array.from({ length: 40_000 }, (_, n) => String(n).padStart(5, '.')).join('');
      const parts: Buffer[] = [];
      let whole: (octets: string) => void = () => {};
      const arrived = new Promise<string>((resolve) => (whole = resolve));
      const made = await one();
      const session = made.createSession({
        onMessage: () => ({
          // what is given is valid until the promise settles, so it is looked at as late as that
          write: async (_offset, octets) => {
            await new Promise((resolve) => setTimeout(resolve, 2));
            parts.push(Buffer.from(octets));
          },
          complete: () => whole(Buffer.concat(parts).toString()),
          abort: ({ code, detail }) => whole(`${code} ${detail}`),
        }),
        onClosed: () => {},
      });
      const { path, port } = await session.announce();
      const fingerprint = fingerprintOf(theirs.cert);
      let far: RawPeer;
      if (way.endsWith('ours')) {
        const { port: theirPort, peer } = await listener();
        const connected = session.connect({ role: 'active', remotePath: [`msrps://127.0.0.1:${theirPort}/far;tcp`], fingerprint });
        far = await peer;
        await far.until(() => far.requests().length === 1);
        far.answer(far.requests()[0] as never, 200);
        await connected;
      } else {
        far = await dial(port);
        void session.connect({ role: 'passive', remotePath: ['msrps://127.0.0.1:9/far;tcp'], fingerprint });
      }
      const headers = { ...MESSAGE, 'Byte-Range': `1-${body.length}/${body.length}` };
      far.send({ to: path[0] as string, headers, body });
      far.socket.end();
      expect((await arrived) === body).toBe(true);
    });
  }

  it('what waits for a description that never comes ends with its session, or with the time of a connection without one', async () => {
    const clock = new ManualClock(Date.now());
    const made = await one({ clock });
    const [left, right] = [made.createSession(new Inbox()), made.createSession(new Inbox())];
    const { port } = await left.announce();
    await right.announce();
    const first = await dial(port);
    first.send({ to: left.localUri, headers: MESSAGE, body: 'hi' });
    const untilGone = async (far: RawPeer): Promise<void> => {
      while (!far.ended) {
        clock.advance(10_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await untilGone(first);
    const second = await dial(port);
    second.send({ to: right.localUri, headers: MESSAGE, body: 'hi' });
    await right.close();
    await untilGone(second);
    expect(second.statuses().filter((status) => status === 200)).toEqual([]);
  });

  it('never mixes: a session over TLS is not reached over TCP, nor one over TCP over TLS', async () => {
    const made = await one();
    const secure = made.createSession(new Inbox());
    const plain = made.createSession(new Inbox());
    const { port } = await secure.announce({ fingerprint: fingerprintOf(theirs.cert) });
    await plain.announce({ fingerprint: null });
    const overTcp = await RawPeer.connect(made);
    overTcp.send({ to: secure.localUri, headers: MESSAGE, body: 'hi' });
    await overTcp.until(() => overTcp.statuses().length === 1);
    const overTls = await dial(port);
    overTls.send({ to: plain.localUri, headers: MESSAGE, body: 'hi' });
    await overTls.until(() => overTls.statuses().length === 1);
    expect([overTcp.statuses(), overTls.statuses()]).toEqual([[506], [506]]);
  });

  it('does not take TLS from end to end without a fingerprint', async () => {
    const session = (await one()).createSession(new Inbox());
    await session.announce();
    expect(await failure(session.connect({ role: 'passive', remotePath: ['msrps://127.0.0.1:9/far;tcp'] }))).toBe('msrp.untrusted');
  });

  it('closes at once also while somebody has not shaken hands', async () => {
    const made = await one();
    const { port } = await made.createSession(new Inbox()).announce();
    const silent = connectPlain(port, '127.0.0.1');
    silent.on('error', () => {});
    const gone = new Promise((resolve) => silent.once('close', resolve));
    await new Promise((resolve) => silent.once('connect', resolve));
    await made.close();
    await gone;
  });

  it('what is no TLS on that port costs its own connection alone', async () => {
    const made = await one();
    const { port } = await made.createSession(new Inbox()).announce();
    const garbage = connectPlain(port, '127.0.0.1', () => garbage.write('MSRP abcd SEND\r\n\r\n'));
    garbage.on('error', () => {});
    garbage.resume();
    await new Promise((resolve) => garbage.once('close', resolve));
    const far = await dial(port);
    expect(far.ended).toBe(false);
  });

  it('two engines: messages of every size flow both ways over one connection for all sessions', async () => {
    const [left, right] = [await one(), await one({ offersTls: false, limits: { maxConnections: 1 } })];
    for (let count = 0; count < 3; count++) {
      const [inA, inB] = [new Inbox(), new Inbox()];
      const [a, b] = [left.createSession(inA), right.createSession(inB)];
      const offered = await a.announce();
      const answered = await b.announce({ fingerprint: offered.fingerprint as string });
      await Promise.all([
        b.connect({ role: 'passive', remotePath: offered.path }),
        a.connect({ role: 'active', remotePath: answered.path, fingerprint: answered.fingerprint }),
      ]);
      const octets = Buffer.alloc(1_000_000, count);
      await a.send({ contentType: 'a/b', source: octets, successReport: true, chunkSize: 65_536 });
      await b.send({ contentType: 'a/b', source: Buffer.from('back'), successReport: false });
      expect(inB.messages[0]?.octets.equals(octets)).toBe(true);
      expect(inA.messages[0]?.octets.toString()).toBe('back');
    }
  });
});
