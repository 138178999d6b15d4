import { formatByteRange, isRange, type MsrpByteRange } from './byte-range.ts';
import type { MsrpHead } from './codec.ts';
import { isIdent, MAX_TRANSACTION_ID } from './codec.ts';
import { byteRangeOf } from './headers.ts';

/** as many messages and answers to them as usually take turns on one connection */
const REMEMBERED = 6;
const MAX_DIGITS = 15;
const START = Uint8Array.from([0x4d, 0x53, 0x52, 0x50, 0x20]);
const ZERO = 0x30;
const DASH = 0x2d;
const STAR = 0x2a;
const IDENT_OCTETS = Uint8Array.from({ length: 256 }, (_, octet) =>
  isIdent(String.fromCharCode(octet).repeat(MAX_TRANSACTION_ID)) ? 1 : 0,
);
/** as everybody writes it; others are read anew each time */
const RANGE = /\r\nByte-Range: [1-9][0-9]{0,14}-(?:[1-9][0-9]{0,14}|\*)(?=\/)/;

/** A head as it came, without what differs from chunk to chunk. */
interface KnownHead {
  readonly head: MsrpHead;
  readonly hasBody: boolean;
  /** from behind the transaction id to the last field, with the empty line if there was one; without the two positions of Byte-Range */
  readonly octets: Uint8Array;
  /** where in `octets` those two belong; -1: it has no Byte-Range */
  readonly rangeAt: number;
  readonly total: number | null;
}

/**
 * The heads of a stream that will come again, so that the next one which differs in transaction id and Byte-Range only is compared and not
 * read: of a long message in small chunks the head is what costs.
 */
export class KnownHeads {
  // of the last match
  idEnd = 0;
  end = 0;
  range: MsrpByteRange | null = null;

  readonly #known: KnownHead[] = [];
  #at = 0;

  /** @returns whether it is one of them now. @param text the head without its last CRLF; @param from of `octets`: behind the transaction id; @param to behind the empty line, or before the end line */
  learn(head: MsrpHead, hasBody: boolean, text: string, octets: Uint8Array, base: number, from: number, to: number): boolean {
    const isAscii = text.length === to - base - (hasBody ? 4 : 2);
    if (!isAscii || !comesAgain(head)) return false;
    const isRanged = head.kind === 'request';
    const range = isRanged ? RANGE.exec(text) : null;
    if (isRanged && range === null) return false;
    const positionsEnd = range === null ? from : base + range.index + range[0].length;
    const positionsAt = range === null ? from : base + range.index + range[0].indexOf(': ') + 2;
    const total = range === null ? null : (byteRangeOf(head)?.total ?? null);
    const whole = new Uint8Array(to - from - (positionsEnd - positionsAt));
    whole.set(octets.subarray(from, positionsAt));
    whole.set(octets.subarray(positionsEnd, to), positionsAt - from);
    const rangeAt = range === null ? -1 : positionsAt - from;
    // one that a read had cut was read anew
    const again = this.#known.findIndex(
      (known) => known.rangeAt === rangeAt && known.octets.length === whole.length && same(known.octets, 0, whole, 0, whole.length),
    );
    if (again >= 0) this.#known.splice(again, 1);
    this.#known.unshift({ head, hasBody, octets: whole, rangeAt, total });
    if (this.#known.length > REMEMBERED) this.#known.pop();
    return true;
  }

  /** @returns the head that stands at `base` of `octets`, whole; then `idEnd` and `end` (positions) and `range` say what is its own */
  match(octets: Uint8Array, base: number): KnownHead | null {
    const known = this.#known;
    if (known.length === 0) return null;
    for (let at = 0; at < START.length; at++) if (octets[base + at] !== START[at]) return null;
    let at = base + START.length;
    while (at < octets.length && IDENT_OCTETS[octets[at] as number] === 1) at++;
    const idLength = at - base - START.length;
    if (idLength < 3 || idLength > MAX_TRANSACTION_ID) return null;
    for (let n = 0; n < known.length; n++) {
      const candidate = known[n] as KnownHead;
      if (!this.#isAt(candidate, octets, at)) continue;
      if (n > 0) {
        known.splice(n, 1);
        known.unshift(candidate);
      }
      this.idEnd = at;
      return candidate;
    }
    return null;
  }

  #isAt({ octets: known, rangeAt, total }: KnownHead, octets: Uint8Array, from: number): boolean {
    const before = rangeAt < 0 ? known.length : rangeAt;
    if (!same(known, 0, octets, from, before)) return false;
    this.end = from + before;
    this.range = null;
    if (rangeAt < 0) return true;
    this.#at = from + before;
    const start = this.#number(octets);
    if (start < 0 || octets[this.#at++] !== DASH) return false;
    const isOpen = octets[this.#at] === STAR;
    if (isOpen) this.#at++;
    const end = isOpen ? null : this.#number(octets);
    if (end !== null && end < 0) return false;
    const rest = known.length - rangeAt;
    if (!same(known, rangeAt, octets, this.#at, rest)) return false;
    if (!isRange(start, end, total)) return false;
    this.end = this.#at + rest;
    this.range = { start, end, total };
    return true;
  }

  /** @returns -1: none, or not in its shortest form */
  #number(octets: Uint8Array): number {
    const from = this.#at;
    let value = 0;
    for (; this.#at < from + MAX_DIGITS; this.#at++) {
      const digit = (octets[this.#at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    return this.#at === from || octets[from] === ZERO ? -1 : value;
  }
}

/** The head with that id and range in place of those of `known`. */
export function repeated(known: MsrpHead, transactionId: string, range: MsrpByteRange | null): MsrpHead {
  if (range === null) return { ...known, transactionId };
  const value = formatByteRange(range);
  return {
    ...known,
    transactionId,
    headers: known.headers.map((header) => (header.name === 'Byte-Range' ? { name: header.name, value } : header)),
  };
}

/** Answers that all went well, and chunks with others behind them. */
function comesAgain(head: MsrpHead): boolean {
  if (head.kind === 'response') return head.status === 200 && rangesOf(head) === 0;
  if (head.method !== 'SEND') return false;
  try {
    const range = byteRangeOf(head);
    const isWhole = range === null || (range.end !== null && range.total !== null && range.end >= range.total);
    return !isWhole && rangesOf(head) === 1;
  } catch {
    return false;
  }
}

function rangesOf(head: MsrpHead): number {
  return head.headers.filter(({ name }) => name.toLowerCase() === 'byte-range').length;
}

function same(a: Uint8Array, fromA: number, b: Uint8Array, fromB: number, length: number): boolean {
  if (b.length - fromB < length) return false;
  for (let at = 0; at < length; at++) if (a[fromA + at] !== b[fromB + at]) return false;
  return true;
}
