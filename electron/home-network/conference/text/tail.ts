import type { Batch } from './reader.ts';
import type { Carried } from './said.ts';

/** the newest entries of a group that stay in memory, and their octets: who keeps up is sent from there */
const MOST = 256;
const MOST_OCTETS = 1_048_576;

/** The end of a log: all of it after one entry. */
export class Tail {
  readonly #entries: Carried[] = [];
  #octets = 0;
  #begin: number;
  #end: number;

  /** @param end of the log: nothing before it is held */
  constructor(end: number) {
    this.#begin = end;
    this.#end = end;
  }

  /** number of the newest entry of the group */
  get end(): number {
    return this.#end;
  }

  add(entry: Carried): void {
    this.#entries.push(entry);
    this.#end = entry.seq;
    this.#octets += held(entry);
    let dropped = 0;
    while (this.#entries.length - dropped > MOST || this.#octets > MOST_OCTETS) {
      const oldest = this.#entries[dropped++] as Carried;
      this.#octets -= held(oldest);
      this.#begin = oldest.seq;
    }
    if (dropped > 0) this.#entries.splice(0, dropped);
  }

  /** That one is for nobody any more. */
  drop(seq: number): void {
    const at = this.#entries.findIndex((entry) => entry.seq === seq);
    const [dropped] = at < 0 ? [] : this.#entries.splice(at, 1);
    if (dropped !== undefined) this.#octets -= held(dropped);
  }

  /** null: it begins later than that */
  after(seq: number): Batch<Carried> | null {
    if (seq < this.#begin) return null;
    const entries = this.#entries;
    let at = entries.length;
    while (at > 0 && (entries[at - 1] as Carried).seq > seq) at -= 1;
    return { entries: entries.slice(at), upTo: Math.max(seq, this.#end) };
  }
}

function held({ before, after }: Carried): number {
  return before.length + after.length;
}
