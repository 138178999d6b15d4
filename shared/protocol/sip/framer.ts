import { LF } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { SIP_LIMITS, type SipLimits } from './limits.ts';
import { isToken, malformed } from './text.ts';

/** A whole message in octets of its own, or a keep-alive between messages (RFC 5626 section 3.5.1: CRLFCRLF asks, CRLF answers). */
export type SipFrame = { readonly kind: 'message'; readonly octets: Uint8Array } | { readonly kind: 'ping' } | { readonly kind: 'pong' };

const CR = 0x0d;
/** a larger buffer is given back when it has run empty */
const KEPT_OCTETS = 65_536;
const PING: SipFrame = { kind: 'ping' };
const PONG: SipFrame = { kind: 'pong' };

/**
 * Cuts a byte stream into messages by Content-Length (RFC 3261 section 18.3), each octet looked at once however the stream is split.
 *
 *     between --(an octet that is not CRLF)--> head --(empty line)--> body --(Content-Length octets)--> between
 *
 * A lone CRLF at the end of a push is reported as a pong at once; when its other half comes in a later push, a ping follows.
 * A stream that cannot be followed any more stays so: `failure` says why, and every further push throws it.
 */
export class SipFramer {
  readonly #limits: SipLimits;
  /** octets not yet delivered are #buffer[#start..#end) */
  #buffer = new Uint8Array(0);
  #start = 0;
  #end = 0;
  /** where the search for the next LF goes on, and where the line it belongs to starts */
  #scan = 0;
  #lineStart = 0;
  #inLength = false;
  #lengthText: string | null = null;
  /** total octets of the message once its head is complete */
  #messageEnd = -1;
  #halfPing = false;
  #failure: ParleyError | null = null;

  constructor(limits: Partial<SipLimits> = {}) {
    this.#limits = { ...SIP_LIMITS, ...limits };
  }

