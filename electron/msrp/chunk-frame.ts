import { formatByteRange } from '../../shared/protocol/msrp/byte-range.ts';
import type { MsrpFlag } from '../../shared/protocol/msrp/codec.ts';

const START = 'MSRP ';
const HYPHENS = '\r\n-------';
const ZERO = 0x30;
const NOTHING = Buffer.alloc(0);
const HALF_DIGITS = 9;
const HALF = 1e9;

/**
 * What stands around the bodies of one message: the same but for transaction id, range and flag, so it is made once and changed where it
 * differs. What it gives is valid until it is asked again.
 */
export class ChunkFrame {
  readonly #beforeRange: string;
  readonly #afterRange: string;
  #head: Buffer = NOTHING;
  #tail: Buffer = NOTHING;
  /** lengths of what is in the head now */
  #id = 0;
  #start = 0;
  #end = 0;
  #total: number | null = null;
  #rangeAt = 0;

  /** @param beforeRange from behind the transaction id, @param afterRange from behind Byte-Range to the end of the empty line */
  constructor(beforeRange: string, afterRange: string) {
    this.#beforeRange = beforeRange;
    this.#afterRange = afterRange;
  }

  /** @param start, @param end and @param total as in Byte-Range (RFC 4975 section 7.1.1): from 1, both included, null for `*` */
  head(id: string, start: number, end: number | null, total: number | null): Buffer {
    const startLength = digitsOf(start);
    const endLength = end === null ? 0 : digitsOf(end);
    if (id.length !== this.#id || startLength !== this.#start || endLength !== this.#end || total !== this.#total) {
      this.#id = id.length;
      this.#start = startLength;
      this.#end = endLength;
      this.#total = total;
      this.#rangeAt = START.length + id.length + Buffer.byteLength(this.#beforeRange);
      this.#head = Buffer.from(this.headText(id, start, end, total));
      this.#tail = Buffer.from(`${HYPHENS}${id}+\r\n`);
      return this.#head;
    }
    const head = this.#head;
    for (let at = 0; at < id.length; at++) head[START.length + at] = id.charCodeAt(at);
    writeDigits(head, this.#rangeAt + startLength, start);
    if (end !== null) writeDigits(head, this.#rangeAt + startLength + 1 + endLength, end);
    return head;
  }

  /** The same of a message that is one chunk. */
  headText(id: string, start: number, end: number | null, total: number | null): string {
    return `${START}${id}${this.#beforeRange}${formatByteRange({ start, end, total })}${this.#afterRange}`;
  }

  /** The end line of the chunk whose head was asked for last. */
  tail(id: string, flag: MsrpFlag): Buffer {
    const tail = this.#tail;
    let at = HYPHENS.length;
    for (let n = 0; n < id.length; n++) tail[at++] = id.charCodeAt(n);
    tail[at] = flag.charCodeAt(0);
    return tail;
  }
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  return digits;
}

/** @param end behind the last digit */
function writeDigits(into: Buffer, end: number, value: number): void {
  const high = value < HALF ? 0 : Math.floor(value / HALF);
  let at = end;
  // whole numbers of 32 bits are quick to take apart
  let rest = (value - high * HALF) | 0;
  do {
    const shorter = (rest / 10) | 0;
    into[--at] = ZERO + rest - shorter * 10;
    rest = shorter;
  } while (rest > 0 || (high > 0 && at > end - HALF_DIGITS));
  if (high > 0) writeDigits(into, at, high);
}
