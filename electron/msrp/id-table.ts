const LEAST = 64;
/** letters of an id that say where it stands: the last ones, of which some senders only count on */
const HASHED = 8;

/**
 * Values by id, for ids that come and go with every chunk or message. The table is used again and again: a Map makes a new one each few
 * dozen ids, the old one leads to it, and so what one old one still reaches is all that came after it, which makes every short pause for
 * garbage a long one.
 */
export class IdTable<T> {
  #ids: (string | null)[] = [];
  #values: (T | null)[] = [];
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** @param id is not in it yet */
  add(id: string, value: T): void {
    if (this.#count * 2 >= this.#ids.length) this.#grow();
    this.#count++;
    const ids = this.#ids;
    let at = home(id, ids.length);
    while (ids[at] !== null) at = (at + 1) & (ids.length - 1);
    ids[at] = id;
    this.#values[at] = value;
  }

  get(id: string): T | null {
    const at = this.#find(id);
    return at < 0 ? null : (this.#values[at] as T);
  }

  /** @returns what was there under that id, and is no more */
  take(id: string): T | null {
    let at = this.#find(id);
    if (at < 0) return null;
    const ids = this.#ids;
    const values = this.#values;
    const last = ids.length - 1;
    const value = values[at] as T;
    this.#count--;
    // those behind it that would not be found any more move up
    for (let next = (at + 1) & last; ids[next] !== null; next = (next + 1) & last) {
      const wanted = home(ids[next] as string, ids.length);
      if (((next - wanted) & last) < ((next - at) & last)) continue;
      ids[at] = ids[next] as string;
      values[at] = values[next] as T;
      at = next;
    }
    ids[at] = null;
    values[at] = null;
    return value;
  }

  /** in no order */
  values(): T[] {
    return this.#values.filter((value) => value !== null);
  }

  clear(): void {
    this.#ids = [];
    this.#values = [];
    this.#count = 0;
  }

  /** @returns -1: it is not there */
  #find(id: string): number {
    const ids = this.#ids;
    if (this.#count === 0) return -1;
    let at = home(id, ids.length);
    while (ids[at] !== id) {
      if (ids[at] === null) return -1;
      at = (at + 1) & (ids.length - 1);
    }
    return at;
  }

  #grow(): void {
    const ids = this.#ids;
    const values = this.#values;
    const size = Math.max(LEAST, ids.length * 2);
    this.#ids = new Array<string | null>(size).fill(null);
    this.#values = new Array<T | null>(size).fill(null);
    this.#count = 0;
    for (const [at, id] of ids.entries()) if (id !== null) this.add(id, values[at] as T);
  }
}

function home(id: string, size: number): number {
  let hash = 0;
  for (let at = Math.max(0, id.length - HASHED); at < id.length; at++) hash = (Math.imul(hash, 31) + id.charCodeAt(at)) | 0;
  return hash & (size - 1);
}
