import { concatBytes, NO_BYTES } from '../../../shared/base/bytes.ts';
import { type CodedError, ParleyError } from '../../../shared/base/errors.ts';
import { contentHeader, decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import type { MessageSink } from '../../msrp/port.ts';

/** octets of both header blocks; more is nothing that a client writes */
const LONGEST_HEADERS = 16_384;

const NEW_LINE = 10;
const RETURN = 13;

/**
 * Passes on what is inside of a `message/cpim` as if it had come by itself (cpm.md section 10.2): offsets of the message become offsets of the
 * file. The headers have to come first, which all senders do; a chunk that runs ahead of them is refused.
 */
export class CpimPayload implements MessageSink {
  readonly #inner: MessageSink;
  #headers: Uint8Array = NO_BYTES;
  /** where the file begins in the message; null as long as the headers are not all there */
  #begin: number | null = null;

  constructor(inner: MessageSink) {
    this.#inner = inner;
  }

  write(offset: number, octets: Uint8Array): void | Promise<void> {
    if (this.#begin !== null) return this.#pass(offset, octets, this.#begin);
    const have = this.#headers.length;
    if (offset > have) throw new ParleyError('peer.malformed', 'octets ahead of the headers of their message/cpim');
    const fresh = octets.subarray(Math.min(have - offset, octets.length));
    const headers = concatBytes([this.#headers, fresh.subarray(0, LONGEST_HEADERS - have)]);
    const begin = endOfHeaders(headers);
    if (begin === null) {
      if (headers.length === LONGEST_HEADERS) throw new ParleyError('peer.malformed', 'no end of the headers of a message/cpim');
      this.#headers = headers;
      return;
    }
    checkEncoding(headers.subarray(0, begin));
    this.#begin = begin;
    this.#headers = NO_BYTES;
    return this.#pass(offset, octets, begin);
  }

  answerable(): Promise<void> | null {
    return this.#inner.answerable?.() ?? null;
  }

  async complete(size: number): Promise<void> {
    if (this.#begin === null) {
      const error = new ParleyError('peer.malformed', 'a message/cpim that ends within its headers');
      this.#inner.abort(error);
      throw error;
    }
    await this.#inner.complete(size - this.#begin);
  }

  abort(error: CodedError): void {
    this.#inner.abort(error);
  }

  #pass(offset: number, octets: Uint8Array, begin: number): void | Promise<void> {
    const skipped = Math.max(0, begin - offset);
    if (skipped >= octets.length) return;
    return this.#inner.write(offset + skipped - begin, skipped === 0 ? octets : octets.subarray(skipped));
  }
}

/** Behind the empty line of the second block, the MIME headers; null when that has not come. */
function endOfHeaders(octets: Uint8Array): number | null {
  let blocks = 0;
  let lineStart = 0;
  for (let at = octets.indexOf(NEW_LINE); at >= 0; at = octets.indexOf(NEW_LINE, lineStart)) {
    const isEmpty = at === lineStart || (at === lineStart + 1 && octets[lineStart] === RETURN);
    lineStart = at + 1;
    if (isEmpty && ++blocks === 2) return lineStart;
  }
  return null;
}

/** @throws ParleyError `cpim.malformed`, `peer.unsupported` for octets that are not there as they are */
function checkEncoding(headers: Uint8Array): void {
  const encoding = contentHeader(decodeCpim(headers), 'Content-Transfer-Encoding') ?? 'binary';
  if (!/^\s*(?:binary|8bit|7bit)\s*$/i.test(encoding)) throw new ParleyError('peer.unsupported', `a file in ${encoding.slice(0, 40)}`);
}
