import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bufferOctets } from '../../../electron/msrp/octets.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { MsrpFrame, MsrpHead } from '../../../shared/protocol/msrp/codec.ts';
import { encodeFrame } from '../../../shared/protocol/msrp/codec.ts';
import { decodeFrame, MsrpFramer } from '../../../shared/protocol/msrp/framer.ts';
import { type Octets, plainOctets } from '../../../shared/protocol/msrp/octets.ts';

const ids = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9.\-+%=]{3,31}$/);
const uris = fc.stringMatching(/^msrp:\/\/[a-z0-9.]{1,20}:[0-9]{1,4}\/[A-Za-z0-9]{1,20};tcp$/);
const paths = fc.array(uris, { minLength: 1, maxLength: 3 });
const headers = fc.array(
  fc.record({
    name: fc.constantFrom('Message-ID', 'Byte-Range', 'Success-Report', 'X-Extra', 'Content-Type'),
    value: fc.stringMatching(/^[!-~é€][ -~é€]{0,30}[!-~é€]$/),
  }),
  { maxLength: 8 },
);
const requests: fc.Arbitrary<MsrpHead> = fc.record({
  kind: fc.constant('request' as const),
  transactionId: ids,
  method: fc.constantFrom('SEND', 'REPORT', 'AUTH', 'NICKNAME'),
  toPath: paths,
  fromPath: paths,
  headers,
});
const responses: fc.Arbitrary<MsrpHead> = fc.record({
  kind: fc.constant('response' as const),
  transactionId: ids,
  status: fc.integer({ min: 100, max: 999 }),
  comment: fc.option(fc.stringMatching(/^[ -~é€]{0,20}$/), { nil: null }),
  toPath: paths,
  fromPath: paths,
  headers,
});
/** Octets that look like the end of a frame now and then. */
const bodies = (id: string): fc.Arbitrary<Uint8Array> =>
  fc
    .array(
      fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.constantFrom(
          '\r\n',
          '\r',
          '\n',
          '-------',
          '\r\n-------',
          `\r\n-------${id.slice(0, -1)}`,
          `\r\n-------${id}x`,
          `\r\n-------${id}$x`,
          `-------${id}$\r\n`,
        ),
      ),
      { maxLength: 12 },
    )
    .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part as string))))
    .filter((body) => !new RegExp(`(^|\\r\\n)-------${id.replace(/[.+%=$-]/g, '\\$&')}[$+#](\\r\\n|\\r?$)`).test(body.toString('latin1')));
const frames: fc.Arbitrary<MsrpFrame> = fc.oneof(requests, responses).chain((head) =>
  fc.record({
    head: fc.constant(head),
    body: head.kind === 'request' ? fc.option(bodies(head.transactionId), { freq: 4 }) : fc.constant(null),
    flag: fc.constantFrom('$' as const, '+' as const, '#' as const),
  }),
);

function readAll(pieces: readonly Uint8Array[], octets: Octets): MsrpFrame[] {
  const framer = new MsrpFramer(octets);
  const seen: MsrpFrame[] = [];
  let body: Buffer[] = [];
  for (const read of pieces) {
    // a socket reads into the same memory again
    const piece = Buffer.from(read);
    framer.push(piece);
    for (let event = framer.next(); event !== null; event = framer.next()) {
      if (event === 'head') body = [];
      else if (event === 'body') body.push(Buffer.from(framer.body));
      else seen.push({ head: framer.head as MsrpHead, body: framer.hasBody ? Buffer.concat(body) : null, flag: framer.flag });
    }
    piece.fill(0x2b);
  }
  expect(framer.atBoundary).toBe(true);
  return seen;
}

