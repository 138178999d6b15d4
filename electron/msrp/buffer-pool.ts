/** Buffers of one size that are used again and again, so that transfers of any length and number live on a handful of them. */
export class BufferPool {
  readonly size: number;
  readonly #free: Buffer[] = [];
  readonly #keep: number;
  readonly #keepIdle: number;
  #lent = 0;

  /**
   * @param keep as many should be in use at once; free ones beyond it go back to the system, and free ones beyond `keepIdle` when none is in
   * use any more
   */
  constructor(size: number, keep: number, keepIdle = keep) {
    this.size = size;
    this.#keep = keep;
    this.#keepIdle = keepIdle;
  }

  /** Whether there is one for who has one already. */
  get hasRoom(): boolean {
    return this.#lent < this.#keep;
  }

  take(): Buffer {
    this.#lent++;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.size);
  }

  give(buffer: Buffer): void {
    this.#lent--;
    if (this.#free.length < this.#keep) this.#free.push(buffer);
    if (this.#lent === 0) this.#free.splice(this.#keepIdle);
  }
}

/**
 * What files are read into and written from: half of what a processor keeps near, so that it is hashed and written from there. However many
 * files are on their way, they share 12 MiB; each of them has at least one.
 */
export const blockPool = new BufferPool(524_288, 24, 6);
/** What heads and small bodies are gathered in. */
export const stagingPool = new BufferPool(65_536, 32);
/** Where bodies are put beside their heads for TLS: as much as is handed over at once. */
export const joiningPool = new BufferPool(589_824, 4);
