import type { Clock } from '../../shared/base/clock.ts';

/** Time that moves only when a test says so. */
export class ManualClock implements Clock {
  #now: number;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  constructor(now = 1_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.#now + milliseconds, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** timers that wait */
  get waiting(): number {
    return this.#timers.size;
  }

  /** how long until the next timer, null when there is none */
  get nextIn(): number | null {
    return this.#timers.size === 0 ? null : Math.min(...[...this.#timers].map((timer) => timer.at)) - this.#now;
  }

  /** Moves on and runs what is due, in its order; promises that follow are settled. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = due.at;
      due.run();
      await settle();
    }
    this.#now = until;
    await settle();
  }
}

export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
