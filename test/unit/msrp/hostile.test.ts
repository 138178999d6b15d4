import { randomBytes } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { MsrpEngine, MsrpSession } from '../../../electron/msrp/port.ts';
import type { MsrpFrame } from '../../../shared/protocol/msrp/codec.ts';
import { ManualClock, settle } from '../../harness/manual-clock.ts';
import { engine, Inbox, pair, RawPeer } from './harness.ts';

const engines: MsrpEngine[] = [];
const closers: (() => void)[] = [];
async function one(limits = {}): Promise<MsrpEngine> {
  const made = await engine({ limits });
  engines.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(engines.splice(0).map((made) => made.close()));
  for (const close of closers.splice(0)) close();
});

/** A TCP way to `to` that goes dead after `octets` octets of the connecting side, or of the other one. */
async function cutting(to: { host: string; port: number }, octets: number, side: 'near' | 'far'): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((from) => {
    const onward = connect(to.port, to.host);
    sockets.push(from, onward);
    let left = octets;
    const end = (): void => {
      from.destroy();
      onward.destroy();
    };
    for (const socket of [from, onward]) socket.on('error', end).on('close', end);
    const [counted, sink] = side === 'near' ? [from, onward] : [onward, from];
    sink.pipe(counted);
    counted.on('data', (data: Buffer) => {
      sink.write(data.subarray(0, left));
      left -= data.length;
      if (left <= 0) sink.end(end);
    });
  });
  closers.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

