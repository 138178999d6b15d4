import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import type { DeferredNotification } from '../../../shared/protocol/deferred-info/notification.ts';
import { decodeDeferredNotification } from '../../../shared/protocol/deferred-info/notification.ts';
import { decodeContentType } from '../../../shared/protocol/mime/content-type.ts';
import type { FinalAnswer, Subscription, SubscriptionEnd } from '../../sip/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import { watchRequest } from './request.ts';

/** the network has no such service; the person may still ask for all there is */
const NOT_THERE = [403, 404, 405, 410, 489, 501, 604];
const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 1_800_000;

type Listed = Extract<DeferredNotification, { kind: 'list' }>;
type Summed = Extract<DeferredNotification, { kind: 'summary' }>;

export interface WatchPorts {
  /** @param anew the first list of a subscription. Resolves when it is kept */
  readonly listed: (list: Listed, anew: boolean) => Promise<void>;
  readonly summed: (summary: Summed) => void;
  readonly unsupported: () => void;
}

/**
 * Is told what waits (cpm.md section 11.1, F19): a subscription that is made with each link, made again when the network ends it, and given up
 * where there is none to be had (489). Versions are those of RFC 4575 section 4.3: a gap asks for everything anew.
 */
export class DeferredWatch {
  readonly #context: ServiceContext;
  readonly #ports: WatchPorts;
  #link: Link | null = null;
  #subscription: Subscription | null = null;
  #cancelRetry: () => void = () => undefined;
  #failures = 0;
  /** of the last list that was taken in this subscription */
  #version: number | null = null;
  #hasList = false;
  #work: Promise<void> = Promise.resolve();

  constructor(context: ServiceContext, ports: WatchPorts) {
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

  /** The network is asked for the whole list. */
  refresh(): void {
    if (this.#subscription) void this.#subscription.refresh();
    else if (this.#link) this.#subscribe();
  }

  async stop(): Promise<void> {
    this.#link = null;
    this.#cancelRetry();
    await this.#subscription?.end();
  }

  #subscribe(): void {
    this.#cancelRetry();
    const link = this.#link;
    if (link === null) return;
    let subscription: Subscription;
    try {
      subscription = link.agent.subscribe(watchRequest(this.#context.account.address));
    } catch (thrown) {
      // the next link begins anew
      this.#log(toCodedError(thrown));
      return;
    }
    this.#subscription = subscription;
    this.#version = null;
    this.#hasList = false;
    subscription.onNotify(({ contentType, body }) => {
      if (this.#subscription === subscription) this.#take(contentType, body);
    });
    subscription.onEnded((end) => {
      if (this.#subscription === subscription) this.#over(end);
    });
    subscription.answer.then(
      (answer) => this.#subscription === subscription && this.#answered(answer),
      (thrown) => this.#subscription === subscription && this.#lost(toCodedError(thrown)),
    );
  }

  #answered({ status, reason, headers }: FinalAnswer): void {
    if (status < 300) {
      this.#failures = 0;
      return;
    }
    this.#subscription = null;
    if (NOT_THERE.includes(status)) {
      this.#context.log(`waiting messages: the network lists none (${status} ${reason})`);
      return this.#ports.unsupported();
    }
    const seconds = /^\s*(\d{1,7})/.exec(headers.find(({ name }) => name.toLowerCase() === 'retry-after')?.value ?? '')?.[1];
    this.#again(seconds === undefined ? null : Number(seconds) * 1000);
  }

  #lost(error: CodedError): void {
    this.#subscription = null;
    this.#log(error);
    // a link that is gone is followed by another one; one that is there did not answer
    if (error.code === 'link.timeout') this.#again(null);
  }

  /** RFC 6665 section 4.1.3 */
  #over({ by, reason, retryAfterMs, error }: SubscriptionEnd): void {
    this.#subscription = null;
    this.#log(error);
    if (by === 'link') return;
    if (reason === 'rejected' || reason === 'noresource' || reason === 'invariant') return this.#ports.unsupported();
    if (reason === 'deactivated' || reason === 'timeout') return this.#again(retryAfterMs ?? 0);
    this.#again(retryAfterMs);
  }

  #again(waitMs: number | null): void {
    this.#failures += 1;
    const own = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures - 1, 10));
    // who ends each subscription at once is not asked without a pause
    const wait = Math.min(LONGEST_RETRY_MS, this.#failures > 3 ? Math.max(own, waitMs ?? 0) : (waitMs ?? own));
    this.#cancelRetry();
    this.#cancelRetry = this.#context.clock.after(wait, () => this.#subscribe());
  }

  /** One after the other: what is told later counts after what was told before. */
  #take(contentType: string, body: Uint8Array): void {
    this.#work = this.#work.then(async () => {
      try {
        const notification = decodeDeferredNotification(decodeContentType(contentType).type, body);
        if (notification.kind === 'summary') this.#ports.summed(notification);
        else await this.#list(notification);
      } catch (thrown) {
        this.#log(thrown instanceof ParleyError ? thrown : toCodedError(thrown));
      }
    });
  }

  async #list(list: Listed): Promise<void> {
    if (list.version !== null && this.#version !== null && list.version <= this.#version) return;
    const isGap = list.state === 'partial' && list.version !== (this.#version === null ? null : this.#version + 1);
    if (isGap || (list.state === 'partial' && !this.#hasList)) {
      this.#version = null;
      this.#hasList = false;
      return this.refresh();
    }
    await this.#ports.listed(list, !this.#hasList);
    this.#version = list.version;
    this.#hasList = true;
  }

  #log({ code, detail }: CodedError): void {
    this.#context.log(`waiting messages: ${code} ${detail}`);
  }
}
