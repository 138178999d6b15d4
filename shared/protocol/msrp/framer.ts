import { CR, LF, NO_BYTES } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import type { MsrpByteRange } from './byte-range.ts';
import type { MsrpFlag, MsrpFrame, MsrpHead, MsrpHeadLimits, MsrpHeadLine } from './codec.ts';
import { decodeHead, MAX_TRANSACTION_ID, MSRP_HEAD_LIMITS } from './codec.ts';
import { KnownHeads, repeated } from './known-heads.ts';
import { type Octets, plainOctets } from './octets.ts';

export interface MsrpFramerLimits extends MsrpHeadLimits {
  /** octets of start line and header fields */
  readonly maxHead: number;
}

export const MSRP_FRAMER_LIMITS: MsrpFramerLimits = { ...MSRP_HEAD_LIMITS, maxHead: 16_384 };

/** `head`: {@link MsrpFramer.head} is set; `body`: {@link MsrpFramer.body} holds the next octets; `end`: {@link MsrpFramer.flag} is set. */
export type MsrpFrameEvent = 'head' | 'body' | 'end';

const DASH = 0x2d;
const MARK = Uint8Array.from([CR, LF, DASH, DASH, DASH, DASH, DASH, DASH, DASH]);
const START = Uint8Array.from([0x4d, 0x53, 0x52, 0x50, 0x20]);
/** flag, CR, LF */
const AFTER_ID = 3;

/**
 * Takes an octet stream apart into frames, however the stream was cut. The end is found by scanning for the end line, never by
 * Byte-Range (RFC 4975 section 7.3.1). Pulled, not pushed: a caller that must wait for its disk stops in the middle of a read.
 * Body slices are views of the pushed octets; only what may be the start of an end line is kept back, at most 75 octets.
 */
export class MsrpFramer {
  /** that of a frame before it, where the head differs from it in transaction id and Byte-Range only; then `head` is made when asked for */
  repeats: MsrpHead | null = null;
  /** whether it will be known when it comes again */
  isRemembered = false;
  /** of a head that repeats another one */
  transactionId = '';
  /** of a request that repeats another one */
  range: MsrpByteRange | null = null;
  /** whether an empty line followed the header fields */
  hasBody = false;
  /** valid until the next call of {@link next} or {@link push} */
  body: Uint8Array = NO_BYTES;
  flag: MsrpFlag = '$';

  readonly #octets: Octets;
  readonly #limits: MsrpFramerLimits;
  readonly #known = new KnownHeads();
  #head: MsrpHead | null = null;
  #state: 'head' | 'body' | 'ended' = 'head';
  #input: Uint8Array = NO_BYTES;
  #at = 0;
  readonly #seen: MsrpHeadLine[] = [];
  // a head that is not whole yet
  #held: Uint8Array = NO_BYTES;
  #heldLength = 0;
  #scanned = 0;
  #lineAt = 0;
  #idEnd = 0;
  #headEnd = 0;
  // the body's end
  #needle: Uint8Array = NO_BYTES;
  #lookBehind = 0;
  #carry: Uint8Array = NO_BYTES;
  #carryUnpaid = 0;

  constructor(octets: Octets = plainOctets, limits: MsrpFramerLimits = MSRP_FRAMER_LIMITS) {
    this.#octets = octets;
    this.#limits = limits;
  }

