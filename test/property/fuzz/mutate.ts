import { concatBytes, utf8 } from '../../../shared/base/bytes.ts';
import type { Random } from './random.ts';

/** What breaks grammars of any kind: delimiters, line ends of every sort, numbers at the edges, octets that are no text. */
const NASTY = [
  ...['"', '<', '>', ';', ',', ':', '=', '%', '\\', '@', '/', '*', '&', '(', ')', '[', ']', '{', '}', '-', '--', '.', '?', '#', "'", '!'],
  ...[
    ' ',
    '\t',
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    '\r\n ',
    '\n\n',
    '\0',
    '\x01',
    '\x7f',
    '\u0085',
    '\u2028',
    '\ufeff',
    '\u202e',
    'é',
    '€',
    '😀',
  ],
  ...[
    '0',
    '-1',
    '1',
    '00',
    '255',
    '256',
    '65535',
    '65536',
    '2147483648',
    '4294967296',
    '9007199254740993',
    '99999999999999999999',
    '1e9',
    '0x1',
  ],
  ...['__proto__', 'constructor', 'null', 'NaN', '%00', '%ff', '%zz', '%25', '&amp;', '&#0;', '&x;', '\\u0000', '\\"'],
].map(utf8);
const BROKEN = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80], [0xe2, 0x82]].map((octets) =>
  Uint8Array.from(octets),
);

/** most octets of an input as a rule, of a large one, and of a huge one: as much as the largest message that is taken */
const USUAL = 8192;
const LARGE = 65_536;
const HUGE = 1_048_576;

/**
 * One input: a seed with one to eight changes that know of lines, of the numbers in them and of the words of the grammar; parts of two seeds
 * joined; a few octets of it many times over; or, now and then, nothing but random octets.
 */
export function mutate(seeds: readonly Uint8Array[], words: readonly Uint8Array[], random: Random): Uint8Array {
  if (random.once(40)) return randomOctets(random, random.below(400));
  let octets = random.of(seeds);
  for (let changes = random.once(2) ? 1 : 1 + random.below(random.once(4) ? 8 : 3); changes > 0; changes--)
    octets = change(octets, seeds, words, random);
  const most = random.once(60) ? (random.once(30) ? HUGE : LARGE) : USUAL;
  if (most > USUAL) octets = swollen(octets, words, random, most);
  return octets.length > most ? octets.subarray(0, most) : octets;
}

function change(octets: Uint8Array, seeds: readonly Uint8Array[], words: readonly Uint8Array[], random: Random): Uint8Array {
  const at = random.below(octets.length + 1);
  const short = Math.min(octets.length, at + 1 + random.below(12));
  switch (random.below(12)) {
    case 0:
      return splice(octets, at, at, piece(words, random));
    case 1:
      return splice(octets, at, short, piece(words, random));
    case 2:
      return splice(octets, at, short);
    case 3: {
      const changed = new Uint8Array(octets);
      if (changed.length > 0) changed[at % changed.length] = random.below(256);
      return changed;
    }
    case 4: {
      const changed = new Uint8Array(octets);
      if (changed.length > 0) changed[at % changed.length]! ^= 1 << random.below(8);
      return changed;
    }
    case 5: {
      const [from, to] = line(octets, at);
      return splice(octets, from, to);
    }
    case 6: {
      const [from, to] = line(octets, at);
      return splice(octets, to, to, octets.subarray(from, to));
    }
    case 7: {
      const other = random.of(seeds);
      const [from, to] = line(octets, at);
      const [otherFrom, otherTo] = line(other, random.below(other.length));
      return splice(octets, from, random.once(2) ? to : from, other.subarray(otherFrom, otherTo));
    }
    case 8: {
      const other = random.of(seeds);
      return concatBytes([octets.subarray(0, at), other.subarray(random.below(other.length))]);
    }
    case 9:
      return octets.subarray(0, at);
    case 10: {
      const [from, to] = number(octets, at);
      return splice(octets, from, to, piece(words, random));
    }
    default:
      return splice(octets, at, at, repeated(octets.subarray(at, short), 2 + random.below(40)));
  }
}

/** A short part of it, or a word, over and over up to `most` octets: what takes a reader quadratic time shows itself here. */
function swollen(octets: Uint8Array, words: readonly Uint8Array[], random: Random, most: number): Uint8Array {
  const at = random.below(octets.length + 1);
  const own = octets.subarray(at, at + 1 + random.below(8));
  const unit =
    own.length === 0 || random.once(2) ? concatBytes([piece(words, random), ...(random.once(2) ? [piece(words, random)] : [])]) : own;
  if (unit.length === 0) return octets;
  return splice(octets, at, at, repeated(unit, Math.ceil(random.below(most) / unit.length)));
}

function piece(words: readonly Uint8Array[], random: Random): Uint8Array {
  if (words.length > 0 && random.once(2)) return random.of(words);
  if (random.once(8)) return random.of(BROKEN);
  return random.once(10) ? randomOctets(random, 1 + random.below(6)) : random.of(NASTY);
}

function repeated(unit: Uint8Array, times: number): Uint8Array {
  const whole = new Uint8Array(unit.length * times);
  for (let turn = 0; turn < times; turn++) whole.set(unit, turn * unit.length);
  return whole;
}

function splice(octets: Uint8Array, from: number, to: number, between: Uint8Array = new Uint8Array(0)): Uint8Array {
  return concatBytes([octets.subarray(0, from), between, octets.subarray(to)]);
}

/** the line around an octet, with its end */
function line(octets: Uint8Array, at: number): [from: number, to: number] {
  const from = at === 0 ? 0 : octets.lastIndexOf(0x0a, at - 1) + 1;
  const end = octets.indexOf(0x0a, at);
  return [from, end < 0 ? octets.length : end + 1];
}

/** the digits at or after an octet */
function number(octets: Uint8Array, at: number): [from: number, to: number] {
  const isDigit = (octet: number | undefined): boolean => octet !== undefined && octet >= 0x30 && octet <= 0x39;
  let from = at;
  while (from < octets.length && !isDigit(octets[from])) from++;
  let to = from;
  while (isDigit(octets[to])) to++;
  return [from, to];
}

function randomOctets(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}
