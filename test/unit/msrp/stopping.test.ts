import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { MessageSink, MsrpEngine, MsrpSession } from '../../../electron/msrp/port.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
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

const PLAIN = { contentType: 'text/plain', successReport: false };
const error = (promise: Promise<unknown>): Promise<{ code: string; detail: string }> =>
  promise.then(
    () => ({ code: 'resolved', detail: '' }),
    (thrown) => thrown,
  );

/** An active session whose far end is in the test's hands, already bound. */
async function facing(limits = {}, inbox = new Inbox()): Promise<{ session: MsrpSession; far: RawPeer }> {
  const { port, peer, close } = await RawPeer.accept();
  closers.push(close);
  const session = (await one(limits)).createSession(inbox);
  const connected = session.connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${port}/far;tcp`] });
  const far = await peer;
  await far.until(() => far.requests().length === 1);
  far.answer(far.requests()[0] as never, 200);
  await connected;
  far.frames.length = 0;
  return { session, far };
}

describe('stopping a message', () => {
  it('R-AD-09: the sender ends it with #, and the receiver drops it', async () => {
    const { session, far } = await facing({ window: 4 });
    const abort = new AbortController();
    const sent = session.send({ ...PLAIN, source: randomBytes(100_000), chunkSize: 2048, signal: abort.signal });
    await far.until(() => far.requests().length === 4);
    abort.abort();
    expect((await error(sent)).code).toBe('file.cancelled');
    await far.until(() => far.requests().length === 5);
    expect(far.requests().map(({ flag }) => flag)).toEqual(['+', '+', '+', '+', '#']);
  });

  it('R-AD-09: a message that was never begun leaves no trace when given up', async () => {
    const inB = new Inbox();
    const { a } = await pair(await one(), await one(), new Inbox(), inB);
    const abort = new AbortController();
    abort.abort();
    expect((await error(a.send({ ...PLAIN, source: randomBytes(10), signal: abort.signal }))).code).toBe('file.cancelled');
    await a.send({ ...PLAIN, source: Buffer.from('next') });
    expect(inB.messages.map((m) => m.octets.toString())).toEqual(['next']);
    expect(inB.aborted).toEqual([]);
  });

  it('R-AD-09 R-FT-20: the receiver answers 413, and the sender stops with msrp.stopped', async () => {
    const inB = new Inbox();
    inB.onMessage = () => ({ refuse: 413 });
    const { a } = await pair(await one(), await one(), new Inbox(), inB);
    expect(await error(a.send({ ...PLAIN, source: randomBytes(5_000_000), chunkSize: 65_536 }))).toMatchObject({ code: 'msrp.stopped' });
    inB.onMessage = Inbox.prototype.onMessage;
    await a.send({ ...PLAIN, source: Buffer.from('and on') });
    expect(inB.messages.map((m) => m.octets.toString())).toEqual(['and on']);
  });

  it('R-FT-20 R-FT-28: any other refusal fails the message with status and comment', async () => {
    const inB = new Inbox();
    inB.onMessage = () => ({ refuse: 415, comment: 'No such type here' });
    const { a } = await pair(await one(), await one(), new Inbox(), inB);
    expect(await error(a.send({ ...PLAIN, source: Buffer.from('?') }))).toMatchObject({
      code: 'msrp.refused',
      detail: '415 No such type here',
    });
  });

  it('R-FT-20 R-FT-28: a failure REPORT counts as the answer', async () => {
    const { session, far } = await facing();
    const sent = session.send({ ...PLAIN, messageId: 'fail', source: Buffer.from('x'), successReport: true });
    await far.until(() => far.requests().length === 1);
    far.answer(far.requests()[0] as never, 200);
    far.send({ to: session.localUri, method: 'REPORT', headers: { 'Message-ID': 'fail', 'Byte-Range': '1-1/1', Status: '000 403 No' } });
    expect(await error(sent)).toMatchObject({ code: 'msrp.refused', detail: '403 No' });
  });

  it('a success REPORT in parts counts once it covers everything', async () => {
    const { session, far } = await facing();
    let settled = false;
    const sent = session.send({ ...PLAIN, messageId: 'parts', source: Buffer.from('0123456789'), successReport: true }).then(() => {
      settled = true;
    });
    await far.until(() => far.requests().length === 1);
    const report = (id: string, range: string): void =>
      far.send({ id, to: session.localUri, method: 'REPORT', headers: { 'Message-ID': 'parts', 'Byte-Range': range, Status: '000 200' } });
    report('aaaa', '6-10/10');
    report('bbbb', 'nonsense');
    far.answer(far.requests()[0] as never, 200);
    far.send({ id: 'ping', to: session.localUri });
    await far.until(() => far.statuses().length === 1);
    expect(settled).toBe(false);
    report('cccc', '1-5/10');
    await sent;
  });

  it('R-AD-07: a session that is lost says nothing of what is on its way: neither # nor 413', async () => {
    const inbox = new Inbox();
    const { session, far } = await facing({ window: 2 }, inbox);
    const sent = session.send({ ...PLAIN, source: randomBytes(100_000), chunkSize: 2048 });
    await far.until(() => far.requests().length === 2);
    far.send({
      id: 'half',
      to: session.localUri,
      flag: '+',
      headers: { 'Message-ID': 'mess', 'Byte-Range': '1-*/100', 'Content-Type': 'a/b' },
      body: 'octets',
    });
    await far.until(() => far.statuses().length === 1);
    const gone = new Promise((resolve) => far.socket.once('close', resolve));
    await session.close(true);
    expect((await error(sent)).code).toBe('msrp.lost');
    await gone;
    expect(far.requests().map(({ flag }) => flag)).toEqual(['+', '+']);
    expect(far.statuses()).toEqual([200]);
    expect(inbox.aborted.map(({ code }) => code)).toEqual(['msrp.lost']);
    expect(inbox.closed).toEqual([]);
  });

  it('481 in the middle ends the whole session', async () => {
    const inbox = new Inbox();
    const { session, far } = await facing({}, inbox);
    const sent = session.send({ ...PLAIN, source: Buffer.from('x') });
    await far.until(() => far.requests().length === 1);
    far.answer(far.requests()[0] as never, 481);
    expect((await error(sent)).code).toBe('msrp.refused');
    expect(inbox.closed.map(({ code }) => code)).toEqual(['msrp.refused']);
  });

  it('R-AD-09: closing the session answers 413 in the middle of a chunk, and aborts the sink', async () => {
    const left = await one();
    const inbox = new Inbox();
    const session = left.createSession(inbox);
    const far = await RawPeer.connect(left);
    far.socket.write(
      `MSRP abcd SEND\r\nTo-Path: ${session.localUri}\r\nFrom-Path: msrp://127.0.0.1:9/raw;tcp\r\nMessage-ID: mess\r\nByte-Range: 1-*/100000\r\nContent-Type: video/mp4\r\n\r\nfirst octets`,
    );
    await new Promise<void>((resolve) => {
      const { onMessage } = inbox;
      inbox.onMessage = (head) => {
        resolve();
        return onMessage.call(inbox, head);
      };
    });
    const closing = session.close();
    await far.until(() => far.statuses().length === 1);
    expect(inbox.aborted.map(({ code }) => code)).toEqual(['file.cancelled']);
    far.socket.write('and more\r\n-------abcd+\r\n');
    far.send({
      id: 'next',
      to: session.localUri,
      headers: { 'Message-ID': 'mess', 'Byte-Range': '21-*/100000', 'Content-Type': 'video/mp4' },
      body: '',
      flag: '#',
    });
    await closing;
    far.send({ id: 'late', to: session.localUri });
    await far.until(() => far.statuses().length === 3);
    expect(far.statuses()).toEqual([413, 413, 481]);
    expect(inbox.closed).toEqual([]);
  });

  it('closing waits for a peer that does not take note only so long', async () => {
    const left = await one({ lingerMs: 20 });
    const inbox = new Inbox();
    const session = left.createSession(inbox);
    const far = await RawPeer.connect(left);
    far.send({
      to: session.localUri,
      headers: { 'Message-ID': 'mess', 'Byte-Range': '1-*/100', 'Content-Type': 'text/plain' },
      body: 'x',
      flag: '+',
    });
    await far.until(() => far.statuses().length === 1);
    await session.close();
    expect(inbox.aborted).toHaveLength(1);
    await far.until(() => far.ended);
  });

  it('R-AD-09: closing the session ends what it sends with #', async () => {
    const { session, far } = await facing({ window: 2 });
    const sent = session.send({ ...PLAIN, source: randomBytes(100_000), chunkSize: 2048 });
    const failed = error(sent);
    await far.until(() => far.requests().length === 2);
    let isClosed = false;
    const closing = session.close().then(() => {
      isClosed = true;
    });
    expect((await failed).code).toBe('msrp.lost');
    await far.until(() => far.requests().at(-1)?.flag === '#');
    expect([isClosed, far.ended]).toEqual([false, false]);
    far.answer(far.requests().at(-1) as never, 200);
    await closing;
    await far.until(() => far.ended);
  });

  it('closing waits for the answer to # only so long', async () => {
    const { session, far } = await facing({ window: 2, lingerMs: 20 });
    const failed = error(session.send({ ...PLAIN, source: randomBytes(100_000), chunkSize: 2048 }));
    await far.until(() => far.requests().length === 2);
    await session.close();
    expect((await failed).code).toBe('msrp.lost');
    await far.until(() => far.ended);
  });

  it('a sink that fails is told once, and the sender hears of it', async () => {
    const told: string[] = [];
    const sink: MessageSink = {
      write: (offset) => {
        if (offset > 0) throw new ParleyError('file.disk-full', 'full');
      },
      complete: () => {},
      abort: ({ code }) => void told.push(code),
    };
    const inB = new Inbox();
    inB.onMessage = () => sink;
    const { a } = await pair(await one(), await one(), new Inbox(), inB);
    expect((await error(a.send({ ...PLAIN, source: randomBytes(1_000_000) }))).code).toBe('msrp.stopped');
    expect(told).toEqual(['file.disk-full']);
  });

  it('a sink that fails at the end fails the message, by the answer or by a REPORT', async () => {
    const inB = new Inbox();
    inB.onMessage = () => ({
      write: () => {},
      complete: () => Promise.reject(new ParleyError('file.hash-mismatch', 'wrong')),
      abort: () => {},
    });
    const { a } = await pair(await one(), await one(), new Inbox(), inB);
    const wrong = { code: 'msrp.refused', detail: '400 Hash does not match' };
    expect(await error(a.send({ ...PLAIN, source: Buffer.from('x') }))).toMatchObject(wrong);
    expect(await error(a.send({ ...PLAIN, source: Buffer.from('x'), successReport: true }))).toMatchObject(wrong);
  });

  it('a slow reader makes the sender wait, with bounded memory on both sides', async () => {
    let release: () => void = () => {};
    let held = 0;
    let size = 0;
    const inB = new Inbox();
    inB.onMessage = () => ({
      write: (_offset, octets) => {
        held += octets.length;
        if (held < 1000) return undefined;
        held = 0;
        return new Promise((resolve) => {
          release = resolve;
        });
      },
      complete: (whole) => {
        size = whole;
      },
      abort: () => {},
    });
    const { a } = await pair(await one(), await one(), new Inbox(), inB);
    let acknowledged = 0;
    const source = Buffer.alloc(64 << 20);
    const before = process.memoryUsage().arrayBuffers;
    const sent = a.send({ ...PLAIN, source, chunkSize: 65_536, onProgress: (octets) => (acknowledged = octets) });
    for (let turns = 0; turns < 500; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(acknowledged).toBe(0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20);
    const hurry = setInterval(() => release(), 0);
    const rest = setImmediate(function pull() {
      release();
      if (size === 0) setImmediate(pull);
    });
    await sent;
    clearInterval(hurry);
    clearImmediate(rest);
    expect(size).toBe(source.length);
  });
});
