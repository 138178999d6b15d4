/** Who may send now: so many files at once, the others wait in the order in which they were accepted. */
export class Turns {
  readonly #limit: number;
  readonly #changed: (waiting: readonly number[]) => void;
  readonly #waiting: { readonly id: number; readonly go: () => void }[] = [];
  #taken = 0;

  /** @param changed told who waits, whenever that changes */
  constructor(limit: number, changed: (waiting: readonly number[]) => void) {
    this.#limit = limit;
    this.#changed = changed;
  }

  /** ids of those that wait, in order */
  get waiting(): number[] {
    return this.#waiting.map(({ id }) => id);
  }

  /** Waits for a turn. @returns gives it back, once. @throws the reason of the signal */
  async take(id: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#taken < this.#limit) this.#taken++;
    else await this.#wait(id, signal);
    let isBack = false;
    return () => {
      if (isBack) return;
      isBack = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken--;
      else {
        next.go();
        this.#changed(this.waiting);
      }
    };
  }

  /** Does that once it is its turn. @throws the reason of the signal, and what the work throws */
  async during(id: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const giveBack = await this.take(id, signal);
    try {
      await work();
    } finally {
      giveBack();
    }
  }

  #wait(id: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        const at = this.#waiting.indexOf(entry);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        this.#changed(this.waiting);
        reject(signal.reason);
      };
      const go = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const entry = { id, go };
      this.#waiting.push(entry);
      signal.addEventListener('abort', leave, { once: true });
      this.#changed(this.waiting);
    });
  }
}
