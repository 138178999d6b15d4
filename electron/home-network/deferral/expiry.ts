import type { Clock } from '../../../shared/base/clock.ts';

/** items that are looked at in one go; the next ones follow when these are done */
const AT_ONCE = 100;
/** ms: what somebody has under way when its time comes is looked at again; and the longest wait of a timer, which counts in 32 bits */
const AGAIN = 10_000;
const LONGEST = 86_400_000;

export interface ExpiryHost<T> {
  readonly clock: Clock;
  /** ms since the epoch, of whatever goes first; null: nothing waits */
  next(): Promise<number | null>;
  due(limit: number): Promise<readonly T[]>;
  /** @returns false when it has to stay for now */
  end(item: T): Promise<boolean>;
  failed(thrown: unknown): void;
}

/** Ends what has waited for too long (R-PF-27), also what came to its end while this network did not run. */
export class Expiry<T> {
  readonly #host: ExpiryHost<T>;
  #stopTimer: () => void = () => undefined;
  #at = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(host: ExpiryHost<T>) {
    this.#host = host;
  }

  async start(): Promise<void> {
    const next = await this.#host.next();
    if (next !== null) this.notLaterThan(next);
  }

  /** Something that waits has its end then. */
  notLaterThan(time: number): void {
    if (this.#isClosed || time >= this.#at) return;
    this.#at = time;
    this.#stopTimer();
    const { clock } = this.#host;
    this.#stopTimer = clock.after(Math.min(Math.max(0, time - clock.now()), LONGEST), () => void this.#look());
  }

  close(): void {
    this.#isClosed = true;
    this.#stopTimer();
  }

  async #look(): Promise<void> {
    this.#at = Number.POSITIVE_INFINITY;
    const { clock } = this.#host;
    try {
      const items = await this.#host.due(AT_ONCE);
      const ended = await Promise.all(items.map((item) => this.#host.end(item)));
      const next = await this.#host.next();
      if (next !== null) this.notLaterThan(ended.includes(false) ? Math.max(next, clock.now() + AGAIN) : next);
    } catch (thrown) {
      this.#host.failed(thrown);
      this.notLaterThan(clock.now() + AGAIN);
    }
  }
}
