import { read as readFile } from 'node:fs';
import { NO_BYTES } from '../../shared/base/bytes.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { blockPool } from './buffer-pool.ts';
import { asBuffer, HYPHENS } from './octets.ts';
import type { FileSource, OutgoingMessage, StreamSource } from './port.ts';

/** Where a sender takes its chunks from. */
export interface BodySource {
  /** null: not known before the end */
  readonly size: number | null;
  /** whether hyphens as those of an end line may be in what was taken last; absent: not known */
  readonly hasHyphens?: boolean;
  /** the next chunk, at most `size` octets and none only at the end; null: not read yet, `ready` will be called */
  take(size: number): Buffer | null;
  /** the oldest chunk that was taken is not needed any more */
  release(): void;
  /** after the last chunk was taken. @throws what makes the message void */
  finish(): void;
  close(): void;
}

/** @param ready called when there is more after `take` returned null; @param failed called with what makes the message void */
export function openBody(
  source: OutgoingMessage['source'],
  chunkSize: number,
  ready: () => void,
  failed: (error: ParleyError) => void,
): BodySource {
  if (source instanceof Uint8Array) return new MemoryBody(source);
  return 'fd' in source ? new FileBody(source, chunkSize, ready, failed) : new StreamBody(source, ready);
}

class MemoryBody implements BodySource {
  readonly size: number;
  readonly #octets: Buffer;
  #at = 0;

  constructor(octets: Uint8Array) {
    this.#octets = asBuffer(octets);
    this.size = octets.length;
  }

  take(size: number): Buffer {
    const chunk = this.#octets.subarray(this.#at, this.#at + size);
    this.#at += chunk.length;
    return chunk;
  }

  release(): void {}
  finish(): void {}
  close(): void {}
}

class StreamBody implements BodySource {
  readonly #source: StreamSource;

  constructor(source: StreamSource, ready: () => void) {
    this.#source = source;
    source.open(ready);
  }

  get size(): number | null {
    return this.#source.size;
  }

  take(size: number): Buffer | null {
    const octets = this.#source.take(size);
    return octets && asBuffer(octets);
  }

  release(): void {
    this.#source.release();
  }

  finish(): void {}

  close(): void {
    this.#source.close();
  }
}

interface Block {
  readonly buffer: Buffer;
  filled: number;
  taken: number;
  hasHyphens: boolean;
  /** chunks of it on their way to the system */
  lent: number;
}

/** Reads ahead into as many blocks as keep disk and socket busy at once; the memory stays the same for any file. */
const READ_AHEAD = 3;

class FileBody implements BodySource {
  readonly size: number;
  hasHyphens = true;
  readonly #source: FileSource;
  readonly #blockSize: number;
  readonly #ready: () => void;
  readonly #failed: (error: ParleyError) => void;
  readonly #full: Block[] = [];
  /** null: of the prefix */
  readonly #lent: (Block | null)[] = [];
  #prefix: Buffer;
  #blocks = 0;
  #readAt: number;
  #reading = false;
  #closed = false;

  constructor(source: FileSource, chunkSize: number, ready: () => void, failed: (error: ParleyError) => void) {
    this.#source = source;
    this.#prefix = asBuffer(source.prefix ?? NO_BYTES);
    this.size = this.#prefix.length + source.end - source.start;
    this.#blockSize = Math.max(1, Math.floor(blockPool.size / chunkSize)) * chunkSize;
    this.#readAt = source.start;
    this.#ready = ready;
    this.#failed = failed;
  }

  take(size: number): Buffer | null {
    if (this.#prefix.length > 0) {
      const chunk = this.#prefix.subarray(0, size);
      this.#prefix = this.#prefix.subarray(chunk.length);
      this.#lent.push(null);
      this.hasHyphens = true;
      return chunk;
    }
    const block = this.#full[0];
    if (block === undefined) {
      if (this.#source.end === this.#source.start) return Buffer.alloc(0);
      this.#readOn();
      return null;
    }
    const chunk = block.buffer.subarray(block.taken, Math.min(block.filled, block.taken + size));
    block.taken += chunk.length;
    block.lent++;
    this.#lent.push(block);
    this.hasHyphens = block.hasHyphens;
    if (block.taken === block.filled) this.#full.shift();
    return chunk;
  }

  release(): void {
    const block = this.#lent.shift();
    if (block == null) return;
    block.lent--;
    if (block.lent > 0 || block.taken < block.filled) return;
    this.#blocks--;
    blockPool.give(block.buffer);
    this.#readOn();
  }

  finish(): void {
    this.#source.onEnd?.();
  }

  /** Blocks that the system still reads from come back through {@link release}. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const block of this.#full.splice(0)) {
      if (block.lent > 0) block.filled = block.taken;
      else blockPool.give(block.buffer);
    }
  }

  #readOn(): void {
    if (this.#reading || this.#closed || this.#blocks >= READ_AHEAD || this.#readAt >= this.#source.end) return;
    // the first one is everybody's due
    if (this.#blocks > 0 && !blockPool.hasRoom) return;
    this.#reading = true;
    this.#blocks++;
    const buffer = blockPool.take();
    const block: Block = { buffer, filled: 0, taken: 0, hasHyphens: true, lent: 0 };
    this.#fill(block, Math.min(this.#blockSize, this.#source.end - this.#readAt));
  }

  #fill(block: Block, wanted: number): void {
    readFile(this.#source.fd, block.buffer, block.filled, wanted - block.filled, this.#readAt, (error, count) => {
      if (this.#closed || error !== null || count === 0) {
        blockPool.give(block.buffer);
        if (this.#closed) return;
        if (error !== null) this.#failed(new ParleyError('file.unreadable', error.message, { cause: error }));
        else this.#failed(new ParleyError('file.changed', 'the file is shorter than it was'));
      } else {
        block.filled += count;
        this.#readAt += count;
        if (block.filled < wanted) this.#fill(block, wanted);
        else this.#take(block);
      }
    });
  }

  #take(block: Block): void {
    this.#reading = false;
    this.#full.push(block);
    // Reading on before hashing, so that the disk works while this thread does.
    this.#readOn();
    try {
      this.#source.onRead?.(block.buffer.subarray(0, block.filled));
    } catch (thrown) {
      this.#failed(thrown instanceof ParleyError ? thrown : new ParleyError('file.unreadable', String(thrown), { cause: thrown }));
      return;
    }
    // while it is at hand: once a block, not once a chunk
    block.hasHyphens = block.buffer.subarray(0, block.filled).includes(HYPHENS, 0, 'latin1');
    this.#ready();
  }
}
