import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { createMsrpEngine, type EngineOptions } from '../../../electron/msrp/engine.ts';
import type { MsrpEngine } from '../../../electron/msrp/port.ts';
import { utf8 } from '../../../shared/base/bytes.ts';
import { encodeFrame, type MsrpFrame, type MsrpRequest } from '../../../shared/protocol/msrp/codec.ts';
import { headerValue } from '../../../shared/protocol/msrp/headers.ts';
import { decodeCredentials, digestResponse } from '../../../shared/protocol/sip/digest.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { type AuthReply, CHALLENGE, FakeRelay } from './fake-relay.ts';
import { Inbox } from './harness.ts';

const relays: FakeRelay[] = [];
const engines: MsrpEngine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((made) => made.close()));
  await Promise.all(relays.splice(0).map((relay) => relay.close()));
});

async function relayThat(script: (n: number, auth: MsrpRequest, relay: FakeRelay) => AuthReply, names?: string): Promise<FakeRelay> {
  const relay = await FakeRelay.start(script, names);
  relays.push(relay);
  return relay;
}

async function behind(relay: FakeRelay, options: EngineOptions = {}): Promise<MsrpEngine> {
  const made = createMsrpEngine({ relay: relay.account, caCertificates: relay.ca, ...options });
  engines.push(made);
  await made.listen({ host: '127.0.0.1', port: 0 });
  return made;
}

const PEER = ['msrps://far.example:9001/f1;tcp', 'msrps://192.0.2.7:2855/peer;tcp'];
const field = (frame: MsrpFrame | undefined, name: string): string => headerValue(frame?.head as MsrpRequest, name) ?? '';
/** the usual: a challenge, then a place */
const usual = (n: number, _auth: MsrpRequest, relay: FakeRelay): AuthReply =>
  n === 1 ? { status: 401, headers: { 'WWW-Authenticate': CHALLENGE } } : relay.grant({ Expires: '900' });