  /** of the frame that is being read */
  get head(): MsrpHead | null {
    if (this.#head === null && this.repeats !== null) this.#head = repeated(this.repeats, this.transactionId, this.range);
    return this.#head;
  }

  /** Hands over octets, which must not change until {@link next} returned null. */
  push(octets: Uint8Array): void {
    if (this.#at < this.#input.length) throw new TypeError('pushed before all was read');
    this.#input = octets;
    this.#at = 0;
  }

  /**
   * @returns null when more octets are needed
   * @throws ParleyError `msrp.malformed`, `msrp.too-large`; the stream is of no use after that
   */
  next(): MsrpFrameEvent | null {
    switch (this.#state) {
      case 'head':
        return this.#readHead();
      case 'body':
        return this.#carry.length > 0 ? this.#readJoint() : this.#readBody();
      case 'ended':
        this.#state = 'head';
        return 'end';
    }
  }

  /** Whether the stream may end here: between two frames. */
  get atBoundary(): boolean {
    return this.#state === 'head' && this.#heldLength === 0 && this.#at === this.#input.length;
  }

  /** octets of memory that it keeps beside what was pushed last */
  get held(): number {
    return this.#held.length + this.#carry.length;
  }

  #readHead(): MsrpFrameEvent | null {
    const input = this.#input;
    if (this.#heldLength === 0) {
      while (this.#at < input.length && (input[this.#at] === CR || input[this.#at] === LF)) this.#at++;
      if (this.#at === input.length) return null;
      if (this.#readKnown(input)) return 'head';
      const end = this.#scan(input, this.#at, Math.min(input.length, this.#at + this.#limits.maxHead));
      if (end < 0) {
        if (input.length - this.#at >= this.#limits.maxHead) throw tooLarge(this.#limits);
        if (this.#held.length === 0) this.#held = new Uint8Array(this.#limits.maxHead);
        this.#held.set(input.subarray(this.#at));
        this.#heldLength = input.length - this.#at;
        this.#at = input.length;
        return null;
      }
      this.#lookBehind = 2;
      this.#startFrame(input, this.#at);
      this.#at = end;
      return 'head';
    }
    const room = Math.min(input.length - this.#at, this.#held.length - this.#heldLength);
    if (room === 0) return null;
    this.#held.set(input.subarray(this.#at, this.#at + room), this.#heldLength);
    const end = this.#scan(this.#held, 0, this.#heldLength + room);
    if (end < 0) {
      this.#heldLength += room;
      this.#at += room;
      if (this.#heldLength === this.#held.length) throw tooLarge(this.#limits);
      return null;
    }
    this.#lookBehind = 0;
    this.#startFrame(this.#held, 0);
    if (this.hasBody) {
      this.#carry = MARK.slice(0, 2);
      this.#carryUnpaid = 2;
    }
    this.#at += end - this.#heldLength;
    this.#heldLength = 0;
    return 'head';
  }

  /** @returns the position behind the empty line, or behind the end line of a frame without a body; -1: not there yet */
  #scan(octets: Uint8Array, base: number, end: number): number {
    if (this.#scanned < START.length) {
      for (let at = 0; at < START.length && base + at < end; at++) if (octets[base + at] !== START[at]) throw malformed('no start line');
    }
    let line = base + this.#lineAt;
    for (let at = base + this.#scanned; at < end; at++) {
      if (octets[at] !== LF) continue;
      if (at === line || octets[at - 1] !== CR) throw malformed('bare line feed');
      const lineEnd = at - 1;
      if (line === base) {
        let idEnd = base + START.length;
        while (idEnd < lineEnd && octets[idEnd] !== 0x20) idEnd++;
        if (idEnd - base - START.length > MAX_TRANSACTION_ID) throw malformed('transaction id');
        this.#idEnd = idEnd - base;
      } else if (lineEnd === line) {
        this.#finishScan(line - base, true);
        return at + 1;
      } else if (octets[line] === DASH) {
        if (!this.#isEndLine(octets, base, line, lineEnd)) throw malformed('end line');
        this.#finishScan(line - base, false);
        return at + 1;
      }
      line = at + 1;
    }
    this.#lineAt = line - base;
    this.#scanned = end - base;
    return -1;
  }

  #finishScan(headLength: number, hasBody: boolean): void {
    this.#headEnd = headLength;
    this.hasBody = hasBody;
    this.#lineAt = 0;
    this.#scanned = 0;
  }

  #isEndLine(octets: Uint8Array, base: number, line: number, lineEnd: number): boolean {
    const idLength = this.#idEnd - START.length;
    if (lineEnd - line !== 7 + idLength + 1) return false;
    for (let at = 0; at < 7; at++) if (octets[line + at] !== DASH) return false;
    for (let at = 0; at < idLength; at++) if (octets[line + 7 + at] !== octets[base + START.length + at]) return false;
    const flag = flagOf(octets[lineEnd - 1]);
    if (flag === null) return false;
    this.flag = flag;
    return true;
  }

  /** A head that is there as a whole and was there before. */
  #readKnown(input: Uint8Array): boolean {
    const base = this.#at;
    const known = this.#known.match(input, base);
    if (known === null) return false;
    const { idEnd } = this.#known;
    this.#idEnd = idEnd - base;
    let { end } = this.#known;
    if (!known.hasBody) {
      const lineEnd = end + 7 + this.#idEnd - START.length + 1;
      if (input[lineEnd] !== CR || input[lineEnd + 1] !== LF || !this.#isEndLine(input, base, end, lineEnd)) return false;
      end = lineEnd + 2;
    }
    if (end - base > this.#limits.maxHead) return false;
    this.hasBody = known.hasBody;
    this.#head = null;
    this.repeats = known.head;
    this.isRemembered = true;
    this.transactionId = this.#octets.text(input, base + START.length, idEnd);
    this.range = this.#known.range;
    this.#at = end;
    this.#lookBehind = 2;
    this.#startBody(input, base);
    return true;
  }

  #startFrame(octets: Uint8Array, base: number): void {
    const text = this.#octets.text(octets, base, base + this.#headEnd - 2);
    const head = decodeHead(text, this.#limits, this.#seen);
    this.#head = head;
    this.repeats = null;
    this.isRemembered = this.#known.learn(
      head,
      this.hasBody,
      text,
      octets,
      base,
      base + this.#idEnd,
      base + this.#headEnd + (this.hasBody ? 2 : 0),
    );
    this.#startBody(octets, base);
  }

  #startBody(octets: Uint8Array, base: number): void {
    if (!this.hasBody) {
      this.#state = 'ended';
      return;
    }
    this.#state = 'body';
    const length = MARK.length + this.#idEnd - START.length;
    if (this.#needle.length !== length) {
      this.#needle = new Uint8Array(length);
      this.#needle.set(MARK);
    }
    const needle = this.#needle;
    for (let at = START.length; at < this.#idEnd; at++) needle[MARK.length + at - START.length] = octets[base + at] as number;
  }

  #readBody(): MsrpFrameEvent | null {
    const input = this.#input;
    const from = this.#at - this.#lookBehind;
    if (this.#at === input.length && this.#lookBehind === 0) return null;
    for (let search = from; ; ) {
      const found = this.#octets.find(input, this.#needle, search);
      if (found < 0) break;
      const match = this.#match(input, found, input.length);
      if (match === 'whole') {
        const body = this.#emit(Math.max(found, this.#at));
        this.#at = found + this.#needle.length + AFTER_ID;
        this.#state = 'ended';
        return body ?? this.next();
      }
      if (match === 'part') return this.#keepBack(found);
      search = found + 1;
    }
    // the CR of an end line that this read cut
    for (let at = Math.max(from, input.length - this.#needle.length + 1); at < input.length; at++) {
      if (input[at] === CR && this.#match(input, at, input.length) === 'part') return this.#keepBack(at);
    }
    const body = this.#emit(input.length);
    this.#at = input.length;
    return body;
  }

  /** Body octets up to `end`; null when there are none. */
  #emit(end: number): 'body' | null {
    this.#lookBehind = 0;
    if (end <= this.#at) return null;
    // not `subarray`: a Buffer's would be a Buffer, whose `slice` shows what was pushed
    this.body = new Uint8Array(this.#input.buffer, this.#input.byteOffset + this.#at, end - this.#at);
    return 'body';
  }

  #keepBack(from: number): MsrpFrameEvent | null {
    // A copy by constructor: a Buffer's own `slice` would still show the read buffer.
    this.#carry = new Uint8Array(this.#input.subarray(from));
    this.#carryUnpaid = Math.max(0, this.#at - from);
    const body = this.#emit(from);
    this.#at = this.#input.length;
    return body;
  }

  /**
   * Octets that may begin an end line, joined with as many new ones as decide it. The CRLF of the empty line takes part without being
   * payload (`#carryUnpaid`): some peers end a body of no octets with the end line right behind the empty line.
   */
  #readJoint(): MsrpFrameEvent | null {
    const whole = this.#needle.length + AFTER_ID;
    const carried = this.#carry.length;
    const fresh = this.#input.subarray(this.#at, this.#at + whole);
    if (fresh.length === 0) return null;
    const joint = new Uint8Array(carried + fresh.length);
    joint.set(this.#carry);
    joint.set(fresh, carried);
    const unpaid = this.#carryUnpaid;
    for (let at = 0; at < carried; at++) {
      if (joint[at] !== CR) continue;
      const match = this.#match(joint, at, joint.length);
      if (match === 'none') continue;
      if (match === 'whole') {
        this.#carry = NO_BYTES;
        this.#at += at + whole - carried;
        this.#state = 'ended';
      } else {
        this.#carry = joint.slice(at);
        this.#carryUnpaid = Math.max(0, unpaid - at);
        this.#at += fresh.length;
      }
      if (at > unpaid) {
        this.body = joint.subarray(unpaid, at);
        return 'body';
      }
      return this.next();
    }
    this.#carry = NO_BYTES;
    if (carried > unpaid) {
      this.body = joint.subarray(unpaid, carried);
      return 'body';
    }
    return this.next();
  }

  /** Whether an end line begins at `at`; `part`: as far as the octets go. */
  #match(octets: Uint8Array, at: number, end: number): 'whole' | 'part' | 'none' {
    const needle = this.#needle;
    const length = Math.min(needle.length, end - at);
    for (let i = 0; i < length; i++) if (octets[at + i] !== needle[i]) return 'none';
    const tail = at + needle.length;
    if (tail >= end) return 'part';
    const flag = flagOf(octets[tail]);
    if (flag === null || (tail + 1 < end && octets[tail + 1] !== CR) || (tail + 2 < end && octets[tail + 2] !== LF)) return 'none';
    if (tail + AFTER_ID > end) return 'part';
    this.flag = flag;
    return 'whole';
  }
}

/**
 * Exactly one frame.
 * @throws ParleyError `msrp.malformed` (also: octets are missing or left over), `msrp.too-large`
 */
export function decodeFrame(octets: Uint8Array, limits?: MsrpFramerLimits): MsrpFrame {
  const framer = new MsrpFramer(plainOctets, limits);
  framer.push(octets);
  let body: Uint8Array | null = null;
  if (framer.next() !== 'head') throw malformed('cut off in the head');
  const head = framer.head as MsrpHead;
  if (framer.hasBody) body = NO_BYTES;
  let event = framer.next();
  if (event === 'body') {
    body = framer.body;
    event = framer.next();
  }
  if (event !== 'end') throw malformed('no end line');
  if (!framer.atBoundary) throw malformed('octets behind the end line');
  return { head, body, flag: framer.flag };
}

function flagOf(octet: number | undefined): MsrpFlag | null {
  if (octet === 0x24) return '$';
  if (octet === 0x2b) return '+';
  return octet === 0x23 ? '#' : null;
}

function malformed(what: string): ParleyError {
  return new ParleyError('msrp.malformed', what);
}

function tooLarge(limits: MsrpFramerLimits): ParleyError {
  return new ParleyError('msrp.too-large', `head of more than ${limits.maxHead} octets`);
}
