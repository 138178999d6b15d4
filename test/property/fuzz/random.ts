/** Random numbers that come back with their seed (sfc32). */
export class Random {
  #a = 0x9e3779b9;
  #b = 0x243f6a88;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream = '') {
    let mixed = seed | 0;
    for (const character of stream) mixed = Math.imul(mixed ^ (character.codePointAt(0) ?? 0), 0x01000193);
    this.#c = mixed;
    for (let turn = 0; turn < 12; turn++) this.next();
  }

  /** 32 bits */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** 0 to `limit` - 1; 0 where there is nothing to choose from */
  below(limit: number): number {
    return limit <= 1 ? 0 : this.next() % limit;
  }

  /** true once in `times` */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}