describe('a client behind a relay', () => {
  it('proves who it is, and tells its peers the path through the relay', async () => {
    const relay = await relayThat(usual);
    const session = (await behind(relay)).createSession(new Inbox());
    expect(await session.announce()).toEqual({
      protocol: 'TCP/TLS/MSRP',
      address: 'relay.example',
      port: 9000,
      path: ['msrps://relay.example:9000/s1;tcp', session.localUri],
    });
    expect(session.localUri).toMatch(/^msrps:\/\/127\.0\.0\.1:\d+\/\w{20};tcp$/);
    expect(relay.auths.map(({ head }) => [head.toPath, head.fromPath])).toEqual(
      Array.from({ length: 2 }, () => [[relay.uri], [session.localUri]]),
    );
    expect(field(relay.auths[0], 'Authorization')).toBe('');
    const credentials = decodeCredentials(field(relay.auths[1], 'Authorization'));
    expect(credentials).toMatchObject({ username: 'alice', realm: 'relay.example', uri: relay.uri, qop: 'auth', nc: '00000001' });
    const expected = digestResponse({ ...credentials, password: 'secret', method: 'AUTH' }, (_, octets) =>
      createHash('sha256').update(octets).digest('hex'),
    );
    expect(credentials.response).toBe(expected);
  });

  it('has a path of its own for each session, over one connection and one nonce', async () => {
    const relay = await relayThat(usual);
    const engine = await behind(relay);
    const places = await Promise.all([1, 2, 3].map(() => engine.createSession(new Inbox()).announce()));
    expect(new Set(places.map(({ path }) => path[0])).size).toBe(3);
    expect(relay.peers).toHaveLength(1);
    expect(relay.auths.map((auth) => /nc=(\d+)/.exec(field(auth, 'Authorization'))?.[1])).toEqual([
      undefined,
      '00000001',
      '00000002',
      '00000003',
    ]);
  });

  it('goes on with the nonce that the relay names next', async () => {
    const relay = await relayThat((n, _, own) =>
      n === 1
        ? { status: 401, headers: { 'WWW-Authenticate': CHALLENGE } }
        : own.grant({ 'Authentication-Info': 'nextnonce="n2", qop=auth' }),
    );
    const engine = await behind(relay);
    for (let count = 0; count < 2; count++) await engine.createSession(new Inbox()).announce();
    expect(decodeCredentials(field(relay.auths[2], 'Authorization'))).toMatchObject({ nonce: 'n2', nc: '00000001' });
  });

  it('answers one stale nonce, and asks for the interval that the relay grants', async () => {
    const replies: AuthReply[] = [
      { status: 401, headers: { 'WWW-Authenticate': CHALLENGE } },
      { status: 401, headers: { 'WWW-Authenticate': `${CHALLENGE.replace('n1', 'n2')}, stale=true` } },
      { status: 423, headers: { 'Max-Expires': '1800' } },
    ];
    const relay = await relayThat((n, _, own) => replies[n - 1] ?? own.grant());
    await (await behind(relay)).createSession(new Inbox()).announce();
    expect(relay.auths.map((auth) => field(auth, 'Expires'))).toEqual(['86400', '86400', '86400', '1800']);
  });

  it.each(['active', 'passive'] as const)('%s, sends through it on its own connection, in chunks that every relay takes', async (role) => {
    const relay = await relayThat(usual);
    const session = (await behind(relay)).createSession(new Inbox());
    await session.announce();
    const connected = session.connect({ role, remotePath: PEER });
    if (role === 'passive') {
      const headers = [
        { name: 'Message-ID', value: 'hello' },
        { name: 'Byte-Range', value: '1-0/0' },
      ];
      const fromPath = ['msrps://relay.example:9000/s1;tcp', ...PEER];
      const head = { kind: 'request', transactionId: 'first', method: 'SEND', toPath: [session.localUri], fromPath, headers } as const;
      relay.peers[0]?.socket.write(encodeFrame({ head, body: null, flag: '$' }));
    }
    await connected;
    await session.send({ contentType: 'text/plain', source: utf8('x'.repeat(5000)), successReport: false, chunkSize: 65_536 });
    for (const { head } of relay.sends)
      expect(head).toMatchObject({ toPath: ['msrps://relay.example:9000/s1;tcp', ...PEER], fromPath: [session.localUri] });
    expect(relay.sends.filter(({ body }) => body !== null).map(({ body }) => body?.length)).toEqual([2048, 2048, 904]);
    expect(relay.sends.some(({ body }) => body === null)).toBe(role === 'active');
    expect(relay.peers).toHaveLength(1);
    if (role === 'passive') expect(relay.peers[0]?.statuses()).toEqual([200]);
  });

  it('asks for more time halfway, and ends a session whose place has run out', async () => {
    const clock = new ManualClock();
    const path = { 'Use-Path': 'msrps://relay.example:9000/same;tcp', Expires: '1000' };
    const relay = await relayThat((n) => (n <= 2 ? { status: 200, headers: path } : { status: 403 }));
    const inbox = new Inbox();
    const session = (await behind(relay, { clock })).createSession(inbox);
    await session.announce();
    const timers = clock.waiting;
    await clock.advance(500_000);
    await expect.poll(() => [relay.auths.length, clock.waiting]).toEqual([2, timers]);
    await clock.advance(499_000);
    expect(inbox.closed).toEqual([]);
    await clock.advance(2000);
    await expect.poll(() => [relay.auths.length, clock.waiting]).toEqual([3, timers]);
    await clock.advance(500_000);
    await inbox.until(() => inbox.closed.length > 0);
    expect(inbox.closed).toEqual([{ code: 'msrp.lost', detail: 'the place at the relay has run out' }]);
  });
});

