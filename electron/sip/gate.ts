import { randomInt } from 'node:crypto';
import { Bucket, Buckets, type Budget } from '../../shared/base/bucket.ts';

/** in requests */
export interface Budgets {
  /** of somebody the person writes with: more than a person writes, and more than an outbox sends that has waited for days */
  readonly acquaintance: Budget;
  /** of one stranger */
  readonly stranger: Budget;
  /** of all strangers together: names cost nothing where the network asserts none */
  readonly strangers: Budget;
  /** answers to what is not taken; beyond them nothing is answered (RFC 3261 section 21.5.4 allows that) */
  readonly answers: Budget;
}

export const BUDGETS: Budgets = {
  acquaintance: { burst: 4000, perSecond: 1000 },
  stranger: { burst: 120, perSecond: 5 },
  strangers: { burst: 400, perSecond: 20 },
  answers: { burst: 2000, perSecond: 2000 },
};

/** sources that are remembered */
const MAX_SOURCES = 1000;
/** no more than one line about a flood in this time, ms */
const LOG_EVERY = 10_000;

export type Judgement = 'take' | 'refuse' | 'drop';

export interface GateOptions {
  /** somebody the person writes with: their requests get through while strangers make noise */
  readonly knows: (source: string) => boolean;
  readonly log: (line: string) => void;
  readonly now?: () => number;
  readonly budgets?: Partial<Budgets>;
}

/**
 * Who may ask how much of this device. A request costs a transaction, mostly a commit and a change on the screen; a thousand a second of them
 * would leave no time for the person. What a source is, the caller says; nothing in it is trusted but to count by.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #budgets: Budgets;
  readonly #now: () => number;
  readonly #sources = new Buckets(MAX_SOURCES);
  readonly #strangers: Bucket;
  readonly #answers: Bucket;
  #refused = 0;
  #lastSource = '';
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#budgets = { ...BUDGETS, ...options.budgets };
    this.#now = options.now ?? (() => performance.now());
    const now = this.#now();
    this.#strangers = new Bucket(this.#budgets.strangers, now);
    this.#answers = new Bucket(this.#budgets.answers, now);
  }

  judge(source: string): Judgement {
    const now = this.#now();
    const isKnown = this.#options.knows(source);
    const bucket = this.#sources.of(source, isKnown ? this.#budgets.acquaintance : this.#budgets.stranger, now);
    if (bucket.take(now) && (isKnown || this.#strangers.take(now))) return 'take';
    this.#note(source, now);
    return this.#answers.take(now) ? 'refuse' : 'drop';
  }

  /** Seconds after which another try may do better; spread, so that who was refused together does not come back together. */
  retryAfter(): number {
    return randomInt(5, 31);
  }

  #note(source: string, now: number): void {
    this.#refused += 1;
    this.#lastSource = source;
    if (now - this.#loggedAt < LOG_EVERY) return;
    this.#options.log(`too many requests: ${this.#refused} not taken, the last one of ${this.#lastSource.slice(0, 100)}`);
    this.#loggedAt = now;
    this.#refused = 0;
  }
}