describe('hostile and broken peers', () => {
  it.each(['near', 'far'] as const)(
    'R-FT-20: a connection cut at any octet of the %s side leaves nothing hanging, only coded errors',
    async (side) => {
      const left = await one();
      const right = await one();
      const source = randomBytes(5000);
      const outcomes = new Set<string>();
      for (let cut = 1; cut < (side === 'near' ? 6500 : 1400); cut += cut < 1400 ? 37 : 311) {
        const inA = new Inbox();
        const inB = new Inbox();
        const a = left.createSession(inA);
        const b = right.createSession(inB);
        const port = await cutting(right.address, cut, side);
        const code = (thrown: { code: string }): string => thrown.code;
        const send = (): Promise<string> =>
          a.send({ contentType: 'text/plain', source, successReport: true, chunkSize: 2048 }).then(() => 'sent', code);
        const connect = (): Promise<string> =>
          a.connect({ role: 'active', remotePath: [b.localUri], via: { host: '127.0.0.1', port } }).then(() => 'ok', code);
        // Content that follows at once, and content that waits for the session.
        const [connected, outcome] = cut % 2 === 0 ? await Promise.all([connect(), send()]) : [await connect(), await send()];
        outcomes.add(`${connected}, ${outcome}`);
        await b.close();
        await a.close();
        expect(inB.messages.length === 1 ? [0] : [0, 1]).toContain(inB.aborted.length);
      }
      for (const outcome of outcomes) expect(['ok, sent', 'ok, msrp.lost', 'msrp.lost, msrp.lost', 'msrp.lost, sent']).toContain(outcome);
      expect(outcomes).toContain('ok, msrp.lost');
    },
  );

  it.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['random octets', randomBytes(500)],
    ['a head without end', `MSRP abcd SEND\r\n${'X-Long: aaaaaaaaaaaaaaaa\r\n'.repeat(1000)}`],
    [
      'too many fields',
      `MSRP abcd SEND\r\nTo-Path: msrp://a/b;tcp\r\nFrom-Path: msrp://a/b;tcp\r\n${'X: a\r\n'.repeat(100)}-------abcd$\r\n`,
    ],
    ['a bare line feed', 'MSRP abcd SEND\nTo-Path: msrp://a/b;tcp\n'],
    ['a wrong end line', 'MSRP abcd SEND\r\nTo-Path: msrp://a/b;tcp\r\nFrom-Path: msrp://a/b;tcp\r\n-------abce$\r\n'],
    ['a huge body in a REPORT', `MSRP abcd REPORT\r\nTo-Path: msrp://a/b;tcp\r\nFrom-Path: msrp://a/b;tcp\r\n\r\n${'x'.repeat(20_000)}`],
  ])('%s ends that connection and no other', async (_name, octets) => {
    const left = await one();
    const right = await one();
    const inB = new Inbox();
    const { a } = await pair(left, right, new Inbox(), inB);
    const hostile = await RawPeer.connect(right);
    hostile.socket.write(octets);
    await hostile.until(() => hostile.ended);
    await a.send({ contentType: 'text/plain', source: Buffer.from('fine'), successReport: true });
    expect(inB.messages).toHaveLength(1);
    expect(inB.closed).toEqual([]);
  });

  it('a connection that names no session in time is closed, and one that asks for too many unknown ones', async () => {
    const right = await one({ halfOpenMs: 30, maxStrays: 3 });
    const silent = await RawPeer.connect(right);
    await silent.until(() => silent.ended);
    const guessing = await RawPeer.connect(right);
    for (let guess = 0; guess < 5; guess++) guessing.send({ id: `guess${guess}`, to: `msrp://127.0.0.1:1/guess${guess};tcp` });
    await guessing.until(() => guessing.ended);
    expect(guessing.statuses().length).toBeLessThanOrEqual(3);
  });

  it('holds to its limits of connections, sessions and open messages', async () => {
    const right = await one({ maxConnections: 2, maxSessions: 2, maxOpenMessages: 2 });
    const first = await RawPeer.connect(right);
    await RawPeer.connect(right);
    const third = await RawPeer.connect(right);
    await third.until(() => third.ended);
    const inbox = new Inbox();
    const session = right.createSession(inbox);
    right.createSession(new Inbox());
    expect(() => right.createSession(new Inbox())).toThrow(/too many sessions/);
    for (const id of ['aaaa', 'bbbb', 'cccc']) {
      first.send({
        id,
        to: session.localUri,
        headers: { 'Message-ID': id, 'Byte-Range': '1-*/10', 'Content-Type': 'text/plain' },
        body: 'x',
        flag: '+',
      });
    }
    await first.until(() => first.statuses().length === 3);
    expect(first.statuses()).toEqual([200, 200, 413]);
  });

  it.each([
    ['0-4/4', 400],
    ['5-*/3', 400],
    ['9007199254740992-*/*', 400],
    ['x', 400],
    ['1-*/3', 400],
  ])('Byte-Range %s with four octets is answered %i', async (range, status) => {
    const right = await one();
    const inbox = new Inbox();
    const session = right.createSession(inbox);
    const far = await RawPeer.connect(right);
    far.send({ to: session.localUri, headers: { 'Message-ID': 'mess', 'Byte-Range': range, 'Content-Type': 'text/plain' }, body: 'four' });
    await far.until(() => far.statuses().length === 1);
    expect(far.statuses()).toEqual([status]);
    expect(inbox.messages).toEqual([]);
  });

  it('stops a message with more gaps than it keeps book of', async () => {
    const right = await one({ maxGaps: 3 });
    const inbox = new Inbox();
    const session = right.createSession(inbox);
    const far = await RawPeer.connect(right);
    for (let at = 0; at < 6; at++) {
      far.send({
        id: `gap${at}`,
        to: session.localUri,
        headers: { 'Message-ID': 'mess', 'Byte-Range': `${at * 2 + 1}-*/*`, 'Content-Type': 'text/plain' },
        body: 'x',
        flag: '+',
      });
    }
    await far.until(() => far.statuses().length === 6);
    expect(far.statuses()).toEqual([200, 200, 200, 413, 413, 413]);
    expect(inbox.aborted.map(({ code }) => code)).toEqual(['msrp.too-large']);
  });

  it('a peer that stops reading ends what is sent to it, also what never got its turn', async () => {
    const clock = new ManualClock();
    const left = await engine({ clock });
    engines.push(left);
    const far = await RawPeer.accept();
    closers.push(far.close);
    const session = async (id: string): Promise<MsrpSession> => {
      const made = left.createSession(new Inbox());
      const connected = made.connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${far.port}/${id};tcp`] });
      const peer = await far.peer;
      await peer.until(() => peer.requests().some(({ head }) => head.toPath[0]?.includes(id)));
      peer.answer(peer.requests().at(-1) as MsrpFrame, 200);
      await connected;
      return made;
    };
    const first = await session('first');
    const second = await session('second');
    (await far.peer).socket.pause();
    const code = (thrown: { code: string }): string => thrown.code;
    const large = first
      .send({ contentType: 'text/plain', source: Buffer.alloc(64 * 1024 * 1024), successReport: false, chunkSize: 1_048_576 })
      .catch(code);
    // until the system takes no more
    for (let round = 0; round < 20; round++) await new Promise((resolve) => setTimeout(resolve, 5));
    const small = second.send({ contentType: 'text/plain', source: Buffer.from('hello'), successReport: false }).catch(code);
    for (let minutes = 0; minutes < 10; minutes++) await clock.advance(60_000);
    expect(await Promise.all([large, Promise.race([small, settle().then(() => 'hangs')])])).toEqual(['msrp.timeout', 'msrp.timeout']);
  });

  it('connections that say nothing make room for each other, and take none from those that have a session', async () => {
    const right = await one({ maxHalfOpen: 3 });
    const used = await RawPeer.connect(right);
    const session = right.createSession(new Inbox());
    used.send({ to: session.localUri, headers: { 'Message-ID': 'mess' } });
    await used.until(() => used.statuses().length === 1);
    const idle: RawPeer[] = [];
    for (let at = 0; at < 10; at++) idle.push(await RawPeer.connect(right));
    for (const peer of idle.slice(0, 7)) await peer.until(() => peer.ended);
    const late = await RawPeer.connect(right);
    const other = right.createSession(new Inbox());
    late.send({ to: other.localUri, headers: { 'Message-ID': 'late' } });
    await late.until(() => late.statuses().length === 1);
    expect([used.ended, late.ended, ...idle.slice(8).map(({ ended }) => ended)]).toEqual([false, false, false, false]);
    for (const { socket } of [used, late, ...idle]) socket.destroy();
  });

  it('cannot be made to write line breaks of the peer into its answers', async () => {
    const right = await one();
    const far = await RawPeer.connect(right);
    far.socket.write('MSRP abcd SEND\r\nTo-Path: msrp://a/b;tcp\r\nFrom-Path: msrp://a/\u010d\u010aX;tcp\r\n-------abcd$\r\n');
    await far.until(() => far.ended);
    expect(far.frames).toEqual([]);
  });

  it('does not read on for a peer that never reads its answers', async () => {
    const right = await one({ highWater: 1000, maxUnreadAnswers: 20_000 });
    const session = right.createSession(new Inbox());
    const socket = connect(right.address.port, '127.0.0.1').on('error', () => {});
    closers.push(() => socket.destroy());
    socket.pause();
    const ping =
      `MSRP abcd SEND\r\nTo-Path: ${session.localUri}\r\nFrom-Path: msrp://127.0.0.1:9/raw;tcp\r\nMessage-ID: mess\r\n-------abcd$\r\n`.repeat(
        500,
      );
    let written = 0;
    let blocked = false;
    for (; written < 2000 && !blocked; written++) {
      const flushed = new Promise<boolean>((resolve) => socket.write(ping, () => resolve(true)));
      blocked = !(await Promise.race([flushed, new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 500))]));
    }
    expect(blocked).toBe(true);
  });
});