describe('a hostile or broken relay', () => {
  const uris = (count: number) => Array.from({ length: count }, (_, at) => `msrps://r.example:1/s${at};tcp`).join(' ');

  it.each<[string, (n: number) => AuthReply, string]>([
    ['asks for credentials without end', () => ({ status: 401, headers: { 'WWW-Authenticate': CHALLENGE } }), 'relay.refused'],
    [
      'asks without end, and calls each nonce stale',
      () => ({ status: 401, headers: { 'WWW-Authenticate': `${CHALLENGE}, stale=true` } }),
      'relay.refused',
    ],
    [
      'asks for another realm each time',
      (n) => ({ status: 401, headers: { 'WWW-Authenticate': `${CHALLENGE.replace('relay.example', `realm${n}`)}, stale=true` } }),
      'relay.refused',
    ],
    ['asks for nothing', () => ({ status: 401 }), 'relay.refused'],
    ['asks for Basic', () => ({ status: 401, headers: { 'WWW-Authenticate': 'Basic realm="relay.example"' } }), 'relay.refused'],
    ['asks without qop', () => ({ status: 401, headers: { 'WWW-Authenticate': 'Digest realm="r", nonce="n"' } }), 'relay.refused'],
    ['asks for another interval without end', () => ({ status: 423, headers: { 'Min-Expires': '9' } }), 'relay.refused'],
    ['asks for another interval and names none', () => ({ status: 423 }), 'relay.refused'],
    ['does not want us', () => ({ status: 403 }), 'relay.refused'],
    ['grants no path', () => ({ status: 200 }), 'relay.refused'],
    ['grants a path of nine relays', () => ({ status: 200, headers: { 'Use-Path': uris(9) } }), 'relay.refused'],
    ['grants a path of a thousand relays', () => ({ status: 200, headers: { 'Use-Path': uris(1000) } }), 'relay.unreachable'],
    ['grants a path of plain TCP', () => ({ status: 200, headers: { 'Use-Path': 'msrp://r.example:1/s;tcp' } }), 'relay.refused'],
    ['grants a path without a port', () => ({ status: 200, headers: { 'Use-Path': 'msrps://r.example/s;tcp' } }), 'relay.refused'],
    ['grants nonsense', () => ({ status: 200, headers: { 'Use-Path': 'http://r.example/' } }), 'relay.refused'],
    ['hangs up', () => 'drop', 'relay.unreachable'],
  ])('%s', async (_, script, code) => {
    const relay = await relayThat(script);
    const session = (await behind(relay)).createSession(new Inbox());
    await expect(session.announce()).rejects.toMatchObject({ code });
    expect(relay.auths.length).toBeLessThanOrEqual(4);
    await session.close();
  });

  it('says nothing: given up after the time an answer may take', async () => {
    const relay = await relayThat(() => 'silence');
    const session = (await behind(relay, { limits: { answerMs: 50 } })).createSession(new Inbox());
    await expect(session.announce()).rejects.toMatchObject({ code: 'relay.unreachable' });
  });

  it('is somebody else: nothing is said to it', async () => {
    const relay = await relayThat(usual, 'DNS:other.example');
    await expect((await behind(relay)).createSession(new Inbox()).announce()).rejects.toMatchObject({ code: 'relay.unreachable' });
    expect(relay.auths).toEqual([]);
  });

  it('is not there', async () => {
    const relay = await relayThat(usual);
    const engine = await behind(relay);
    await relays.splice(0)[0]?.close();
    await expect(engine.createSession(new Inbox()).announce()).rejects.toMatchObject({ code: 'relay.unreachable' });
  });

  it('that goes away ends every session on it; the next one finds it again', async () => {
    const relay = await relayThat(usual);
    const engine = await behind(relay);
    const [first, second] = [new Inbox(), new Inbox()];
    await engine.createSession(first).announce();
    await engine.createSession(second).announce();
    relay.peers[0]?.socket.destroy();
    await first.until(() => first.closed.length > 0);
    await second.until(() => second.closed.length > 0);
    expect([...first.closed, ...second.closed].map(({ code }) => code)).toEqual(['msrp.lost', 'msrp.lost']);
    await engine.createSession(new Inbox()).announce();
    expect(relay.peers).toHaveLength(2);
  });
});
