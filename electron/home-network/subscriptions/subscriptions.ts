import { decodeEvent, type EventHeader } from '../../../shared/protocol/sip/event.ts';
import { header, headers } from '../../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';
import { paramValue } from '../../../shared/protocol/sip/params.ts';
import { decodeDeltaSeconds } from '../../../shared/protocol/sip/text.ts';
import { decodeSipUri, gruuInstance, trySipUri, unescapeUser } from '../../../shared/protocol/sip/uri.ts';
import type { Bindings } from '../bindings.ts';
import type { Dialogs } from '../dialogs.ts';
import { legFrom } from '../leg.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { Bounds, HomeUser } from '../settings.ts';
import type { TransactionLayer } from '../transactions.ts';
import type { EventPackage, Listener } from './event-package.ts';
import { Subscription } from './subscription.ts';
import type { SubscriptionHost } from './subscription-host.ts';

/** seconds; what is shorter is refused with 423 (RFC 6665 section 4.2.1.1) */
const MIN_EXPIRES = 60;
/** option tags of a Require that this notifier meets */
const FULFILLED = new Set(['gruu', 'outbound', 'path']);

interface Parts {
  readonly bindings: Bindings;
  readonly dialogs: Dialogs;
  readonly layer: () => TransactionLayer;
  readonly ownUri: (user: string) => string;
  readonly bounds: Pick<Bounds, 'subscriptionsPerUser'>;
}

/**
 * The notifier of this network (RFC 6665): whoever has state to tell of serves it as an {@link EventPackage}; dialogs, times, refusals and the pace
 * of notifications are the same for all of them.
 */
export class Subscriptions {
  readonly #parts: Parts;
  readonly #packages = new Map<string, EventPackage>();
  readonly #ofUser = new Map<HomeUser, Set<Subscription>>();
  readonly #host: SubscriptionHost;

