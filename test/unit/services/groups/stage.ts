import type { Link, ServiceContext } from '../../../../electron/services/context.ts';
import type {
  FinalAnswer,
  Header,
  Notification,
  Subscription,
  SubscriptionEnd,
  SubscriptionRequest,
} from '../../../../electron/sip/port.ts';
import { utf8 } from '../../../../shared/base/bytes.ts';
import { Emitter } from '../../../../shared/base/emitter.ts';
import { ManualClock } from '../../../harness/manual-clock.ts';

export const ALICE = 'sip:alice@home1.example';
export const GROUP = 'sip:cpm-conf-7f3a91@cf.home1.example';

export function finalAnswer(status: number, headers: readonly Header[] = []): FinalAnswer {
  return { status, reason: 'Test', headers, contentType: null, body: new Uint8Array() };
}

export interface FakeSubscription {
  readonly request: SubscriptionRequest;
  refreshes: number;
  isEnded: boolean;
  answer(status: number, headers?: readonly Header[]): void;
  fail(error: Error): void;
  notify(body: string, contentType?: string): void;
  end(end: Partial<SubscriptionEnd>): void;
}

/** A client whose network is the test, as far as it is told of things. */
export function watched() {
  const clock = new ManualClock();
  const log: string[] = [];
  const subscriptions: FakeSubscription[] = [];
  const context = { account: { address: ALICE }, clock, log: (line: string) => void log.push(line) } as unknown as ServiceContext;
  const subscribe = (request: SubscriptionRequest): Subscription => {
    const notified = new Emitter<Notification>();
    const ended = new Emitter<SubscriptionEnd>();
    const settle: { resolve: (answer: FinalAnswer) => void; reject: (error: Error) => void } = { resolve: () => {}, reject: () => {} };
    const answer = new Promise<FinalAnswer>((resolve, reject) => Object.assign(settle, { resolve, reject }));
    answer.catch(() => undefined);
    const fake: FakeSubscription = {
      request,
      refreshes: 0,
      isEnded: false,
      answer: (status, headers) => settle.resolve(finalAnswer(status, headers)),
      fail: (error) => settle.reject(error),
      notify: (body, contentType = 'application/conference-info+xml') => notified.emit({ contentType, body: utf8(body) }),
      end: (end) =>
        ended.emit({
          ...{ by: 'remote', status: null, reason: null, retryAfterMs: null, error: { code: 'peer.unavailable', detail: 'ended' } },
          ...end,
        }),
    };
    subscriptions.push(fake);
    return {
      answer,
      onNotify: (listener) => notified.on(listener),
      onEnded: (listener) => ended.on(listener),
      refresh: async () => {
        fake.refreshes += 1;
      },
      end: async () => {
        fake.isEnded = true;
      },
    };
  };
  const link = { agent: { subscribe } } as unknown as Link;
  return { clock, log, subscriptions, context, link };
}
