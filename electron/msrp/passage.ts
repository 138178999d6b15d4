import type { CodedError } from '../../shared/base/errors.ts';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { stagingPool } from './buffer-pool.ts';
import type { IncomingHead, MessageSink, MsrpSession, OutgoingMessage, Passage, StreamSource } from './port.ts';

export interface PassageOptions {
  /** octets it may hold; at least 128 KiB */
  readonly capacity?: number;
  readonly chunkSize?: number | undefined;
  readonly onProgress?: ((acknowledged: number) => void) | undefined;
  /** gives the message up on both sides: `#` to the receiver, 413 to the sender */
  readonly signal?: AbortSignal | undefined;
}

const CAPACITY = 524_288;

/** See {@link Passage}. @param head what came in, as `onMessage` got it */
export function createPassage(head: IncomingHead, options: PassageOptions = {}): Passage {
  return new MessagePassage(head, options);
}

interface Block {
  readonly buffer: Buffer;
  filled: number;
  taken: number;
  /** parts of it on their way to the system */
  lent: number;
}

class MessagePassage implements Passage, MessageSink, StreamSource {
  readonly sink = this;
  readonly #message: OutgoingMessage;
  readonly #total: number | null;
  readonly #maxBlocks: number;
  readonly #abort = new AbortController();
  /** oldest first; only the last one may still be filled */
  readonly #blocks: Block[] = [];
  readonly #lent: Block[] = [];
  #inUse = 0;
  #received = 0;
  #given = 0;
  #ended = false;
  #closed = false;
  #sent = false;
  #ready: (() => void) | null = null;
  #wake: (() => void) | null = null;
  /** how the message ended where it went; undefined: not yet */
  #outcome: CodedError | null | undefined;
  #settled: (() => void) | null = null;

  constructor(head: IncomingHead, { capacity, chunkSize, onProgress, signal }: PassageOptions) {
    this.#total = head.total;
    this.#maxBlocks = Math.max(2, Math.floor((capacity ?? CAPACITY) / stagingPool.size));
    const { messageId, contentType, headers, successReport, failureReport } = head;
    const sending = { source: this, chunkSize, onProgress, signal: this.#abort.signal };
    this.#message = { messageId, contentType, headers, successReport, failureReport, ...sending };
    const giveUp = (): void => this.#giveUp({ code: 'file.cancelled', detail: 'given up on the way' });
    if (signal?.aborted === true) giveUp();
    else signal?.addEventListener('abort', giveUp, { once: true, signal: this.#abort.signal });
  }

  get size(): number | null {
    return this.#ended ? this.#received : this.#total;
  }

  sendOn(session: Pick<MsrpSession, 'send'>): Promise<void> {
    if (this.#sent) return Promise.reject(new ParleyError('request.invalid-state', 'sent on twice'));
    this.#sent = true;
    const sending = session.send(this.#message);
    sending.then(
      () => this.#settle(null),
      (thrown: unknown) => this.#settle(toCodedError(thrown, 'msrp.lost')),
    );
    return sending;
  }

  write(offset: number, octets: Uint8Array): void | Promise<void> {
    this.#assertUsable();
    if (offset > this.#received) throw new ParleyError('msrp.stopped', 'octets out of order');
    const fresh = octets.subarray(Math.min(octets.length, this.#received - offset));
    const copied = this.#copy(fresh);
    return copied === fresh.length ? undefined : this.#copyRest(fresh.subarray(copied));
  }

  async complete(size: number): Promise<void> {
    this.#assertUsable();
    if (size !== this.#received) throw new ParleyError('file.size-mismatch', `${this.#received} octets instead of ${size}`);
    this.#ended = true;
    this.#ready?.();
    if (this.#outcome === undefined) await new Promise<void>((resolve) => (this.#settled = resolve));
    this.#assertUsable();
  }

  abort(error: CodedError): void {
    this.#giveUp(error);
  }

  open(ready: () => void): void {
    this.#ready = ready;
  }

  take(limit: number): Buffer | null {
    const available = this.#received - this.#given;
    // until the end is known it is not sure that these are not the last octets
    const mayEnd = !this.#ended && (this.#total === null || this.#received >= this.#total);
    const free = mayEnd ? available - 1 : available;
    if (free <= 0) return this.#ended && available === 0 ? Buffer.alloc(0) : null;
    const block = this.#blocks[0] as Block;
    const part = block.buffer.subarray(block.taken, Math.min(block.filled, block.taken + Math.min(limit, free)));
    block.taken += part.length;
    block.lent++;
    this.#given += part.length;
    this.#lent.push(block);
    if (block.taken === block.buffer.length) this.#blocks.shift();
    return part;
  }

  release(): void {
    const block = this.#lent.shift();
    if (block === undefined) return;
    block.lent--;
    if (block.lent > 0 || (block.taken < block.buffer.length && !this.#closed)) return;
    this.#giveBack(block);
    this.#wake?.();
  }

  /** Blocks that the system still reads from come back through {@link release}. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const block of this.#blocks.splice(0)) if (block.lent === 0) this.#giveBack(block);
  }

  #giveBack(block: Block): void {
    this.#inUse--;
    stagingPool.give(block.buffer);
  }

  /** @returns how many octets found room */
  #copy(octets: Uint8Array): number {
    let copied = 0;
    while (copied < octets.length) {
      let block = this.#blocks.at(-1);
      if (block === undefined || block.filled === block.buffer.length) {
        if (this.#inUse >= this.#maxBlocks) break;
        this.#inUse++;
        block = { buffer: stagingPool.take(), filled: 0, taken: 0, lent: 0 };
        this.#blocks.push(block);
      }
      const part = octets.subarray(copied, copied + block.buffer.length - block.filled);
      block.buffer.set(part, block.filled);
      block.filled += part.length;
      copied += part.length;
    }
    this.#received += copied;
    if (copied > 0) this.#ready?.();
    return copied;
  }

  async #copyRest(octets: Uint8Array): Promise<void> {
    for (let copied = 0; copied < octets.length; ) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = null;
      this.#assertUsable();
      copied += this.#copy(octets.subarray(copied));
    }
  }

  #giveUp(error: CodedError): void {
    if (this.#outcome !== undefined) return;
    this.#settle(error);
    if (!this.#sent) this.close();
  }

  #settle(outcome: CodedError | null): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#wake?.();
    this.#settled?.();
    this.#abort.abort(outcome === null ? undefined : new ParleyError(outcome.code, outcome.detail));
  }

  #assertUsable(): void {
    const error = this.#outcome;
    if (error) throw new ParleyError(error.code, error.detail);
    if (error === null && !this.#ended) throw new ParleyError('msrp.stopped', 'it ended before its last octet');
  }
}
