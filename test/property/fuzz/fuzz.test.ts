import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bufferOctets } from '../../../electron/msrp/octets.ts';
import { utf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { MSRP_FRAMER_LIMITS, MsrpFramer } from '../../../shared/protocol/msrp/framer.ts';
import { SipFramer } from '../../../shared/protocol/sip/framer.ts';
import { SIP_LIMITS } from '../../../shared/protocol/sip/limits.ts';
import { fuzz } from './fuzzer.ts';
import { codec } from './target.ts';
import { TARGETS } from './targets.ts';

const SEED = 20_261_120;
const INPUTS = 2_000;
/** how long something takes is for `npm run fuzz` */
const UNTIMED = Number.POSITIVE_INFINITY;

describe('fuzzing', { timeout: 120_000 }, () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    '%s: coded errors only, and what is understood is stable',
    (_, target) => {
      const { findings, understood } = fuzz(target, INPUTS, SEED, UNTIMED);
      expect(findings.map(({ what, input }) => [what, Buffer.from(input).toString('latin1')])).toEqual([]);
      expect(understood).toBeGreaterThan(0);
    },
  );

  it('every seed is taken as it is, so that a change starts from something that works', () => {
    const refused = TARGETS.flatMap(({ name, seeds, run }) =>
      seeds.filter((seed) => isRefused(() => run(seed))).map((seed) => `${name}: ${Buffer.from(seed).toString('latin1').slice(0, 40)}`),
    );
    // the torture messages are a collection of what is refused; nothing else is
    expect(refused.filter((line) => !line.startsWith('sip-message: '))).toEqual([]);
  });
});

