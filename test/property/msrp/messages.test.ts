import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createMsrpEngine } from '../../../electron/msrp/engine.ts';
import { createPassage } from '../../../electron/msrp/passage.ts';
import type { MsrpEngine, MsrpSession } from '../../../electron/msrp/port.ts';

/** Transaction ids of so few that bodies hold some of them now and then, and more than are under way at once. */
const ids = vi.hoisted(() => ({ drawn: 0 }));
vi.mock('../../../electron/msrp/ids.ts', async (original) => {
  const real = await original<typeof import('../../../electron/msrp/ids.ts')>();
  const transactionId = () => {
    ids.drawn = (ids.drawn + 7) % 100;
    return `id${ids.drawn}x`;
  };
  return { ...real, transactionId };
});

/** One frame, read without our codec: the end is the first end line of its own transaction id. */
interface Frame {
  readonly id: string;
  readonly method: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Buffer;
  readonly flag: string;
}

function split(octets: Buffer): { frames: Frame[]; rest: Buffer } {
  const frames: Frame[] = [];
  let rest = octets;
  for (;;) {
    const start = /^MSRP (\S+) (\S+)[^\r\n]*\r\n/.exec(rest.subarray(0, 200).toString('latin1'));
    if (start === null) return { frames, rest };
    const [line, id, method] = start as unknown as [string, string, string];
    const end = rest.indexOf(`\r\n-------${id}`, line.length - 2, 'latin1');
    const after = end + `\r\n-------${id}`.length;
    if (end < 0 || rest.length < after + 3) return { frames, rest };
    const empty = rest.indexOf('\r\n\r\n', 0, 'latin1');
    const hasBody = empty >= 0 && empty < end + 1;
    const head = rest.subarray(line.length, hasBody ? empty : end).toString('latin1');
    const fields = new Map(head.split('\r\n').map((field) => field.split(/: (.*)/s).slice(0, 2) as [string, string]));
    frames.push({
      id,
      method,
      fields,
      body: hasBody ? rest.subarray(empty + 4, Math.max(end, empty + 4)) : Buffer.alloc(0),
      flag: String.fromCharCode(rest[after] as number),
    });
    rest = rest.subarray(after + 3);
  }
}

/** Octets with much in them that looks like the end of a frame. */
const bodies = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((octets) => Buffer.from(octets)),
      fc.nat({ max: 45 }).map((id) => Buffer.from(`\r\n-------id${id}x$\r\n`)),
      fc.constantFrom('\r\n', '-------', '\r\n-------', 'MSRP ', '\r\n\r\n', '-------id').map((text) => Buffer.from(text)),
      fc.nat({ max: 3000 }).map((length) => Buffer.alloc(length, '-')),
    ),
    { maxLength: 30 },
  )
  .map((parts) => Buffer.concat(parts));

