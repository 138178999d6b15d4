import { ParleyError } from '../../base/errors.ts';

/** `from` ≤ `to`; `*` is what `last` was when the set was read (RFC 3501 section 9, seq-set). */
export interface SequenceRange {
  readonly from: number;
  readonly to: number;
}

const MAX_RANGES = 5000;
const LARGEST = 4_294_967_295;

/** @param last what `*` stands for. @throws ParleyError `imap.malformed`, `imap.too-large` */
export function decodeSequenceSet(text: string, last: number): SequenceRange[] {
  const pieces = text.split(',', MAX_RANGES + 1);
  if (pieces.length > MAX_RANGES) throw new ParleyError('imap.too-large', `more than ${MAX_RANGES} ranges`);
  return pieces.map((piece) => {
    const match = /^(\*|[1-9]\d{0,9})(?::(\*|[1-9]\d{0,9}))?$/.exec(piece);
    if (match === null) throw new ParleyError('imap.malformed', `sequence set ${JSON.stringify(text.slice(0, 40))}`);
    const [one, other] = [numberOf(match[1], last), numberOf(match[2] ?? match[1], last)];
    return { from: Math.min(one, other), to: Math.max(one, other) };
  });
}

export function isInSet(ranges: readonly SequenceRange[], number: number): boolean {
  return ranges.some(({ from, to }) => number >= from && number <= to);
}

/** Ascending numbers as a set: `1:3,7`. */
export function encodeSequenceSet(numbers: readonly number[]): string {
  const pieces: string[] = [];
  for (let at = 0; at < numbers.length; ) {
    const first = numbers[at] as number;
    let last = first;
    while (++at < numbers.length && numbers[at] === last + 1) last++;
    pieces.push(first === last ? String(first) : `${first}:${last}`);
  }
  return pieces.join(',');
}

function numberOf(text: string | undefined, last: number): number {
  const number = text === '*' ? last : Number(text);
  if (number > LARGEST) throw new ParleyError('imap.malformed', 'a number above 32 bits');
  return number;
}
