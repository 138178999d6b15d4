import { type EndReason, type EventHeader, encodeEvent } from '../../../shared/protocol/sip/event.ts';
import { header, type SipHeader, type SipResponse } from '../../../shared/protocol/sip/message.ts';
import type { DialogOwner } from '../dialogs.ts';
import type { Flow } from '../flow.ts';
import { contactUri, dialogRequest, FRESH, type Leg } from '../leg.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { EventPackage, Feed, Notice } from './event-package.ts';
import type { SubscriptionHost } from './subscription-host.ts';
import { dueOf, type Owed, type SubscriptionEvent, type SubscriptionState, subscriptionAfter } from './subscription-state.ts';

/** ms, where a refusal names an earlier time */
const SHORTEST_RETRY = 1_000;
/** answers that say that there will never be one of another kind */
const PERMANENT = new Set([404, 405, 410, 416, 481, 482, 483, 484, 485, 489, 501, 604]);

export interface Subscribed {
  readonly package: EventPackage;
  readonly event: EventHeader;
  /** media type of its notifications */
  readonly type: string;
  readonly leg: Leg;
  /** instance of its device, null where it named none */
  readonly instance: string | null;
  /** ms since the epoch */
  readonly expiresAt: number;
}

/** One subscription: its dialog, its time, and one notification after the other (RFC 6665 section 4.2). */
export class Subscription implements DialogOwner {
  readonly about: Subscribed;
  readonly #host: SubscriptionHost;
  readonly #over: () => void;
  #feed: Feed | null = null;
  #state: SubscriptionState;
  #stopExpiry: () => void = () => undefined;
  #stopWait: () => void = () => undefined;

  /** Begins with {@link open}. @param over called once */
  constructor(host: SubscriptionHost, about: Subscribed, over: () => void) {
    this.#host = host;
    this.about = about;
    this.#over = over;
    const { expiresAt } = about;
    this.#state = { kind: 'active', expiresAt, owes: 'all', isUnderWay: false, notBefore: 0, isReachable: true };
  }

  /** Its 200 has gone out. @param isFetch the state once and no more (RFC 6665 section 4.4.3) */
  open(feed: Feed, isFetch: boolean): void {
    this.#feed = feed;
    this.#host.dialogs.add(this, this.about.leg);
    if (isFetch) {
      this.#apply({ kind: 'ended', reason: 'timeout', owes: 'all' });
      return;
    }
    this.#expireAt(this.about.expiresAt);
    this.#go();
  }

  get isReachable(): boolean {
    return this.#flow() !== null;
  }

  /** Also before {@link open}, as {@link end}: a package may speak while it is asked. */
  changed(): void {
    this.#apply({ kind: 'changed' });
  }

