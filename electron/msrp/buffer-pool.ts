/** Buffers of one size that are used again and again, so that a transfer of any length lives on a handful of them. */
export class BufferPool {
  readonly size: number;
  readonly #free: Buffer[] = [];
  readonly #keep: number;

  /** @param keep free buffers beyond this many go back to the system */
  constructor(size: number, keep: number) {
    this.size = size;
    this.#keep = keep;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.size);
  }

  give(buffer: Buffer): void {
    if (buffer.length === this.size && this.#free.length < this.#keep) this.#free.push(buffer);
  }
}

/** What files are read into and written from: half of what a processor keeps near, so that it is hashed and written from there. */
export const blockPool = new BufferPool(524_288, 16);
/** What heads and small bodies are gathered in. */
export const stagingPool = new BufferPool(65_536, 8);
