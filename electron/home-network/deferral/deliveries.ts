import type { Clock } from '../../../shared/base/clock.ts';
import { header } from '../../../shared/protocol/sip/message.ts';
import type { Binding } from '../bindings.ts';
import type { Asked } from '../databases/open.ts';
import type { Directory } from '../directory.ts';
import type { NotificationFilter } from '../notification-filter.ts';
import type { Rules } from '../rules/rules.ts';
import type { HomeUser } from '../settings.ts';
import type { TransactionLayer } from '../transactions.ts';
import type { DeferralCalls, Removed } from './database.ts';
import { pushed } from './envelope.ts';
import type { Listing } from './listing.ts';
import type { DeferredRecord } from './port.ts';
import { nameOf, type Outcome, outcomeOf, type PushQuery } from './push.ts';

export interface DeliveriesHost {
  readonly directory: Directory;
  readonly rules: Rules;
  readonly clock: Clock;
  readonly notifications: NotificationFilter;
  readonly layer: () => TransactionLayer;
  readonly calls: () => Pick<Asked<DeferralCalls>, 'wanted' | 'delivered'>;
  /** by item: who has it under way */
  readonly claims: Map<number, string>;
  readonly listing: Listing;
  userOf(address: string): HomeUser | null;
  /** one that came by MSRP. Never rejects */
  large(item: DeferredRecord, device: Binding): Promise<Outcome>;
  /** nothing of these is left */
  gone(removed: readonly Removed[]): void;
  failed(thrown: unknown): void;
}

/** What waits, on its way to a device: claimed, sent, and booked with its answer. */
export class Deliveries {
  readonly #host: DeliveriesHost;

  constructor(host: DeliveriesHost) {
    this.#host = host;
  }

  /** What is sent next, and nobody else takes meanwhile. */
  async wanted(user: HomeUser, query: PushQuery): Promise<readonly DeferredRecord[]> {
    const { calls, claims, clock, listing } = this.#host;
    const found = await calls().wanted({ ...query, owner: user.user, now: clock.now() });
    const free = found.filter(({ id }) => !claims.has(id));
    for (const { id } of free) claims.set(id, 'push');
    return free.map((item) => listing.record(item));
  }

  /** One item to one device. Never rejects. */
  deliver(item: DeferredRecord, device: Binding): Promise<Outcome> {
    const { layer, notifications } = this.#host;
    const name = this.#host.userOf(item.author)?.user ?? null;
    if (name !== null && item.imdnId !== null) {
      // what it is answered with goes to the device that sent it, also if this network was started again meanwhile
      if (item.origin !== null) notifications.expect(name, item.imdnId, item.origin);
      if (item.isReported) notifications.reported(item.owner, name, item.imdnId);
    }
    if (item.mediaType !== null) return this.#host.large(item, device);
    return new Promise((resolve) => {
      layer().send(device.flow, pushed(item, device), {
        onFinal: (response) => resolve(outcomeOf(response.status, header(response, 'Retry-After'))),
      });
    });
  }

  /** That device has it; resolves with the commit. */
  async taken(item: DeferredRecord, device: Binding): Promise<void> {
    const { calls, clock, directory, listing, rules } = this.#host;
    const user = directory.byName(item.owner);
    const isForAll = user !== null && rules.of(user).devices === 'all';
    try {
      const { isFirst, removed } = await calls().delivered(item.id, nameOf(device), isForAll, clock.now());
      const isKept = removed.every(({ token }) => listing.uri(token) !== item.uri);
      if (isFirst && isKept && item.kind !== 'notification') listing.removed(item.owner, item.uri);
      this.#host.gone(removed);
    } catch (thrown) {
      this.#host.failed(thrown);
    }
  }
}
