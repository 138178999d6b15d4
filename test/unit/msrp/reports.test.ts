import { afterEach, describe, expect, it } from 'vitest';
import type { MessageSink, MsrpEngine, MsrpSession, OutgoingMessage } from '../../../electron/msrp/port.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { type FailureReport, headerValue } from '../../../shared/protocol/msrp/headers.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { engine, Inbox, RawPeer } from './harness.ts';

const engines: MsrpEngine[] = [];
const closers: (() => void)[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((made) => made.close()));
  for (const close of closers.splice(0)) close();
});

async function one(options = {}): Promise<MsrpEngine> {
  const made = await engine(options);
  engines.push(made);
  return made;
}

/** A session that is bound, its far end in the hands of the test. */
async function facing(options = {}): Promise<{ session: MsrpSession; far: RawPeer }> {
  const { port, peer, close } = await RawPeer.accept();
  closers.push(close);
  const session = (await one(options)).createSession(new Inbox());
  const connected = session.connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${port}/far;tcp`] });
  const far = await peer;
  await far.until(() => far.requests().length === 1);
  far.answer(far.requests()[0] as never, 200);
  await connected;
  far.frames.length = 0;
  return { session, far };
}

const MESSAGE: OutgoingMessage = { messageId: 'mess', contentType: 'text/plain', source: Buffer.from('0123456789'), successReport: false };
const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'sent',
    (thrown: { code: string }) => thrown.code,
  );
const report = (far: RawPeer, session: MsrpSession, range: string | null, status = '000 200 OK'): void =>
  far.send({
    id: `r${Math.random().toString(36).slice(2, 10)}`,
    to: session.localUri,
    method: 'REPORT',
    headers: { 'Message-ID': 'mess', ...(range === null ? {} : { 'Byte-Range': range }), Status: status },
  });

describe('reports that the sender asks for', () => {
  it.each(['no', 'partial'] as const)('Failure-Report %s: sent is what has left, whole and in every chunk', async (failureReport) => {
    const { session, far } = await facing();
    const progress: number[] = [];
    await session.send({ ...MESSAGE, failureReport, chunkSize: 4, onProgress: (octets) => progress.push(octets) });
    await far.until(() => far.requests().length === 3);
    expect(far.requests().map(({ head }) => headerValue(head, 'Failure-Report'))).toEqual([failureReport, failureReport, failureReport]);
    expect(progress.at(-1)).toBe(10);
  });

  it('Failure-Report no: no number of chunks fills a window that nobody empties', async () => {
    const { session, far } = await facing({ limits: { window: 2 } });
    await session.send({ ...MESSAGE, failureReport: 'no', source: Buffer.alloc(50_000), chunkSize: 1000 });
    await far.until(() => far.requests().length === 50);
  });

  it('Failure-Report partial: an error that comes in time counts, and answers that should not be there do no harm', async () => {
    const { session, far } = await facing();
    const sent = outcome(session.send({ ...MESSAGE, failureReport: 'partial', successReport: true, chunkSize: 5 }));
    await far.until(() => far.requests().length === 2);
    far.answer(far.requests()[0] as never, 200);
    far.answer(far.requests()[1] as never, 403);
    expect(await sent).toBe('msrp.refused');
  });

  it.each(['no', 'partial'] as const)(
    'Failure-Report %s with Success-Report waits for the REPORT, and for no longer than that takes',
    async (failureReport) => {
      const clock = new ManualClock();
      const { session, far } = await facing({ clock });
      const wanted = { ...MESSAGE, failureReport, successReport: true };
      const reported = outcome(session.send(wanted));
      await far.until(() => far.requests().length === 1);
      report(far, session, '1-10/10');
      expect(await reported).toBe('sent');
      const silent = outcome(session.send(wanted));
      await far.until(() => far.requests().length === 2);
      let settled = false;
      void silent.then(() => (settled = true));
      for (let rounds = 0; rounds < 100 && !settled; rounds++) {
        clock.advance(10_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await silent).toBe('msrp.timeout');
    },
  );

  it('RFC 4975 7.1.1: a chunk that nobody answers for 30 s fails the message, whatever was reported', async () => {
    const clock = new ManualClock();
    const { session, far } = await facing({ clock });
    const sent = outcome(session.send({ ...MESSAGE, successReport: true }));
    await far.until(() => far.requests().length === 1);
    report(far, session, '1-10/10');
    let settled = false;
    void sent.then(() => (settled = true));
    let waited = 0;
    for (; waited < 200_000 && !settled; waited += 1000) {
      clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await sent).toBe('msrp.timeout');
    expect(waited).toBeGreaterThanOrEqual(30_000);
    expect(waited).toBeLessThan(65_000);
  });

  it('R-PF1-06: success REPORTs in any order, overlapping, of other ranges than the chunks, without a range or open-ended', async () => {
    for (const ranges of [['4-7/10', '1-5/10', '7-10/10'], ['1-*/10'], [null], ['1-*/*'], ['6-10/*', '1-5/*'], ['1-999/999']]) {
      const { session, far } = await facing();
      const sent = outcome(session.send({ ...MESSAGE, successReport: true, chunkSize: 3 }));
      await far.until(() => far.requests().length === 4);
      for (const frame of far.requests()) far.answer(frame, 200);
      for (const range of ranges) report(far, session, range);
      expect(await sent).toBe('sent');
    }
  });

  it('a storm of REPORTs with gaps ends the message, and holds no more than its limit', async () => {
    const { session, far } = await facing({ limits: { maxGaps: 8 } });
    const sent = outcome(session.send({ ...MESSAGE, source: Buffer.alloc(1000), successReport: true }));
    await far.until(() => far.requests().length === 1);
    for (let at = 1; at < 100; at += 2) report(far, session, `${at * 2}-${at * 2}/1000`);
    expect(await sent).toBe('msrp.too-large');
  });

  it('tells the octets that were acknowledged without a gap, also where it fails', async () => {
    const { session, far } = await facing();
    const progress: number[] = [];
    const sent = outcome(
      session.send({ ...MESSAGE, source: Buffer.alloc(50), chunkSize: 10, onProgress: (octets) => progress.push(octets) }),
    );
    await far.until(() => far.requests().length === 5);
    const [first, second, , fourth] = far.requests();
    for (const frame of [first, second, fourth]) far.answer(frame as never, 200);
    far.send({ id: 'ping', to: session.localUri });
    await far.until(() => far.statuses().length === 1);
    far.socket.destroy();
    expect(await sent).toBe('msrp.lost');
    expect(progress.at(-1)).toBe(20);
  });
});

/** What the receiver does with one message of two octets, by what its sender asks for and how the sink ends. */
async function received(failure: FailureReport | null, success: 'yes' | 'no' | null, complete: MessageSink['complete']) {
  const inbox = new Inbox();
  inbox.onMessage = () => ({ write: () => {}, complete, abort: () => {} });
  const made = await one();
  const session = made.createSession(inbox);
  const far = await RawPeer.connect(made);
  const wishes = { ...(failure && { 'Failure-Report': failure }), ...(success && { 'Success-Report': success }) };
  far.send({
    id: 'aaaa',
    to: session.localUri,
    headers: { 'Message-ID': 'mess', 'Byte-Range': '1-2/2', ...wishes, 'Content-Type': 'a/b' },
    body: 'hi',
  });
  // until the sink has ended, whatever came of it
  for (let turns = 0; turns < 40; turns++) await new Promise((resolve) => setImmediate(resolve));
  far.send({ id: 'ping', to: session.localUri });
  await far.until(() => far.frames.some(({ head }) => head.transactionId === 'ping'));
  const answers = far.frames.flatMap(({ head }) => (head.kind === 'response' && head.transactionId === 'aaaa' ? [head.status] : []));
  return { answers, reports: far.requests('REPORT').map(({ head }) => headerValue(head, 'Status')) };
}

const wrong = new ParleyError('file.hash-mismatch', 'wrong');
const fails = () => Promise.reject(wrong);
describe('reports that the receiver gives', () => {
  it.each([
    // wishes, what the sink says, answers, reports
    ['yes', 'no', 'ok', [200], []],
    [null, null, 'ok', [200], []],
    ['yes', 'yes', 'ok', [200], ['000 200 OK']],
    ['partial', 'no', 'ok', [], []],
    ['partial', 'yes', 'ok', [], ['000 200 OK']],
    ['no', 'no', 'ok', [], []],
    ['no', 'yes', 'ok', [], ['000 200 OK']],
    ['yes', 'no', 'fails', [400], []],
    ['yes', 'yes', 'fails', [200], ['000 400 Hash does not match']],
    ['partial', 'no', 'fails', [400], []],
    ['partial', 'yes', 'fails', [400], []],
    ['no', 'no', 'fails', [], []],
    ['no', 'yes', 'fails', [], []],
  ] as const)('R-PF1-06: Failure-Report %s, Success-Report %s, the message %s', async (failure, success, ends, answers, reports) => {
    expect(await received(failure, success, ends === 'ok' ? async () => {} : fails)).toEqual({ answers, reports });
  });

  it('what fails after the answer could not wait any longer is told by a REPORT', async () => {
    let fail = (): void => {};
    const inbox = new Inbox();
    const complete = () => new Promise<void>((_, reject) => (fail = () => reject(wrong)));
    inbox.onMessage = () => ({ write: () => {}, complete, abort: () => {} });
    const made = await one({ limits: { holdAnswerMs: 1 } });
    const session = made.createSession(inbox);
    const far = await RawPeer.connect(made);
    far.send({ to: session.localUri, headers: { 'Message-ID': 'mess', 'Byte-Range': '1-2/2', 'Content-Type': 'a/b' }, body: 'hi' });
    await far.until(() => far.statuses().length === 1);
    expect([far.statuses(), far.requests('REPORT')]).toEqual([[200], []]);
    fail();
    await far.until(() => far.requests('REPORT').length === 1);
    expect(headerValue(far.requests('REPORT')[0]?.head as never, 'Status')).toBe('000 400 Hash does not match');
  });

  it('many chunks, and many small messages, bring one REPORT a message, in few writes', async () => {
    const made = await one();
    const inbox = new Inbox();
    const session = made.createSession(inbox);
    const far = await RawPeer.connect(made);
    let reads = 0;
    far.socket.on('data', () => reads++);
    const frames: string[] = [];
    const frame = (id: string, message: string, range: string, flag: string): void => {
      const path = `To-Path: ${session.localUri}\r\nFrom-Path: msrp://127.0.0.1:9/raw;tcp\r\nMessage-ID: ${message}\r\nByte-Range: ${range}\r\n`;
      const wishes = 'Success-Report: yes\r\nFailure-Report: no\r\nContent-Type: a/b\r\n';
      frames.push(`MSRP ${id} SEND\r\n${path}${wishes}\r\nx\r\n-------${id}${flag}\r\n`);
    };
    for (let at = 1; at <= 100; at++) frame(`c${at}xx`, 'chunked', `${at}-${at}/100`, at === 100 ? '$' : '+');
    for (let at = 1; at <= 100; at++) frame(`m${at}xx`, `small${at}`, '1-1/1', '$');
    far.socket.write(frames.join(''));
    await far.until(() => far.requests('REPORT').length >= 101);
    const reported = far.requests('REPORT').map(({ head }) => headerValue(head, 'Message-ID'));
    expect(new Set(reported).size).toBe(101);
    expect(reported).toHaveLength(101);
    expect(reads).toBeLessThan(30);
  });
});
