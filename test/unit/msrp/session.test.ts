import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { MsrpEngine, SessionHandlers } from '../../../electron/msrp/port.ts';
import type { MsrpFrame } from '../../../shared/protocol/msrp/codec.ts';
import { headerValue } from '../../../shared/protocol/msrp/headers.ts';
import { decodeMsrpUri } from '../../../shared/protocol/msrp/uri.ts';
import { engine, Inbox, pair, RawPeer } from './harness.ts';

const engines: MsrpEngine[] = [];
async function one(limits = {}): Promise<MsrpEngine> {
  const made = await engine({ limits });
  engines.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(engines.splice(0).map((made) => made.close()));
});

const text = (value: string): Uint8Array => Buffer.from(value);
const PLAIN = { contentType: 'text/plain', successReport: false };
const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (thrown: { code: string }) => thrown.code,
  );

describe('MSRP session', () => {
  it('R-SES-17 R-PF1-05: messages flow both ways over one connection', async () => {
    const inA = new Inbox();
    const inB = new Inbox();
    const { a, b } = await pair(await one(), await one(), inA, inB);
    await a.send({ contentType: 'text/plain', source: text('héllo €'), successReport: true });
    await b.send({ contentType: 'message/cpim', source: text('and back'), successReport: false });
    expect(inB.messages.map((m) => [m.head.contentType, m.octets.toString()])).toEqual([['text/plain', 'héllo €']]);
    expect(inA.messages.map((m) => [m.head.contentType, m.octets.toString()])).toEqual([['message/cpim', 'and back']]);
  });

  it('carries a message of no octets, and one of every octet value in chunks that split it', async () => {
    const inB = new Inbox();
    const { a } = await pair(await one(), await one(), new Inbox(), inB);
    const octets = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, value) => value)), randomBytes(50_000)]);
    await a.send({ ...PLAIN, source: new Uint8Array(0) });
    await a.send({ ...PLAIN, source: octets, chunkSize: 777, successReport: true });
    expect(inB.messages[0]?.octets).toHaveLength(0);
    expect(inB.messages[1]?.octets.equals(octets)).toBe(true);
    expect(inB.messages[1]?.head.total).toBe(octets.length);
  });

  it('has a session part of at least 80 random bits, fresh each time', async () => {
    const left = await one();
    const ids = Array.from({ length: 50 }, () => decodeMsrpUri(left.createSession(new Inbox()).localUri).sessionId as string);
    expect(new Set(ids).size).toBe(50);
    for (const id of ids) expect(id.length * 5).toBeGreaterThanOrEqual(80);
  });

  it('lets two messages of one connection take turns, chunk by chunk', async () => {
    const { port, peer, close } = await RawPeer.accept();
    const left = await one();
    const a = left.createSession(new Inbox());
    const remote = `msrp://127.0.0.1:${port}/far;tcp`;
    const connected = a.connect({ role: 'active', remotePath: [remote] });
    const far = await peer;
    await far.until(() => far.requests().length === 1);
    far.answer(far.requests()[0] as never, 200);
    await connected;
    const big = a.send({ ...PLAIN, messageId: 'big1', source: randomBytes(40_000), chunkSize: 2048 });
    const small = a.send({ ...PLAIN, messageId: 'small1', source: text('quick'), chunkSize: 2048 });
    await far.until(() => far.requests().length === 22);
    const order = far
      .requests()
      .slice(1)
      .map(({ head }) => headerValue(head, 'Message-ID'));
    expect(order.indexOf('small1')).toBe(1);
    for (const frame of far.requests().slice(1)) far.answer(frame, 200);
    await Promise.all([big, small]);
    close();
  });

  it('serves several sessions on one listening port over one connection', async () => {
    const left = await one();
    const right = await one({ maxConnections: 1 });
    const inboxes = [new Inbox(), new Inbox(), new Inbox()];
    const sessions = [];
    for (const inbox of inboxes) sessions.push(await pair(left, right, new Inbox(), inbox));
    await Promise.all(sessions.map(({ a }, index) => a.send({ ...PLAIN, source: text(`to ${index}`) })));
    expect(inboxes.map((inbox) => inbox.messages.map((m) => m.octets.toString()))).toEqual([['to 0'], ['to 1'], ['to 2']]);
    await sessions[0]?.a.close();
    await sessions[1]?.a.send({ ...PLAIN, source: text('still here') });
    expect(inboxes[1]?.messages).toHaveLength(2);
  });

  it('matches To-Path by session id when gateways rewrote the rest', async () => {
    const left = await one();
    const inbox = new Inbox();
    const session = left.createSession(inbox);
    const far = await RawPeer.connect(left);
    const id = decodeMsrpUri(session.localUri).sessionId;
    far.send({
      to: `msrp://gateway.example:7777/${id};tcp`,
      headers: { 'Message-ID': 'abcd', 'Byte-Range': '1-2/2', 'Content-Type': 'text/plain' },
      body: 'hi',
    });
    await inbox.until(() => inbox.messages.length === 1);
    await far.until(() => far.statuses().length === 1);
    expect(far.statuses()).toEqual([200]);
  });

  it('answers 481 for a session nobody knows, and nothing when no report is wanted', async () => {
    const left = await one();
    const far = await RawPeer.connect(left);
    far.send({ id: 'one1', to: 'msrp://127.0.0.1:1/nobody;tcp', headers: { 'Failure-Report': 'no' } });
    far.send({ id: 'two2', to: 'msrp://127.0.0.1:1/nobody;tcp' });
    await far.until(() => far.frames.length === 1);
    expect(far.frames.map(({ head }) => [head.transactionId, head.kind === 'response' && head.status])).toEqual([['two2', 481]]);
  });

  it('answers 506 for a session that is bound to another connection', async () => {
    const left = await one();
    const right = await one();
    const inB = new Inbox();
    const { a, b } = await pair(left, right, new Inbox(), inB);
    const intruder = await RawPeer.connect(right);
    intruder.send({ to: b.localUri, headers: { 'Message-ID': 'abcd', 'Content-Type': 'text/plain' }, body: 'let me in' });
    await intruder.until(() => intruder.frames.length === 1);
    expect(intruder.statuses()).toEqual([506]);
    await a.send({ ...PLAIN, source: text('mine') });
    expect(inB.messages.map((m) => m.octets.toString())).toEqual(['mine']);
  });

  it('answers 501 to a method it does not know, and nothing to a stray REPORT', async () => {
    const left = await one();
    const session = left.createSession(new Inbox());
    const far = await RawPeer.connect(left);
    far.send({ to: session.localUri, method: 'REPORT', headers: { 'Message-ID': 'none', Status: '000 200 OK' } });
    const relayed = 'msrp://relay.example:9/xyz;tcp msrp://127.0.0.1:9/raw;tcp';
    far.socket.write(`MSRP abcd NICKNAME\r\nTo-Path: ${session.localUri}\r\nFrom-Path: ${relayed}\r\n-------abcd$\r\n`);
    await far.until(() => far.frames.length === 1);
    expect(far.statuses()).toEqual([501]);
    // RFC 4975 section 7.2: all the way back, where the answer to a SEND goes to the next hop only
    expect(far.frames[0]?.head.toPath.join(' ')).toBe(relayed);
  });

  it('keeps what Failure-Report and Success-Report ask for', async () => {
    const left = await one();
    const inbox = new Inbox();
    const session = left.createSession(inbox);
    const far = await RawPeer.connect(left);
    const base = { 'Content-Type': 'text/plain' };
    far.send({ id: 'aaaa', to: session.localUri, headers: { 'Message-ID': 'no11', 'Failure-Report': 'no', ...base }, body: 'x' });
    far.send({
      id: 'bbbb',
      to: session.localUri,
      headers: { 'Message-ID': 'part', 'Failure-Report': 'partial', 'Success-Report': 'yes', ...base },
      body: 'yy',
    });
    far.send({ id: 'cccc', to: session.localUri, headers: { 'Message-ID': 'yes1', 'Failure-Report': 'yes', ...base }, body: 'z' });
    await far.until(() => far.statuses().length === 1);
    expect(far.frames.map(({ head }) => head.transactionId)).toContain('cccc');
    const report = far
      .requests('REPORT')
      .map(({ head }) => [headerValue(head, 'Message-ID'), headerValue(head, 'Byte-Range'), headerValue(head, 'Status')]);
    expect(report).toEqual([['part', '1-2/2', '000 200 OK']]);
    expect(inbox.messages).toHaveLength(3);
  });

  it('puts chunks where Byte-Range says, last octets winning, and completes when no gap is left', async () => {
    const left = await one();
    const inbox = new Inbox();
    const session = left.createSession(inbox);
    const far = await RawPeer.connect(left);
    const chunk = (id: string, range: string, body: string, flag: '+' | '$'): void =>
      far.send({
        id,
        to: session.localUri,
        headers: { 'Message-ID': 'mess', 'Byte-Range': range, 'Content-Type': 'text/plain' },
        body,
        flag,
      });
    chunk('aaaa', '7-*/*', 'ghi', '$');
    chunk('bbbb', '1-3/*', 'abXX', '+');
    chunk('cccc', '3-*/*', 'cdef', '+');
    await inbox.until(() => inbox.messages.length === 1);
    expect(inbox.messages[0]?.octets.toString()).toBe('abcdefghi');
  });

  it('answers no chunk before the sink says so, and reads on meanwhile', async () => {
    const left = await one();
    let free: () => void = () => {};
    const busy = new Promise<void>((resolve) => (free = resolve));
    const slow = left.createSession({
      onMessage: () => ({ write() {}, answerable: () => busy, complete() {}, abort() {} }),
      onClosed() {},
    });
    const inbox = new Inbox();
    const chat = left.createSession(inbox);
    const far = await RawPeer.connect(left);
    const headers = (range: string) => ({ 'Message-ID': 'mess', 'Byte-Range': range, 'Content-Type': 'text/plain' });
    far.send({ id: 'aaaa', to: slow.localUri, headers: headers('1-3/9'), body: 'abc', flag: '+' });
    far.send({ id: 'bbbb', to: slow.localUri, headers: headers('4-6/9'), body: 'def', flag: '+' });
    far.send({ id: 'cccc', to: chat.localUri, headers: headers('1-2/2'), body: 'hi' });
    const answered = (): string[] => far.frames.flatMap(({ head }) => (head.kind === 'response' ? [head.transactionId] : []));
    await far.until(() => answered().length > 0);
    expect(inbox.messages[0]?.octets.toString()).toBe('hi');
    expect(answered()).toEqual(['cccc']);
    free();
    await far.until(() => answered().length === 3);
    expect(answered()).toEqual(['cccc', 'aaaa', 'bbbb']);
  });

  it('hands out octets of which a slice is a copy, though its own memory is used again', async () => {
    const left = await one();
    const right = await one();
    const parts: Uint8Array[] = [];
    const taking: SessionHandlers = {
      onMessage: () => ({ write: (_offset, octets) => void parts.push(octets.slice()), complete() {}, abort() {} }),
      onClosed() {},
    };
    const { a } = await pair(left, right, new Inbox(), taking);
    const source = randomBytes(1_000_000);
    await a.send({ ...PLAIN, source, successReport: true });
    expect(Buffer.concat(parts).equals(source)).toBe(true);
  });

  it('completes a message whose last chunk has no body at all', async () => {
    const right = await one();
    const inbox = new Inbox();
    const session = right.createSession(inbox);
    const peer = await RawPeer.connect(right);
    const headers = { 'Message-ID': 'message1', 'Content-Type': 'text/plain' };
    peer.send({ id: 'part1', to: session.localUri, headers: { ...headers, 'Byte-Range': '1-*/*' }, body: 'abc', flag: '+' });
    peer.send({ id: 'part2', to: session.localUri, headers: { 'Message-ID': 'message1' }, flag: '$' });
    peer.send({ id: 'part3', to: session.localUri, headers: { ...headers, 'Byte-Range': '4-3/3' }, flag: '$' });
    await peer.until(() => peer.statuses().length === 3);
    expect(inbox.messages.map(({ octets }) => octets.toString())).toEqual(['abc']);
    expect(peer.statuses()).toEqual([200, 200, 200]);
  });

  it('gives a message up when its gap is not filled', async () => {
    const left = await one({ answerMs: 30 });
    const inbox = new Inbox();
    const session = left.createSession(inbox);
    const far = await RawPeer.connect(left);
    far.send({ to: session.localUri, headers: { 'Message-ID': 'mess', 'Byte-Range': '3-4/4', 'Content-Type': 'text/plain' }, body: 'cd' });
    await inbox.until(() => inbox.aborted.length === 1);
    expect(inbox.aborted[0]?.code).toBe('msrp.timeout');
    await far.until(() => far.requests('REPORT').length === 1);
    expect(headerValue(far.requests('REPORT')[0]?.head as never, 'Status')).toMatch(/^000 408/);
  });

  it('fails to connect with a coded error that names the address', async () => {
    const left = await one({ connectMs: 50, answerMs: 50 });
    const { port, close } = await RawPeer.accept();
    const dead = await one();
    const gone = dead.address.port;
    await dead.close();
    await expect(
      left.createSession(new Inbox()).connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${gone}/x;tcp`] }),
    ).rejects.toMatchObject({
      code: 'msrp.unreachable',
      detail: expect.stringContaining(`127.0.0.1:${gone}`),
    });
    const silent = left.createSession(new Inbox()).connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${port}/x;tcp`] });
    expect(await code(silent)).toBe('msrp.timeout');
    const unknown = left
      .createSession(new Inbox())
      .connect({ role: 'active', remotePath: [left.createSession(new Inbox()).localUri.replace(/\/[a-z0-9]+;/, '/nobody;')] });
    expect(await code(unknown)).toBe('msrp.refused');
    const passive = left.createSession(new Inbox()).connect({ role: 'passive', remotePath: ['msrp://127.0.0.1:9/x;tcp'] });
    expect(await code(passive)).toBe('msrp.timeout');
    const abort = new AbortController();
    const given = left
      .createSession(new Inbox())
      .connect({ role: 'passive', remotePath: ['msrp://127.0.0.1:9/x;tcp'], signal: abort.signal });
    abort.abort();
    expect(await code(given)).toBe('msrp.lost');
    close();
  });

  it('connects to another address than the path names (CEMA)', async () => {
    const left = await one();
    const right = await one();
    const inB = new Inbox();
    const a = left.createSession(new Inbox());
    const b = right.createSession(inB);
    const named = b.localUri.replace(/127\.0\.0\.1:\d+/, 'inside.example:2855');
    await a.connect({ role: 'active', remotePath: [named], via: right.address });
    await a.send({ ...PLAIN, source: text('through') });
    expect(inB.messages[0]?.octets.toString()).toBe('through');
  });

  it('tells each session once when the connection is lost, and rejects what was being sent', async () => {
    const inA = new Inbox();
    const { port, peer, close } = await RawPeer.accept();
    const left = await one();
    const a = left.createSession(inA);
    const connected = a.connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${port}/far;tcp`] });
    const far = await peer;
    await far.until(() => far.requests().length === 1);
    far.answer(far.requests()[0] as never, 200);
    await connected;
    const sent = a.send({ ...PLAIN, source: text('lost') });
    await far.until(() => far.requests().length === 2);
    far.socket.destroy();
    expect(await code(sent)).toBe('msrp.lost');
    expect(inA.closed.map((error) => error.code)).toEqual(['msrp.lost']);
    expect(await code(a.send({ ...PLAIN, source: text('later') }))).toBe('msrp.lost');
    await a.close();
    close();
  });

  it('times out a chunk that is not answered, and a success REPORT that does not come', async () => {
    const { port, peer, close } = await RawPeer.accept();
    const left = await one({ answerMs: 60, reportMs: 60 });
    const a = left.createSession(new Inbox());
    const connected = a.connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${port}/far;tcp`] });
    const far = await peer;
    await far.until(() => far.requests().length === 1);
    far.answer(far.requests()[0] as never, 200);
    await connected;
    expect(await code(a.send({ ...PLAIN, source: text('unanswered') }))).toBe('msrp.timeout');
    const reported = a.send({ ...PLAIN, source: text('unreported'), successReport: true });
    await far.until(() => far.requests().length === 3);
    far.answer(far.requests()[2] as never, 200);
    expect(await code(reported)).toBe('msrp.timeout');
    close();
  });

  it('survives a connection that dies as a second session begins to use it', async () => {
    const left = await one();
    const right = await one();
    const first = await pair(left, right);
    const inB = new Inbox();
    const a = left.createSession(new Inbox());
    const b = right.createSession(inB);
    const closing = first.b.close();
    const connected = Promise.all([
      b.connect({ role: 'passive', remotePath: [a.localUri] }),
      a.connect({ role: 'active', remotePath: [b.localUri] }),
    ]);
    await Promise.all([closing, connected]);
    await a.send({ ...PLAIN, source: text('made it') });
    expect(inB.messages).toHaveLength(1);
  });

  it.each([
    [65_536, 262_144],
    [2048, 2048],
  ])('chunks that begin with %i octets grow to at most %i while answers come at once', async (chunkSize, largest) => {
    const { port, peer, close } = await RawPeer.accept();
    const left = await one({ window: 1 });
    const a = left.createSession(new Inbox());
    const connected = a.connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${port}/far;tcp`] });
    const far = await peer;
    let answered = 0;
    const answering = (async () => {
      for (let all = false; !all; ) {
        await far.until(() => far.requests().length > answered);
        const frame = far.requests()[answered++] as MsrpFrame;
        far.answer(frame, 200);
        all = answered > 1 && frame.flag === '$';
      }
    })();
    await connected;
    await a.send({ ...PLAIN, source: randomBytes(chunkSize * 20), chunkSize });
    await answering;
    const sizes = far.requests().map(({ body }) => body?.length ?? 0);
    expect(sizes[1]).toBe(chunkSize);
    expect(Math.max(...sizes)).toBe(largest);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(chunkSize * 20);
    close();
  });

  it('closes while it connects, and leaves no connection behind', async () => {
    const left = await one({ halfOpenMs: 20 });
    const { port, peer, close } = await RawPeer.accept();
    const session = left.createSession(new Inbox());
    const connected = code(session.connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${port}/far;tcp`] }));
    await session.close();
    expect(await connected).toBe('msrp.lost');
    const far = await peer;
    await far.until(() => far.ended);
    expect(await code(session.send({ ...PLAIN, source: text('late') }))).toBe('msrp.lost');
    close();
  });

  it('begins anew when the connection it would use closes at that moment', async () => {
    const left = await one();
    const right = await one();
    const first = await pair(left, right);
    const inB = new Inbox();
    const a = left.createSession(new Inbox());
    const b = right.createSession(inB);
    const connected = a.connect({ role: 'active', remotePath: [b.localUri] });
    const closed = first.a.close();
    await Promise.all([connected, closed]);
    await a.send({ ...PLAIN, source: text('made it') });
    expect(inB.messages).toHaveLength(1);
  });

  it('sends what was handed over before the session was bound, in order', async () => {
    const left = await one();
    const right = await one();
    const inA = new Inbox();
    const inB = new Inbox();
    const a = left.createSession(inA);
    const b = right.createSession(inB);
    const early = [
      a.send({ ...PLAIN, source: text('one') }),
      a.send({ ...PLAIN, source: text('two') }),
      b.send({ ...PLAIN, source: text('back') }),
    ];
    await a.connect({ role: 'active', remotePath: [b.localUri] });
    await b.connect({ role: 'passive', remotePath: [a.localUri] });
    await Promise.all(early);
    expect(inB.messages.map((m) => m.octets.toString())).toEqual(['one', 'two']);
    expect(inA.messages.map((m) => m.octets.toString())).toEqual(['back']);
  });

  it('closes with its engine', async () => {
    const inA = new Inbox();
    const left = await one();
    await pair(left, await one(), inA);
    await left.close();
    expect(inA.closed.map((error) => error.code)).toEqual(['msrp.lost']);
    expect(() => left.createSession(new Inbox())).toThrow();
  });

  it('refuses to listen on a port in use with msrp.unreachable', async () => {
    const left = await one();
    const { createMsrpEngine } = await import('../../../electron/msrp/engine.ts');
    expect(await code(createMsrpEngine().listen(left.address))).toBe('msrp.unreachable');
  });
});
