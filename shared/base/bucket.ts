/** How much at once, and how much a second for as long as it lasts. */
export interface Budget {
  readonly burst: number;
  readonly perSecond: number;
}

/** A token bucket: it is full at first. Times are ms of a clock that may be set back. */
export class Bucket {
  readonly budget: Budget;
  #left: number;
  #at: number;

  constructor(budget: Budget, now: number) {
    this.budget = budget;
    this.#left = budget.burst;
    this.#at = now;
  }

  has(now: number, amount = 1): boolean {
    this.#left = Math.min(this.budget.burst, this.#left + (Math.max(0, now - this.#at) * this.budget.perSecond) / 1000);
    this.#at = now;
    return this.#left >= amount;
  }

  /** @returns false when there is not that much, and nothing is taken then */
  take(now: number, amount = 1): boolean {
    if (!this.has(now, amount)) return false;
    this.#left -= amount;
    return true;
  }
}

/** The buckets of many, by name; with more of them than that the one that was not asked for longest is forgotten, which fills it again. */
export class Buckets {
  readonly #most: number;
  readonly #all = new Map<string, Bucket>();

  constructor(most: number) {
    this.#most = most;
  }

  /** The one of that name; another budget makes another bucket. */
  of(name: string, budget: Budget, now: number): Bucket {
    const known = this.#all.get(name);
    const bucket = known?.budget === budget ? known : new Bucket(budget, now);
    // the last one asked stands at the end
    this.#all.delete(name);
    this.#all.set(name, bucket);
    if (this.#all.size > this.#most) this.#all.delete(this.#all.keys().next().value as string);
    return bucket;
  }
}