  deviceBack(): void {
    if (this.#flow() !== null) this.#apply({ kind: 'reached' });
  }

  end(reason: EndReason, owes: 'nothing' | 'all' = 'nothing'): void {
    this.#apply({ kind: 'ended', reason, owes });
  }

  /** Without a word to its subscriber: another one has taken its place. */
  drop(): void {
    this.#apply({ kind: 'refused' });
  }

  acknowledged(): void {}

  request(leg: Leg, transaction: ServerTransaction): void {
    if (transaction.request.method !== 'SUBSCRIBE' || this.#state.kind !== 'active') {
      transaction.respond(transaction.request.method === 'SUBSCRIBE' ? 481 : 405, { headers: [{ name: 'Allow', value: 'SUBSCRIBE' }] });
      return;
    }
    const seconds = this.#host.granted(transaction, this.about.package, this.about.event);
    if (seconds === null) return;
    leg.remoteTarget = contactUri(transaction.request) ?? leg.remoteTarget;
    transaction.respond(200, { headers: [this.#contact(), { name: 'Expires', value: String(seconds) }] });
    if (seconds === 0) {
      this.end('timeout', 'all');
      return;
    }
    const expiresAt = this.#host.clock().now() + seconds * 1000;
    this.#expireAt(expiresAt);
    this.#apply({ kind: 'subscribed', expiresAt });
  }

  /** Its device may come back on another connection, with this dialog or with another one. */
  flowClosed(): void {
    if (this.#flow() === null) this.#apply({ kind: 'lost' });
  }

  #apply(event: SubscriptionEvent): void {
    if (this.#state.kind === 'over') return;
    this.#state = subscriptionAfter(this.#state, event);
    if (this.#state.kind === 'over') this.#close();
    else this.#go();
  }

  #go(): void {
    if (this.#feed === null) return;
    const clock = this.#host.clock();
    const due = dueOf(this.#state, clock.now());
    this.#stopWait();
    if (due.kind === 'wait') this.#stopWait = clock.after(due.until - clock.now(), () => this.#go());
    else if (due.kind === 'notify') void this.#notify(due.about, due.isLast);
  }

  async #notify(about: Owed, isLast: boolean): Promise<void> {
    this.#apply({ kind: 'begun' });
    let notice: Notice | null = null;
    let isEnd = isLast;
    try {
      if (about !== 'nothing') notice = (await this.#feed?.next(about === 'all')) ?? null;
    } catch {
      // there is no state to be had: its subscriber shall try again later
      this.#state = subscriptionAfter(this.#state, { kind: 'ended', reason: 'probation', owes: 'nothing' });
      isEnd = true;
    }
    if (this.#state.kind === 'over') return;
    const flow = this.#flow();
    if (flow === null) this.#apply({ kind: 'lost' });
    else if (notice === null && !isEnd) this.#arrived(0, false);
    else this.#send(flow, notice, isEnd && !notice?.hasMore);
  }

  #send(flow: Flow, notice: Notice | null, isLast: boolean): void {
    const { leg, event, type } = this.about;
    const content: SipHeader[] = notice === null ? [] : [{ name: 'Content-Type', value: type }];
    const fields = [
      this.#contact(),
      { name: 'Event', value: encodeEvent(event) },
      { name: 'Subscription-State', value: this.#stateHeader(isLast) },
      ...content,
    ];
    const request = dialogRequest(leg, 'NOTIFY', FRESH, null, fields, notice?.body);
    this.#host.layer().send(flow, request, {
      onFinal: (response) => this.#answered(response, flow, notice?.hasMore ?? false),
    });
    // nobody has to answer the last word for this to be over
    if (isLast) this.#apply({ kind: 'refused' });
  }

  #answered(response: SipResponse, flow: Flow, hasMore: boolean): void {
    const { status } = response;
    if (status < 300) this.#arrived(this.about.package.pace, hasMore);
    else if (!flow.isOpen) this.#lost();
    else {
      const wait = /^\s*(\d{1,6})/.exec(header(response, 'Retry-After') ?? '')?.[1];
      const now = this.#host.clock().now();
      if (wait === undefined || PERMANENT.has(status)) this.#apply({ kind: 'refused' });
      else this.#apply({ kind: 'postponed', until: now + Math.max(Number(wait) * 1000, SHORTEST_RETRY) });
    }
  }

  #arrived(pace: number, hasMore: boolean): void {
    this.#apply({ kind: 'arrived', now: this.#host.clock().now(), pace, hasMore });
  }

  #lost(): void {
    const now = this.#host.clock().now();
    this.#apply(this.#flow() === null ? { kind: 'lost' } : { kind: 'postponed', until: now });
  }

  #stateHeader(isLast: boolean): string {
    const state = this.#state;
    if (isLast) return `terminated;reason=${state.kind === 'ending' ? state.reason : 'deactivated'}`;
    const left = state.kind === 'active' ? state.expiresAt - this.#host.clock().now() : 0;
    return `active;expires=${Math.max(0, Math.ceil(left / 1000))}`;
  }

  #contact(): SipHeader {
    return { name: 'Contact', value: `<${this.#host.contactOf(this.about.leg)}>` };
  }

  /** Where its device is: the connection of the dialog, or the one on which the same device is registered now (RFC 5627 section 6). */
  #flow(): Flow | null {
    const { leg, instance } = this.about;
    if (leg.flow.isOpen) return leg.flow;
    const other = instance === null ? null : this.#host.flowOf(leg.user, instance);
    if (other === null) return null;
    this.#host.dialogs.move(this, leg, other);
    return other;
  }

  #expireAt(time: number): void {
    const clock = this.#host.clock();
    this.#stopExpiry();
    this.#stopExpiry = clock.after(time - clock.now(), () => this.end('timeout'));
  }

  #close(): void {
    this.#stopExpiry();
    this.#stopWait();
    this.#host.dialogs.remove(this);
    this.#feed?.close();
    this.#over();
  }
}