  /** @throws ParleyError `sip.malformed` or `sip.too-large` when the stream cannot be followed any more */
  push(octets: Uint8Array): SipFrame[] {
    if (this.#failure !== null) throw this.#failure;
    this.#append(octets);
    const frames: SipFrame[] = [];
    try {
      while (this.#start < this.#end) {
        if (this.#messageEnd < 0 && this.#lineStart === this.#start && this.#scan === this.#start && !this.#between(frames)) break;
        if (this.#messageEnd < 0 && !this.#head()) break;
        if (this.#messageEnd > this.#end) break;
        frames.push({ kind: 'message', octets: this.#buffer.slice(this.#start, this.#messageEnd) });
        this.#restart(this.#messageEnd);
      }
    } catch (thrown) {
      this.#failure = thrown as ParleyError;
      if (frames.length === 0) throw thrown;
    }
    if (this.#start === this.#end) {
      this.#end = 0;
      this.#restart(0);
      if (this.#buffer.length > KEPT_OCTETS) this.#buffer = new Uint8Array(0);
    }
    return frames;
  }

  /** What ended the stream; set already when the last push still returned the frames before it. */
  get failure(): ParleyError | null {
    return this.#failure;
  }

  /** octets of memory that it keeps, whatever is in them */
  get held(): number {
    return this.#buffer.length;
  }

  /** True when a message has begun and is not complete: a connection that closes now cut it off. */
  get isInsideMessage(): boolean {
    return this.#start < this.#end;
  }

  /** @returns true when a message starts at #start */
  #between(frames: SipFrame[]): boolean {
    while (this.#start < this.#end) {
      const first = this.#buffer[this.#start];
      if (first !== CR) {
        this.#halfPing = false;
        if (!isTokenOctet(first ?? 0)) throw malformed('a message does not start with a token');
        this.#restart(this.#start);
        return true;
      }
      if (this.#end - this.#start < 2) break;
      if (this.#buffer[this.#start + 1] !== LF) throw malformed('CR without LF between messages');
      if (this.#halfPing) {
        this.#halfPing = false;
        frames.push(PING);
        this.#restart(this.#start + 2);
      } else if (this.#end - this.#start >= 4 && this.#buffer[this.#start + 2] === CR && this.#buffer[this.#start + 3] === LF) {
        frames.push(PING);
        this.#restart(this.#start + 4);
      } else {
        frames.push(PONG);
        this.#restart(this.#start + 2);
        this.#halfPing = true;
      }
    }
    return false;
  }

  /** Goes on with the lines of the head. @returns true when it is complete, with #messageEnd set */
  #head(): boolean {
    for (;;) {
      const lf = this.#indexOfLf(this.#scan);
      if ((lf < 0 ? this.#end : lf + 1) - this.#start > this.#limits.headerOctets) {
        throw new ParleyError('sip.too-large', `headers of more than ${this.#limits.headerOctets} octets`);
      }
      if (lf < 0) {
        this.#scan = this.#end;
        return false;
      }
      if (lf === this.#start || this.#buffer[lf - 1] !== CR) throw malformed('a line does not end with CRLF');
      const isEmpty = lf - 1 === this.#lineStart;
      if (isEmpty) this.#headComplete(lf + 1);
      else this.#line(this.#lineStart, lf - 1);
      this.#scan = this.#lineStart = lf + 1;
      if (isEmpty) return true;
    }
  }

  #line(from: number, to: number): void {
    if (from === this.#start) {
      if (!isStartLine(ascii(this.#buffer, from, Math.min(to, from + 4)), ascii(this.#buffer, Math.max(from, to - 12), to))) {
        throw malformed('the first line is not one of SIP');
      }
      return;
    }
    const first = this.#buffer[from];
    if (first === 0x20 || first === 0x09) {
      if (this.#inLength) this.#lengthText += ascii(this.#buffer, from, to);
      return;
    }
    this.#inLength = false;
    // only c(ontent-length) and l can be meant: nearly every line ends here
    if (first !== 0x43 && first !== 0x63 && first !== 0x4c && first !== 0x6c) return;
    const found = /^(?:content-length|l)[ \t]*:(.*)$/i.exec(ascii(this.#buffer, from, to));
    if (found === null) return;
    if (this.#lengthText !== null) throw malformed('more than one Content-Length');
    this.#inLength = true;
    this.#lengthText = found[1] ?? '';
  }

  #headComplete(bodyStart: number): void {
    if (this.#lengthText === null) throw malformed('a message on a stream has no Content-Length');
    const text = this.#lengthText.trim();
    if (!/^[0-9]{1,10}$/.test(text)) throw malformed('Content-Length is not a number');
    const length = Number(text);
    if (length > this.#limits.bodyOctets) throw new ParleyError('sip.too-large', `body of ${length} octets`);
    this.#messageEnd = bodyStart + length;
  }

  #restart(at: number): void {
    this.#start = this.#scan = this.#lineStart = at;
    this.#messageEnd = -1;
    this.#inLength = false;
    this.#lengthText = null;
  }

  #indexOfLf(from: number): number {
    return this.#buffer.subarray(0, this.#end).indexOf(LF, from);
  }

  /** The buffer doubles when it must grow and moves its rest to the front otherwise, so appending costs each octet a constant. */
  #append(octets: Uint8Array): void {
    const needed = this.#end - this.#start + octets.length;
    if (this.#end + octets.length > this.#buffer.length) {
      const target = needed * 2 > this.#buffer.length ? new Uint8Array(Math.max(4096, needed * 2)) : this.#buffer;
      target.set(this.#buffer.subarray(this.#start, this.#end));
      const shift = this.#start;
      this.#buffer = target;
      this.#end -= shift;
      this.#scan -= shift;
      this.#lineStart -= shift;
      if (this.#messageEnd >= 0) this.#messageEnd -= shift;
      this.#start = 0;
    }
    this.#buffer.set(octets, this.#end);
    this.#end += octets.length;
  }
}

function ascii(octets: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at++) text += String.fromCharCode(octets[at] ?? 0);
  return text;
}

/** Any version is let through, so that the codec can say what is wrong with it. */
function isStartLine(start: string, end: string): boolean {
  return /^sip\/$/i.test(start) || / sip\/[0-9]+\.[0-9]+ *$/i.test(end);
}

function isTokenOctet(octet: number): boolean {
  return isToken(String.fromCharCode(octet));
}
