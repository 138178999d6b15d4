import type { MsrpResponse } from '../../shared/protocol/msrp/codec.ts';

export type Answer = Omit<MsrpResponse, 'transactionId'>;

/** Gets the answer to one of our requests. */
export interface AnswerTaker {
  answered(status: number, comment: string | null, head: Answer): void;
}

const LEAST = 64;
/** letters of an id that say where it stands */
const HASHED = 8;

/**
 * Who waits for which answer, by transaction id. A table that is used again and again: a Map leaves its old tables behind with each thousand
 * of chunks, and what long files leave behind is taken away late.
 */
export class Answers {
  #ids: (string | null)[] = [];
  #takers: (AnswerTaker | null)[] = [];
  #count = 0;

  expect(id: string, taker: AnswerTaker): void {
    if (this.#count * 2 >= this.#ids.length) this.#grow();
    this.#count++;
    const ids = this.#ids;
    let at = home(id, ids.length);
    while (ids[at] !== null) at = (at + 1) & (ids.length - 1);
    ids[at] = id;
    this.#takers[at] = taker;
  }

  /** @returns who expects it, and does so no more */
  take(id: string): AnswerTaker | null {
    const ids = this.#ids;
    if (this.#count === 0) return null;
    const last = ids.length - 1;
    let at = home(id, ids.length);
    while (ids[at] !== id) {
      if (ids[at] === null) return null;
      at = (at + 1) & last;
    }
    const taker = this.#takers[at] as AnswerTaker;
    this.#count--;
    // those behind it that would not be found any more move up
    for (let next = (at + 1) & last; ids[next] !== null; next = (next + 1) & last) {
      const wanted = home(ids[next] as string, ids.length);
      if (((next - wanted) & last) < ((next - at) & last)) continue;
      ids[at] = ids[next] as string;
      this.#takers[at] = this.#takers[next] as AnswerTaker;
      at = next;
    }
    ids[at] = null;
    this.#takers[at] = null;
    return taker;
  }

  clear(): void {
    this.#ids = [];
    this.#takers = [];
    this.#count = 0;
  }

  #grow(): void {
    const ids = this.#ids;
    const takers = this.#takers;
    const size = Math.max(LEAST, ids.length * 2);
    this.#ids = new Array<string | null>(size).fill(null);
    this.#takers = new Array<AnswerTaker | null>(size).fill(null);
    this.#count = 0;
    for (const [at, id] of ids.entries()) if (id !== null) this.expect(id, takers[at] as AnswerTaker);
  }
}

function home(id: string, size: number): number {
  let hash = 0;
  for (let at = Math.min(HASHED, id.length) - 1; at >= 0; at--) hash = (Math.imul(hash, 31) + id.charCodeAt(at)) | 0;
  return hash & (size - 1);
}