let engine: MsrpEngine;
beforeAll(async () => {
  engine = createMsrpEngine({ limits: { window: 16 } });
  await engine.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => engine.close());

/** A far end that answers 200 and keeps what came, until a frame that ends a message. */
async function recorder(): Promise<{ session: MsrpSession; message: Promise<Frame[]>; close: () => void }> {
  let whole: (frames: Frame[]) => void = () => {};
  const message = new Promise<Frame[]>((resolve) => (whole = resolve));
  const server = createServer((socket) => {
    const kept: Frame[] = [];
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (octets: Buffer) => {
      const read = split(Buffer.concat([rest, octets]));
      rest = read.rest;
      for (const frame of read.frames) {
        const paths = `To-Path: ${frame.fields.get('From-Path')}\r\nFrom-Path: ${frame.fields.get('To-Path')}`;
        socket.write(`MSRP ${frame.id} 200 OK\r\n${paths}\r\n-------${frame.id}$\r\n`);
        if (frame.fields.get('Content-Type') === undefined) continue;
        kept.push(frame);
        if (frame.flag !== '+') whole(kept);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = engine.createSession({ onMessage: () => ({ refuse: 403 }), onClosed: () => {} });
  await session.connect({ role: 'active', remotePath: [`msrp://127.0.0.1:${(server.address() as AddressInfo).port}/far;tcp`] });
  return { session, message, close: () => void session.close().then(() => server.close()) };
}

/** What RFC 4975 section 7.1.1 asks of the chunks of one message. */
function holds(frames: readonly Frame[], octets: Buffer, chunkSize: number, isKnown: boolean): void {
  let at = 0;
  for (const [index, { fields, body, flag, id }] of frames.entries()) {
    const [, start, end, total] = /^(\d+)-(\d+|\*)\/(\d+|\*)$/.exec(fields.get('Byte-Range') ?? '') ?? [];
    expect(Number(start)).toBe(at + 1);
    at += body.length;
    if (end === '*') expect(body.length).toBeGreaterThan(0);
    else expect([Number(end), body.length <= 2048]).toEqual([at, true]);
    if (isKnown || index === frames.length - 1) expect(Number(total)).toBe(octets.length);
    expect(body.length).toBeLessThanOrEqual(chunkSize);
    expect(body.includes(`-------${id}`)).toBe(false);
    expect(flag).toBe(index === frames.length - 1 ? '$' : '+');
    expect([...fields.keys()].at(-1)).toBe('Content-Type');
  }
  expect(Buffer.concat(frames.map(({ body }) => body)).equals(octets)).toBe(true);
}

describe('what leaves', () => {
  it('any octets in chunks of any size: no chunk holds its own end line, ranges and totals are what is there', async () => {
    await fc.assert(
      fc.asyncProperty(bodies, fc.constantFrom(1, 13, 100, 2048, 2049, 10_240), async (octets, wanted) => {
        const chunkSize = Math.max(wanted, Math.ceil(octets.length / 200));
        const { session, message, close } = await recorder();
        await session.send({ contentType: 'a/b', source: octets, successReport: false, chunkSize });
        holds(await message, octets, chunkSize, true);
        close();
      }),
      { numRuns: 60 },
    );
  });

  it('the same by way of a passage, however the octets came and whether their number was known', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(bodies, cuts, fc.boolean(), async (octets, sizes, isKnown) => {
        const { session, message, close } = await recorder();
        const wishes = { successReport: false, failureReport: 'yes' } as const;
        const head = { messageId: 'mess', contentType: 'a/b', total: isKnown ? octets.length : null, ...wishes, headers: [] };
        const passage = createPassage(head, { chunkSize: 3000, capacity: 131_072 });
        const sent = passage.sendOn(session);
        for (let at = 0, turn = 0; at < octets.length; turn++) {
          const size = sizes[turn % sizes.length] as number;
          await passage.sink.write(at, octets.subarray(at, at + size));
          at += size;
          if (turn % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        await passage.sink.complete(octets.length);
        await sent;
        holds(await message, octets, 3000, isKnown);
        close();
      }),
      { numRuns: 40 },
    );
  });
});

describe('what comes in', () => {
  it('chunks in any order, overlapping, with or without ends and totals, cut anywhere by the network, are one message', async () => {
    const shapes = fc.record({
      octets: fc.uint8Array({ minLength: 1, maxLength: 4000 }).map((octets) => Buffer.from(octets)),
      size: fc.integer({ min: 1, max: 900 }),
      overlap: fc.integer({ min: 0, max: 50 }),
      order: fc.integer({ min: 0, max: 1000 }),
      cut: fc.integer({ min: 1, max: 700 }),
      hasEnds: fc.boolean(),
      hasTotal: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ octets, size, overlap, order, cut, hasEnds, hasTotal }) => {
        const whole = Buffer.alloc(octets.length);
        let done: (size: number) => void = () => {};
        const completed = new Promise<number>((resolve) => (done = resolve));
        const session = engine.createSession({
          onMessage: () => ({ write: (at, part) => whole.set(part, at), complete: (total) => done(total), abort: () => done(-1) }),
          onClosed: () => {},
        });
        const chunks: Buffer[] = [];
        for (let at = 0; at < octets.length; at += size) {
          const from = Math.max(0, at - overlap);
          const to = Math.min(octets.length, at + size);
          const range = `${from + 1}-${hasEnds ? to : '*'}/${hasTotal ? octets.length : '*'}`;
          const paths = `To-Path: ${session.localUri}\r\nFrom-Path: msrp://127.0.0.1:9/far;tcp`;
          const id = `in${at}abc`;
          const head = `MSRP ${id} SEND\r\n${paths}\r\nMessage-ID: m\r\nByte-Range: ${range}\r\nFailure-Report: no\r\nContent-Type: a/b\r\n\r\n`;
          chunks.push(
            Buffer.concat([
              Buffer.from(head),
              octets.subarray(from, to),
              Buffer.from(`\r\n-------${id}${to === octets.length ? '$' : '+'}\r\n`),
            ]),
          );
        }
        const shuffled = chunks
          .map((chunk, index) => ({ chunk, key: (index * 7919 + order * 104_729) % 1009 }))
          .sort((a, b) => a.key - b.key);
        const stream = Buffer.concat(shuffled.map(({ chunk }) => chunk));
        const socket = connect(engine.address.port, engine.address.host);
        socket.setNoDelay(true);
        for (let at = 0; at < stream.length; at += cut) socket.write(stream.subarray(at, at + cut));
        expect(await completed).toBe(octets.length);
        expect(whole.equals(octets)).toBe(true);
        await session.close();
        socket.destroy();
      }),
      { numRuns: 60 },
    );
  });
});