  constructor(parts: Parts, packages: readonly EventPackage[]) {
    this.#parts = parts;
    for (const each of packages) this.#packages.set(each.name.toLowerCase(), each);
    const { bindings, dialogs, layer, ownUri } = parts;
    this.#host = {
      dialogs,
      layer,
      clock: () => layer().clock,
      contactOf: (leg) => ownUri(unescapeUser(trySipUri(decodeNameAddr(leg.localAddress).uri)?.user ?? '')),
      flowOf: (user, instance) => bindings.of(user).find((binding) => binding.instance === instance)?.flow ?? null,
      granted: (transaction, asked, event) => this.#granted(transaction, asked, event),
    };
  }

  /** Value of Allow-Events. */
  get events(): string {
    return [...this.#packages.values()].map(({ name }) => name).join(', ');
  }

  /** A SUBSCRIBE outside of a dialog, whoever it means. @throws ParleyError `sip.malformed` */
  subscribe(transaction: ServerTransaction, subscriber: HomeUser): void {
    const { request, essentials } = transaction;
    const value = header(request, 'Event');
    const event = value === null ? null : decodeEvent(value);
    const asked = event === null ? undefined : this.#packages.get(event.type.toLowerCase());
    if (event === null || asked === undefined) {
      this.#badEvent(transaction);
      return;
    }
    const unknown = headers(request, 'Require').filter((tag) => !FULFILLED.has(tag.toLowerCase()));
    const seconds = this.#granted(transaction, asked, event);
    if (seconds === null) return;
    const type = typeFor(asked.types, headers(request, 'Accept'), header(request, 'Accept') !== null);
    if (unknown.length > 0) transaction.respond(420, { headers: [{ name: 'Unsupported', value: unknown.join(', ') }] });
    else if (essentials.fromTag === null) transaction.respond(400, { reason: 'No From tag' });
    else if (headers(request, 'Contact').length !== 1) transaction.respond(400, { reason: 'One Contact is needed' });
    else if (type === null) transaction.respond(406, { headers: [{ name: 'Accept', value: asked.types.join(', ') }] });
    else if (!this.#hasRoom(subscriber)) transaction.respond(403, { reason: 'Too Many Subscriptions' });
    else this.#open(transaction, subscriber, { asked, event, type, seconds });
  }

  /** A device of his is there, perhaps one that was away: it is told what it missed. */
  registered(user: HomeUser): void {
    for (const subscription of [...(this.#ofUser.get(user) ?? [])]) subscription.deviceBack();
  }

  /** Nobody is told any more. */
  close(): void {
    for (const own of this.#ofUser.values()) for (const subscription of [...own]) subscription.drop();
  }

  #open(
    transaction: ServerTransaction,
    subscriber: HomeUser,
    wish: { readonly asked: EventPackage; readonly event: EventHeader; readonly type: string; readonly seconds: number },
  ): void {
    const { asked, event, type, seconds } = wish;
    const { request } = transaction;
    const leg = legFrom(transaction, subscriber);
    const about = {
      package: asked,
      event,
      type,
      leg,
      instance: instanceIn(headers(request, 'Contact')[0] ?? ''),
      expiresAt: this.#parts.layer().clock.now() + seconds * 1000,
    };
    const own = this.#ofUser.get(subscriber) ?? new Set();
    const subscription = new Subscription(this.#host, about, () => {
      own.delete(subscription);
      if (own.size === 0) this.#ofUser.delete(subscriber);
    });
    const listener: Listener = { changed: () => subscription.changed(), end: (reason, owes) => subscription.end(reason, owes) };
    const feed = asked.open({ subscriber, uri: decodeSipUri(request.uri), type }, listener);
    if (typeof feed === 'number') {
      transaction.respond(feed);
      return;
    }
    this.#ofUser.set(subscriber, own.add(subscription));
    const recordRoutes = headers(request, 'Record-Route').map((value) => ({ name: 'Record-Route', value }));
    transaction.respond(200, {
      headers: [...recordRoutes, { name: 'Contact', value: `<${this.#host.contactOf(leg)}>` }, { name: 'Expires', value: String(seconds) }],
    });
    subscription.open(feed, seconds === 0);
  }

  #granted(transaction: ServerTransaction, asked: EventPackage, event: EventHeader): number | null {
    const { request } = transaction;
    const again = header(request, 'Event');
    if (again === null || !isSame(decodeEvent(again), event)) {
      this.#badEvent(transaction);
      return null;
    }
    const value = header(request, 'Expires');
    const wanted = value === null ? asked.defaultExpires : decodeDeltaSeconds(value);
    if (wanted > 0 && wanted < MIN_EXPIRES) {
      transaction.respond(423, { headers: [{ name: 'Min-Expires', value: String(MIN_EXPIRES) }] });
      return null;
    }
    return Math.min(wanted, asked.maxExpires);
  }

  #badEvent(transaction: ServerTransaction): void {
    transaction.respond(489, { headers: [{ name: 'Allow-Events', value: this.events }] });
  }

  /** Who has too many loses first what reaches nobody any more. */
  #hasRoom(subscriber: HomeUser): boolean {
    const own = this.#ofUser.get(subscriber);
    if (own === undefined || own.size < this.#parts.bounds.subscriptionsPerUser) return true;
    for (const subscription of own) {
      if (subscription.isReachable) continue;
      subscription.drop();
      return true;
    }
    return false;
  }
}

function isSame(a: EventHeader, b: EventHeader): boolean {
  return a.type.toLowerCase() === b.type.toLowerCase() && a.id === b.id;
}

/** @returns null where its subscriber reads none of them */
function typeFor(types: readonly string[], accepted: readonly string[], isSaid: boolean): string | null {
  if (!isSaid) return types[0] ?? null;
  const ranges = accepted.map((value) => (value.split(';', 1)[0] ?? '').trim().toLowerCase());
  const fits = (type: string): boolean => ranges.some((range) => range === type || range === '*/*' || range === `${type.split('/')[0]}/*`);
  return types.find(fits) ?? null;
}

function instanceIn(contact: string): string | null {
  const { uri, parameters } = decodeNameAddr(contact);
  const said = paramValue(parameters, '+sip.instance')?.replace(/^<|>$/g, '');
  const address = trySipUri(uri);
  return said ?? ((address === null ? null : gruuInstance(address)) || null);
}