function cut(octets: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((place) => place % (octets.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => Buffer.from(octets.subarray(from, places[index] ?? octets.length)));
}

const plain = (seen: readonly MsrpFrame[]): unknown =>
  seen.map(({ head, body, flag }) => ({ head, flag, body: body === null ? null : Buffer.from(body).toString('hex') }));

describe('MSRP framing', () => {
  it('gives the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(frames, { minLength: 1, maxLength: 5 }), fc.array(fc.nat(), { maxLength: 30 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(encodeFrame));
        const pieces = cut(stream, cuts);
        expect(plain(readAll(pieces, bufferOctets))).toEqual(plain(sent));
        expect(plain(readAll(pieces, plainOctets))).toEqual(plain(sent));
      }),
      { numRuns: 400 },
    );
  });

  it('gives the same frames where they are told apart by little, as chunks of a few messages and the answers to them', () => {
    const position = fc.oneof(fc.nat({ max: 12 }), fc.nat(), fc.constant('*'), fc.constantFrom('007', '99999999999999999', '', '-1'));
    const ranges = fc.tuple(position, position, position).map(([start, end, total]) => `${start}-${end}/${total}`);
    const few = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(values, { minLength: 1, maxLength: 2 });
    const streams = fc.record({
      heads: few(fc.oneof(requests, responses)),
      values: few(ranges),
      names: few(fc.constantFrom('Byte-Range', 'byte-range')),
    });
    const chunk = fc.record({
      id: ids,
      head: fc.nat(),
      value: fc.nat(),
      name: fc.nat(),
      range: ranges,
      again: fc.boolean(),
      body: fc.uint8Array({ maxLength: 20 }),
    });
    fc.assert(
      fc.property(
        streams,
        fc.array(chunk, { maxLength: 12 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        ({ heads, values, names }, chunks, cuts) => {
          const sent = chunks.map(({ id, head: n, value: v, name, range, again, body }): MsrpFrame => {
            const head = heads[n % heads.length] as MsrpHead;
            const value = (again ? values[v % values.length] : range) as string;
            const fields = head.headers.map((field) =>
              /byte-range/i.test(field.name) ? { name: names[name % names.length] as string, value } : field,
            );
            const isRequest = head.kind === 'request';
            const own = isRequest ? { ...head, method: 'SEND' } : { ...head, status: 200 };
            return { head: { ...own, transactionId: id, headers: fields }, body: isRequest ? body : null, flag: '+' };
          });
          const pieces = cut(Buffer.concat(sent.map(encodeFrame)), cuts);
          expect(plain(readAll(pieces, bufferOctets))).toEqual(plain(sent));
          expect(plain(readAll(pieces, plainOctets))).toEqual(plain(sent));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('gives the same frames octet by octet', () => {
    fc.assert(
      fc.property(fc.array(frames, { minLength: 1, maxLength: 3 }), (sent) => {
        const stream = Buffer.concat(sent.map(encodeFrame));
        expect(
          plain(
            readAll(
              Array.from(stream, (octet) => Buffer.of(octet)),
              bufferOctets,
            ),
          ),
        ).toEqual(plain(sent));
      }),
      { numRuns: 100 },
    );
  });

  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        expect(plain([decodeFrame(encodeFrame(frame))])).toEqual(plain([frame]));
      }),
    );
  });

  it('meets random octets with frames or a ParleyError, never anything else', () => {
    const starts = fc.constantFrom(
      '',
      'MSRP ',
      'MSRP abcd SEND\r\n',
      'MSRP abcd 200 OK\r\nTo-Path: ',
      'MSRP abcd SEND\r\nTo-Path: msrp://a;tcp\r\nFrom-Path: msrp://b;tcp\r\n\r\n',
    );
    fc.assert(
      fc.property(starts, fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (start, pieces) => {
        const framer = new MsrpFramer(bufferOctets);
        try {
          for (const piece of [Buffer.from(start), ...pieces.map((octets) => Buffer.from(octets))]) {
            framer.push(piece);
            let event = framer.next();
            while (event !== null) event = framer.next();
          }
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ParleyError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('meets a frame with one octet changed with a frame or a ParleyError', () => {
    fc.assert(
      fc.property(frames, fc.nat(), fc.integer({ min: 0, max: 255 }), (frame, place, octet) => {
        const octets = encodeFrame(frame);
        octets[place % octets.length] = octet;
        try {
          decodeFrame(octets);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ParleyError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
