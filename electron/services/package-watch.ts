import { type CodedError, ParleyError, toCodedError } from '../../shared/base/errors.ts';
import type { FinalAnswer, Notification, Subscription, SubscriptionEnd, SubscriptionRequest } from '../sip/port.ts';
import type { Link, ServiceContext } from './context.ts';

/** answers after which there is nothing to subscribe to */
const NOT_THERE = [403, 404, 405, 410, 489, 501, 604];
const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 1_800_000;

export interface PackageWatchPorts {
  /** begins its lines in the log */
  readonly name: string;
  readonly request: () => SubscriptionRequest;
  /** a subscription begins: the first that is told is the whole */
  readonly began: () => void;
  /** One after the other. What it throws is a line of the log. */
  readonly told: (notification: Notification) => Promise<void> | void;
  /** there is none to be had */
  readonly refused: (refusal: WatchRefusal) => void;
}

export interface WatchRefusal {
  /** of the answer, null where a NOTIFY said it */
  readonly status: number | null;
  /** of the NOTIFY (RFC 6665 section 4.1.3): `rejected`, `noresource`, `invariant` */
  readonly reason: string | null;
}

/**
 * A subscription to an event package that is made with each link, made again when the network ends it, ever more rarely where that goes on, and
 * given up where there is none to be had (cpm.md section 15.2).
 */
export class PackageWatch {
  readonly #context: ServiceContext;
  readonly #ports: PackageWatchPorts;
  #link: Link | null = null;
  #subscription: Subscription | null = null;
  #cancelRetry: () => void = () => undefined;
  /** subscriptions in a row that did not last */
  #failures = 0;
  #since = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(context: ServiceContext, ports: PackageWatchPorts) {
    this.#context = context;
    this.#ports = ports;
  }

  /** There is a link; the one before is gone. */
  begin(link: Link): void {
    this.#link = link;
    this.#failures = 0;
    void this.#subscription?.end();
    this.#subscribe();
  }

  /** The network is asked for the whole. */
  refresh(): void {
    if (this.#subscription) void this.#subscription.refresh();
    else if (this.#link) this.#subscribe();
  }

  async stop(): Promise<void> {
    this.#link = null;
    this.#cancelRetry();
    const subscription = this.#subscription;
    this.#subscription = null;
    await subscription?.end();
  }

  #subscribe(): void {
    this.#cancelRetry();
    if (this.#link === null) return;
    let subscription: Subscription;
    try {
      subscription = this.#link.agent.subscribe(this.#ports.request());
    } catch (thrown) {
      // the next link begins anew
      this.#subscription = null;
      this.#log(toCodedError(thrown));
      return;
    }
    this.#subscription = subscription;
    this.#since = this.#context.clock.now();
    const isCurrent = (): boolean => this.#subscription === subscription;
    this.#then(() => this.#ports.began());
    subscription.onNotify((notification) => isCurrent() && this.#then(() => this.#ports.told(notification)));
    subscription.onEnded((end) => isCurrent() && this.#over(end));
    subscription.answer.then(
      (answer) => isCurrent() && this.#answered(answer),
      (thrown) => isCurrent() && this.#lost(toCodedError(thrown)),
    );
  }

  #answered({ status, headers }: FinalAnswer): void {
    if (status < 300) return;
    this.#subscription = null;
    if (NOT_THERE.includes(status)) return this.#refused({ status, reason: null });
    const seconds = /^\s*(\d{1,7})/.exec(headers.find(({ name }) => name.toLowerCase() === 'retry-after')?.value ?? '')?.[1];
    this.#again(seconds === undefined ? null : Number(seconds) * 1000);
  }

  #lost(error: CodedError): void {
    this.#subscription = null;
    this.#log(error);
    // a link that is gone is followed by another one; one that is there did not answer
    if (error.code === 'link.timeout') this.#again(null);
  }

  /** RFC 6665 section 4.1.3; 481 to a refresh is a subscription that the other side has lost (section 4.1.2.2) */
  #over({ by, status, reason, retryAfterMs, error }: SubscriptionEnd): void {
    this.#subscription = null;
    this.#log(error);
    if (by === 'link') return;
    const isRefused = reason === 'rejected' || reason === 'noresource' || reason === 'invariant';
    if (isRefused || (status !== null && NOT_THERE.includes(status))) return this.#refused({ status, reason });
    if (reason === 'deactivated' || reason === 'timeout' || status === 481) return this.#again(retryAfterMs ?? 0);
    this.#again(retryAfterMs);
  }

  /** After what was told with the end, which still counts. */
  #refused(refusal: WatchRefusal): void {
    this.#then(() => this.#ports.refused(refusal));
  }

  #again(waitMs: number | null): void {
    if (this.#context.clock.now() - this.#since >= FIRST_RETRY_MS) this.#failures = 0;
    this.#failures += 1;
    const own = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 10));
    // who ends each subscription at once is not asked without a pause
    const wait = Math.min(LONGEST_RETRY_MS, this.#failures > 3 ? Math.max(own, waitMs ?? 0) : (waitMs ?? own));
    this.#cancelRetry();
    this.#cancelRetry = this.#context.clock.after(wait, () => this.#subscribe());
  }

  /** One after the other: what is told later counts after what was told before. */
  #then(work: () => unknown): void {
    this.#work = this.#work.then(async () => {
      try {
        await work();
      } catch (thrown) {
        this.#log(thrown instanceof ParleyError ? thrown : toCodedError(thrown));
      }
    });
  }

  #log({ code, detail }: CodedError): void {
    this.#context.log(`${this.#ports.name}: ${code} ${detail}`);
  }
}
