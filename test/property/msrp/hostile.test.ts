import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMsrpEngine } from '../../../electron/msrp/engine.ts';
import { createPassage } from '../../../electron/msrp/passage.ts';
import type { MessageSink, MsrpEngine } from '../../../electron/msrp/port.ts';

const LIMITS = { lingerMs: 5, maxGaps: 4, maxOpenMessages: 3, maxStrays: 1000, window: 4 };
let engine: MsrpEngine;
beforeAll(async () => {
  engine = createMsrpEngine({ limits: LIMITS });
  await engine.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => engine.close());

const ranges = fc.constantFrom(
  '1-*/*',
  '1-5/5',
  '1-0/0',
  '3-*/9',
  '6-9/9',
  '1-2/9007199254740991',
  '9007199254740990-*/*',
  '0-0/0',
  'x',
  '',
  '4-4/*',
);
const wish = fc.constantFrom('yes', 'no', 'partial', 'perhaps', '');
const flags = fc.constantFrom('$', '+', '#', '$', '+');
const messageIds = fc.constantFrom('m1', 'm2', 'm3', 'm4', 'm5');
const texts = fc.constantFrom('', 'a', 'hello', '\r\n-------', 'x'.repeat(3000));
const send = fc.record({
  kind: fc.constant('SEND'),
  id: messageIds,
  range: ranges,
  failure: wish,
  success: wish,
  body: fc.option(texts),
  flag: flags,
});
const report = fc.record({
  kind: fc.constant('REPORT'),
  id: messageIds,
  range: ranges,
  status: fc.constantFrom('000 200 OK', '000 413', '000 481 x', '001 200', 'zzz', ''),
});
const junk = fc.record({
  kind: fc.constant('octets'),
  octets: fc.oneof(fc.constantFrom('\r\n\r\n', 'MSRP a', '-------', 'GET / HTTP/1.1\r\n'), fc.string()),
});
const steps = fc.array(fc.oneof({ weight: 30, arbitrary: send }, { weight: 10, arbitrary: report }, { weight: 1, arbitrary: junk }), {
  minLength: 1,
  maxLength: 25,
});
type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

let drawn = 0;
function octetsOf(step: Step, to: string): string {
  if (step.kind === 'octets') return (step as { octets: string }).octets;
  const id = `t${drawn++}xyz`;
  const paths = `To-Path: ${to}\r\nFrom-Path: msrp://127.0.0.1:9/far;tcp\r\n`;
  const field = (name: string, value: string): string => (value === '' ? '' : `${name}: ${value}\r\n`);
  if (step.kind === 'REPORT') {
    const { id: message, range, status } = step as { id: string; range: string; status: string };
    return `MSRP ${id} REPORT\r\n${paths}Message-ID: ${message}\r\n${field('Byte-Range', range)}${field('Status', status)}-------${id}$\r\n`;
  }
  const {
    id: message,
    range,
    failure,
    success,
    body,
    flag,
  } = step as { id: string; range: string; failure: string; success: string; body: string | null; flag: string };
  const wishes = field('Failure-Report', failure) + field('Success-Report', success);
  const head = `MSRP ${id} SEND\r\n${paths}Message-ID: ${message}\r\n${field('Byte-Range', range)}${wishes}`;
  return body === null ? `${head}-------${id}${flag}\r\n` : `${head}Content-Type: a/b\r\n\r\n${body}\r\n-------${id}${flag}\r\n`;
}

const answers = fc.array(fc.constantFrom(200, 200, 200, 413, 400, 481, 506, 999, null, 'close' as const), { minLength: 1, maxLength: 8 });

/** A far end that answers what it likes, or nothing. */
async function whimsical(
  likes: readonly (number | null | 'close')[],
  replies: readonly Step[],
): Promise<{ port: number; close: () => void }> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let seen = '';
    let isBound = false;
    socket.on('data', (octets: Buffer) => {
      seen += octets.toString('latin1');
      for (
        let start = /MSRP (\S+) SEND\r\nTo-Path: (\S+)\r\nFrom-Path: (\S+)\r\n/.exec(seen);
        start;
        start = /MSRP (\S+) SEND\r\nTo-Path: (\S+)\r\nFrom-Path: (\S+)\r\n/.exec(seen)
      ) {
        seen = seen.slice(start.index + start[0].length);
        const like = isBound ? likes[turn++ % likes.length] : 200;
        isBound = true;
        if (like === 'close') {
          socket.destroy();
          return;
        }
        if (like !== null)
          socket.write(`MSRP ${start[1]} ${like}\r\nTo-Path: ${start[3]}\r\nFrom-Path: ${start[2]}\r\n-------${start[1]}$\r\n`);
        const reply = replies[turn % replies.length];
        if (reply?.kind === 'REPORT') socket.write(octetsOf(reply, start[3] as string));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

describe('two hostile ends of a passage', () => {
  it('whatever both say: each sink hears one end, everything that was sent settles, and the engine serves the next', async () => {
    await fc.assert(
      fc.asyncProperty(steps, answers, steps, fc.boolean(), async (said, likes, replies, isCut) => {
        const far = await whimsical(likes, replies);
        const out = engine.createSession({ onMessage: () => ({ refuse: 403 }), onClosed: () => {} });
        await out.connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${far.port}/far;tcp`] });
        const ends: number[] = [];
        const sendings: Promise<unknown>[] = [];
        const into = engine.createSession({
          onMessage: (head) => {
            const passage = createPassage(head, { capacity: 131_072, chunkSize: 700 });
            const at = ends.push(0) - 1;
            sendings.push(
              passage.sendOn(out).catch((thrown: { code?: string }) => expect(thrown.code).toMatch(/^(msrp|file|request|peer)\./)),
            );
            const { sink } = passage;
            const counted: MessageSink = {
              write: (offset, octets) => sink.write(offset, octets),
              complete: (size) => {
                ends[at] = (ends[at] as number) + 1;
                return sink.complete(size);
              },
              abort: (error) => {
                ends[at] = (ends[at] as number) + 1;
                sink.abort(error);
              },
            };
            return counted;
          },
          onClosed: () => {},
        });
        const socket = connect(engine.address.port, engine.address.host);
        socket.on('error', () => {});
        socket.resume();
        const stream = said.map((step) => octetsOf(step, into.localUri)).join('');
        const gone = new Promise((resolve) => socket.once('close', resolve));
        await new Promise<void>((resolve) => socket.write(stream, () => resolve()));
        if (isCut) socket.destroy();
        else socket.end();
        await gone;
        await into.close();
        await out.close();
        await Promise.all(sendings);
        expect(ends.every((count) => count === 1)).toBe(true);
        far.close();

        // it still serves
        const heard: string[] = [];
        const next = engine.createSession({
          onMessage: () => ({ write: (_, octets) => void heard.push(Buffer.from(octets).toString()), complete: () => {}, abort: () => {} }),
          onClosed: () => {},
        });
        const friend = engine.createSession({ onMessage: () => ({ refuse: 403 }), onClosed: () => {} });
        await Promise.all([
          next.connect({ role: 'passive', remotePath: [friend.localUri] }),
          friend.connect({ role: 'active', remotePath: [next.localUri] }),
        ]);
        await friend.send({ contentType: 'a/b', source: Buffer.from('fine'), successReport: false });
        expect(heard).toEqual(['fine']);
        await Promise.all([next.close(), friend.close()]);
      }),
      { numRuns: 150 },
    );
  });
});
