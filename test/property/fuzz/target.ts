import { isDeepStrictEqual } from 'node:util';
import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';

// biome-ignore lint/complexity/noBannedTypes: whatever function or class a module exports
type Decoder = Function;

/** One decoder, or several that are always used together, as the fuzzer sees it. */
export interface Target {
  readonly name: string;
  /** the exports of shared/protocol and the like that {@link run} goes through */
  readonly covers: readonly Decoder[];
  readonly seeds: readonly Uint8Array[];
  /** words of the grammar, to be put where they do harm */
  readonly words: readonly Uint8Array[];
  /** Takes one input. Only a coded error may come out, for what is not understood. @throws ParleyError */
  run(input: Uint8Array): void;
}

interface Common {
  readonly name: string;
  readonly covers: readonly Decoder[];
  readonly seeds: readonly (Uint8Array | string)[];
  readonly words?: readonly string[];
  /** octets, where whoever calls it hands over no more */
  readonly longest?: number;
}

export interface Codec<T> extends Common {
  decode(input: Uint8Array): T;
  /** checked to be stable: what was encoded is understood again, and as the same */
  encode?(value: T): Uint8Array;
  /** what its users do with it */
  use?(value: T): void;
}

/** A decoder of octets. */
export function codec<T>({ name, covers, seeds, words = [], longest, decode, encode, use }: Codec<T>): Target {
  return {
    name,
    covers,
    seeds: seeds.map(toOctets),
    words: words.map(toOctets),
    run(whole) {
      const input = longest === undefined ? whole : whole.subarray(0, longest);
      const before = input.slice();
      const value = decode(input);
      use?.(value);
      if (encode !== undefined) {
        const encoded = encode(value);
        const again = decode(encoded);
        if (!isDeepStrictEqual(again, value)) throw new Error('what was encoded is understood as something else');
        if (Buffer.compare(encode(again), encoded) !== 0) throw new Error('encoded again it differs');
      }
      if (Buffer.compare(before, input) !== 0) throw new Error('the input was changed');
    },
  };
}

export interface TextCodec<T> extends Common {
  decode(text: string): T;
  encode?(value: T): string;
  use?(value: T): void;
}

/** A decoder of text; octets that are none become U+FFFD as they do before it in the product. */
export function textCodec<T>({ decode, encode, ...rest }: TextCodec<T>): Target {
  return codec<T>({
    ...rest,
    decode: (input) => decode(fromUtf8(input)),
    ...(encode === undefined ? {} : { encode: (value: T) => utf8(encode(value)) }),
  });
}

export interface Stream extends Common {
  /** what comes out of a stream that is cut like this, and what ended it; checks by itself what is held back */
  feed(pieces: Iterable<Uint8Array>): unknown;
}

/** A framer: the same comes out in one piece, octet by octet and cut at any place. */
export function stream({ name, covers, seeds, words = [], feed }: Stream): Target {
  return {
    name,
    covers,
    seeds: seeds.map(toOctets),
    words: words.map(toOctets),
    run(input) {
      const whole = feed([input]);
      const cuts = [...(input.length <= 2048 ? [1] : []), 1 + (input.length % 61), 1 + (input.length % 1499)];
      for (const size of cuts) {
        if (input.length / size > 20_000) continue;
        if (!isDeepStrictEqual(feed(pieces(input, size)), whole)) throw new Error('cut into pieces it gives something else');
      }
    },
  };
}

export function* pieces(octets: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < octets.length; at += size) yield octets.slice(at, at + size);
}

function toOctets(from: Uint8Array | string): Uint8Array {
  return typeof from === 'string' ? utf8(from) : from;
}