describe('the register of decoders', () => {
  it('has every decoder of shared/protocol', async () => {
    const folder = fileURLToPath(new URL('../../../shared/protocol', import.meta.url));
    const covered = new Set(TARGETS.flatMap(({ covers }) => covers));
    const missing: string[] = [];
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue;
      const module: Record<string, unknown> = await import(`${folder}/${file}`);
      for (const [name, value] of Object.entries(module)) {
        if (/^(?:decode|parse|read|salvage|try)[A-Z]|Framer$/.test(name) && typeof value === 'function' && !covered.has(value))
          missing.push(`${name} of ${file}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it('names each decoder once', () => {
    expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length);
  });
});

describe('the fuzzer itself', () => {
  const planted = (decode: (input: Uint8Array) => string, encode?: (value: string) => Uint8Array) =>
    codec({ name: 'planted', covers: [], seeds: ['one two three four five'], decode, ...(encode === undefined ? {} : { encode }) });

  it('finds what is thrown without a code, and makes the input small', () => {
    const target = planted((input) => {
      const text = Buffer.from(input).toString('latin1');
      if (text.includes('%') && text.includes('three')) throw new TypeError('planted');
      return text;
    });
    const [finding] = fuzz(target, 5_000, 1, UNTIMED).findings;
    expect(finding?.what).toBe('TypeError: planted');
    expect(Buffer.from(finding?.input ?? []).toString('latin1')).toMatch(/^(three%|%three)$/);
  });

  it('finds what is not understood as what it was encoded from, and what changes its input', () => {
    const unstable = planted(
      (input) => Buffer.from(input).toString('latin1'),
      (text) => utf8(text),
    );
    expect(fuzz(unstable, 5_000, 1, UNTIMED).findings.map(({ what }) => what)).toContain(
      'Error: what was encoded is understood as something else',
    );
    const writing = planted((input) => {
      input[0] = 0;
      return '';
    });
    expect(fuzz(writing, 100, 1, UNTIMED).findings.map(({ what }) => what)).toContain('Error: the input was changed');
  });

  it('gives the same inputs for the same seed, and others for another', () => {
    const inputsOf = (seed: number): string[] => {
      const seen: string[] = [];
      fuzz(
        planted((input) => {
          seen.push(Buffer.from(input).toString('hex'));
          return '';
        }),
        50,
        seed,
        UNTIMED,
      );
      // one that was slow is run again to be measured
      return [...new Set(seen)];
    };
    expect(inputsOf(5)).toEqual(inputsOf(5));
    expect(inputsOf(5)).not.toEqual(inputsOf(6));
  });
});

/** the beginning of a stream, and what follows it without end */
const ENDLESS: readonly (readonly [string, string, string])[] = [
  ['a header line', 'MESSAGE sip:a@b SIP/2.0\r\nX: ', 'x'],
  ['header fields', 'MESSAGE sip:a@b SIP/2.0\r\n', 'X: y\r\n'],
  ['folded lines', 'MESSAGE sip:a@b SIP/2.0\r\nX: y\r\n', ' z\r\n'],
  ['empty lines', '', '\r\n'],
  ['a body longer than it may be', 'MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 99999999\r\n\r\n', 'x'],
  ['whole messages', '', 'MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 3\r\n\r\nabc'],
];

const ENDLESS_MSRP: readonly (readonly [string, string, string])[] = [
  ['a header line', 'MSRP abcd SEND\r\nTo-Path: ', 'x'],
  ['header fields', 'MSRP abcd SEND\r\n', 'X: y\r\n'],
  ['empty lines', '', '\r\n'],
  ['a body', 'MSRP abcd SEND\r\nTo-Path: msrp://a;tcp\r\nFrom-Path: msrp://b;tcp\r\n\r\n', 'x'],
  ['a body of what may be its end', 'MSRP abcd SEND\r\nTo-Path: msrp://a;tcp\r\nFrom-Path: msrp://b;tcp\r\n\r\n', '\r\n-------abc'],
  ['a body of line ends', 'MSRP abcd SEND\r\nTo-Path: msrp://a;tcp\r\nFrom-Path: msrp://b;tcp\r\n\r\n', '\r\n'],
];

/** octet by octet, in reads of a socket, and in one huge read, 4 MB each time */
const SIZES = [1, 65_536, 4_000_000] as const;

describe.each(SIZES)('what a framer keeps of a stream without end, %i octets at a time', { timeout: 120_000 }, (size) => {
  const total = size === 1 ? 200_000 : 4_000_000;

  it.each(ENDLESS)('SIP: %s', (_, start, more) => {
    const framer = new SipFramer();
    let most = 0;
    for (const piece of read(start, more, size, total)) {
      if (isRefused(() => framer.push(piece)) || framer.failure !== null) break;
      most = Math.max(most, framer.held);
    }
    // what it may wait for, and room to grow by half; a read that is not taken apart yet comes on top
    expect(most).toBeLessThanOrEqual(2 * (SIP_LIMITS.headerOctets + SIP_LIMITS.bodyOctets + size));
    if (framer.failure === null) expect(framer.held).toBeLessThanOrEqual(65_536);
  });

  it.each(ENDLESS_MSRP)('MSRP: %s', (_, start, more) => {
    const framer = new MsrpFramer(bufferOctets);
    let most = 0;
    const take = (piece: Uint8Array): void => {
      framer.push(piece);
      let event = framer.next();
      while (event !== null) event = framer.next();
    };
    for (const piece of read(start, more, size, total)) {
      if (isRefused(() => take(Buffer.from(piece)))) break;
      most = Math.max(most, framer.held);
    }
    expect(most).toBeLessThanOrEqual(MSRP_FRAMER_LIMITS.maxHead + 128);
  });
});

function* read(start: string, more: string, size: number, total: number): Generator<Uint8Array> {
  const stream = utf8(start + more.repeat(Math.ceil(total / more.length)));
  for (let at = 0; at < stream.length; at += size) yield stream.subarray(at, at + size);
}

function isRefused(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch (thrown) {
    if (thrown instanceof ParleyError) return true;
    throw thrown;
  }
}
