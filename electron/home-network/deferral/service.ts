import type { Clock } from '../../../shared/base/clock.ts';
import { Emitter } from '../../../shared/base/emitter.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { randomToken, randomUuid } from '../../../shared/base/random.ts';
import { contactFeature, preferredService } from '../../../shared/protocol/cpm/names.ts';
import { encodeWarning } from '../../../shared/protocol/cpm/warning.ts';
import type { Imdn } from '../../../shared/protocol/imdn/imdn.ts';
import { header, type SipHeader, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';
import { addressOfRecord, trySipUri } from '../../../shared/protocol/sip/uri.ts';
import type { Binding, Bindings } from '../bindings.ts';
import { NetworkDatabase, type NetworkDatabases } from '../databases/open.ts';
import type { Directory } from '../directory.ts';
import { failureNotice } from '../failure-notice.ts';
import { FRESH } from '../leg.ts';
import type { NotificationFilter } from '../notification-filter.ts';
import { isPrivate, type RelayHeaders } from '../relay-headers.ts';
import type { Rules } from '../rules/rules.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeUser } from '../settings.ts';
import type { TransactionLayer } from '../transactions.ts';
import { DEFERRAL_CALLS, type DeferralCalls, type NewItem, type Removed, type StoredItem } from './database.ts';
import { cpimOf, itemOf, type Letter, withDeferredTag } from './envelope.ts';
import { Expiry } from './expiry.ts';
import type { Deferral, DeferredChange, DeferredItem, DeferredRecord, Settlement } from './port.ts';
import { nameOf, type Outcome, Push, type PushQuery } from './push.ts';
import { isUnavailable } from './triggers.ts';

export interface DeferralHost {
  readonly directory: Directory;
  readonly bindings: Bindings;
  readonly relay: RelayHeaders;
  readonly rules: Rules;
  readonly clock: Clock;
  readonly notifications: NotificationFilter;
  readonly layer: () => TransactionLayer;
  readonly databases: NetworkDatabases;
  readonly log: (line: string) => void;
}

/** Whether a message may wait, and why it does. */
export type Kept = 'kept' | 'known' | 'full';

/** of what is pushed, in place of the service that it was sent by (flow F21-01) */
const TAG: readonly SipHeader[] = [
  { name: 'Accept-Contact', value: `*;${contactFeature(['oma.cpm.deferred'])}` },
  { name: 'P-Asserted-Service', value: preferredService('oma.cpm.deferred') },
];

/** Keeps for its users what no device of theirs takes now, and sees that they get it (cpm.md section 16.2). */
export class DeferralService implements Deferral {
  readonly changed = new Emitter<DeferredChange>();
  readonly #host: DeferralHost;
  readonly #database: NetworkDatabase<DeferralCalls>;
  readonly #push: Push;
  readonly #expiry: Expiry<StoredItem>;
  /** by item: who has it under way. Nobody has after a start */
  readonly #claims = new Map<number, string>();
  /** how much is listed, by owner */
  readonly #counts = new Map<string, number>();

  constructor(host: DeferralHost) {
    this.#host = host;
    this.#database = new NetworkDatabase<DeferralCalls>(host.databases, 'deferral', DEFERRAL_CALLS);
    const { bindings, rules, clock } = host;
    this.#push = new Push({
      ...{ bindings, rules, clock },
      wanted: (user, query) => this.#wanted(user, query),
      release: (ids) => void this.release(ids),
      deliver: (item, device) => this.#deliver(item, device),
      offer: (item) => void this.release([item.id]),
      taken: (item, device) => this.#taken(item, device),
      failed: (thrown) => this.#failed(thrown),
    });
    this.#expiry = new Expiry<StoredItem>({
      clock,
      next: () => this.#calls.nextExpiry(),
      due: (limit) => this.#calls.expired(clock.now(), limit),
      end: (item) => this.#expire(item),
      failed: (thrown) => this.#failed(thrown),
    });
  }

  /** Takes up what an earlier run has left. @throws ParleyError `store.*` */
  async open(): Promise<void> {
    for (const { owner, items } of await this.#calls.counts()) this.#counts.set(owner, items);
    await this.#expiry.start();
  }

  /** A notification of this network's own: it waits like any other. @returns false when it could not be kept */
  async tell(user: HomeUser, from: string, request: SipRequest): Promise<boolean> {
    const recipient = this.#host.directory.addressOf(user);
    const letter: Letter = { kind: 'notification', request, sender: null, author: from, owner: user.user, recipient, instance: null };
    const kept = await this.keep(letter, false);
    return kept === 'kept' || kept === 'known';
  }

  /** Whether what is sent to him waits here without his devices being asked: he does not want it now, or older texts are on their way. */
  isFirst(user: HomeUser): boolean {
    return (
      this.mayKeep(user) &&
      (this.#host.rules.of(user).available === 'defer' || (this.#push.isSending(user) && this.#waiting(user.user) > 0))
    );
  }

  /** By policy first (R-PF-22). */
  mayKeep(user: HomeUser): boolean {
    const { deferring, available } = this.#host.rules.of(user);
    return deferring && available !== 'refuse';
  }

  /**
   * Answers a MESSAGE that no device has taken: 202 once it is kept (R-PF-19), which no end of this process undoes.
   * @param isTried a device was asked
   */
  async message(
    transaction: ServerTransaction,
    letter: Omit<Letter, 'request' | 'kind' | 'author'> & { readonly sender: HomeUser; readonly isNotification: boolean },
    isTried: boolean,
  ): Promise<number> {
    const { request } = transaction;
    const kept = await this.keep(
      { ...letter, request, kind: letter.isNotification ? 'notification' : 'pager', author: this.#host.directory.addressOf(letter.sender) },
      isTried,
    );
    if (kept === 'full') {
      transaction.respond(480, { headers: this.fullHeaders() });
      return 480;
    }
    if (kept === null) {
      transaction.respond(500);
      return 500;
    }
    transaction.respond(202);
    return 202;
  }

  /** RFC 3261 section 21.4.18: there is no room now, and there may be later. 413 would speak of the size of this one message. */
  fullHeaders(): SipHeader[] {
    const text = 'The recipient has no room for more deferred messages';
    return [
      { name: 'Warning', value: encodeWarning({ code: 399, agent: this.#host.directory.domain, text }) },
      { name: 'Retry-After', value: '1800' },
    ];
  }

  /** Resolves with the commit; null: that failed. @param isTried a device was asked just now */
  async keep(letter: Letter, isTried: boolean): Promise<Kept | null> {
    const { rules, relay, clock, directory } = this.#host;
    const user = directory.byName(letter.owner);
    if (user === null) return null;
    const { maxExpiry, quotaItems: items, quotaOctets: octets } = rules.of(user);
    try {
      const cpim = cpimOf(letter.request.body, header(letter.request, 'Content-Type'));
      const item = itemOf(letter, cpim, { now: clock.now(), maxLife: maxExpiry, relay });
      return await this.#store(user, item, { items, octets }, isTried);
    } catch (thrown) {
      this.#failed(thrown);
      return null;
    }
  }

  /** The author of a message has heard that it was delivered: whoever of the recipient's devices gets it later need not say so. */
  reported(recipient: HomeUser, author: HomeUser, imdn: Pick<Imdn, 'messageId' | 'disposition'>): void {
    if (imdn.disposition !== 'delivery') return;
    this.#calls.reported(recipient.user, this.#host.directory.addressOf(author), imdn.messageId).catch((thrown) => this.#failed(thrown));
  }

  /** A device of his has registered: it gets what waits. */
  registered(user: HomeUser): void {
    const now = this.#host.clock.now();
    const instances = new Set(this.#host.bindings.of(user).flatMap(({ instance }) => instance ?? []));
    for (const instance of instances) this.#calls.seen(user.user, instance, now).catch((thrown) => this.#failed(thrown));
    this.#push.came(user);
  }

  async list(owner: string): Promise<readonly DeferredItem[]> {
    const all = await this.#calls.list(owner, this.#host.clock.now());
    return all.filter(({ id }) => !this.#claims.has(id)).map((item) => this.#listed(item));
  }

  async claim(owner: string, ids: readonly number[] | 'all', by: string): Promise<readonly DeferredItem[]> {
    const wanted = ids === 'all' ? null : new Set(ids);
    const free = (await this.list(owner)).filter(({ id }) => wanted?.has(id) ?? true);
    for (const { id } of free) this.#claims.set(id, by);
    return free;
  }

  async content(id: number): Promise<Uint8Array> {
    const found = await this.#calls.content(id);
    if (found === null || found.octets === null) throw new ParleyError('request.not-found', `deferred item ${id}`);
    return found.octets;
  }

  async settle(id: number, _how: Settlement): Promise<boolean> {
    const removed = await this.#calls.remove(id);
    this.#claims.delete(id);
    if (removed !== null) this.#gone([removed]);
    return removed !== null;
  }

  release(ids: readonly number[]): Promise<void> {
    for (const id of ids) this.#claims.delete(id);
    return Promise.resolve();
  }

  deliverFile(item: DeferredItem, _device: Binding): void {
    this.#claims.delete(item.id);
  }

  async close(): Promise<void> {
    this.#push.close();
    this.#expiry.close();
    await this.#database.close();
  }

  get #calls() {
    return this.#database.calls;
  }

  async #store(user: HomeUser, item: NewItem, quota: { items: number; octets: number }, isTried: boolean): Promise<Kept> {
    const { outcome, id } = await this.#calls.keep(item, quota);
    if (outcome === 'full') return outcome;
    if (outcome === 'kept' && item.kind !== 'notification') {
      this.#counts.set(user.user, this.#waiting(user.user) + 1);
      this.changed.emit({ owner: user.user, added: [this.#listed({ ...item, id })], removed: [] });
    }
    this.#expiry.notLaterThan(item.expiresAt);
    if (isTried) this.#push.later(user);
    else this.#push.added(user);
    return outcome;
  }

  async #wanted(user: HomeUser, query: PushQuery): Promise<readonly DeferredRecord[]> {
    const found = await this.#calls.wanted({ ...query, owner: user.user, now: this.#host.clock.now() });
    const free = found.filter(({ id }) => !this.#claims.has(id));
    for (const { id } of free) this.#claims.set(id, 'push');
    return free.map((item) => this.#record(item));
  }

  #deliver(item: DeferredRecord, device: Binding): Promise<Outcome> {
    const { layer, notifications, directory } = this.#host;
    const author = trySipUri(item.author);
    const name = author === null ? null : (directory.byUri(author)?.user ?? null);
    if (name !== null && item.imdnId !== null) {
      // what it is answered with goes to the device that sent it, also if this network was started again meanwhile
      if (item.origin !== null) notifications.expect(name, item.imdnId, item.origin);
      if (item.isReported) notifications.reported(item.owner, name, item.imdnId);
    }
    return new Promise((resolve) => {
      layer().send(device.flow, pushed(item, device), {
        onFinal: (response) => resolve(outcomeOf(response.status, header(response, 'Retry-After'))),
      });
    });
  }

  async #taken(item: DeferredRecord, device: Binding): Promise<void> {
    const user = this.#host.directory.byName(item.owner);
    const isForAll = user !== null && this.#host.rules.of(user).devices === 'all';
    try {
      const { isFirst, removed } = await this.#calls.delivered(item.id, nameOf(device), isForAll, this.#host.clock.now());
      const isKept = removed.every(({ token }) => this.#uri(token) !== item.uri);
      if (isFirst && isKept && item.kind !== 'notification') this.#unlist(item.owner, item.uri);
      this.#gone(removed);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  /** Its time is over: whoever wrote it hears that it was not delivered, where he wanted to (R-PF-30). */
  async #expire(item: StoredItem): Promise<boolean> {
    if (this.#claims.has(item.id)) return false;
    // from here on nobody takes it
    this.#claims.set(item.id, 'expiry');
    try {
      if (!item.isDelivered && item.kind !== 'notification' && !(await this.#giveBack(item))) return false;
      const removed = await this.#calls.remove(item.id);
      if (removed !== null) this.#gone([removed]);
      return true;
    } finally {
      this.#claims.delete(item.id);
    }
  }

  /** @returns false when that could not be kept */
  async #giveBack({ fields, body, author, owner }: StoredItem): Promise<boolean> {
    const { directory, clock } = this.#host;
    const address = trySipUri(author);
    const user = address === null ? null : directory.byUri(address);
    const recipient = directory.addressOf({ user: owner });
    const request: SipRequest = { kind: 'request', method: 'MESSAGE', uri: recipient, headers: fields, body };
    if (user === null || isPrivate(request)) return true;
    // in whose conversation it was sent: a group's, or the recipient's own
    const from = trySipUri(decodeNameAddr(header(request, 'To') ?? '').uri);
    const service = from === null ? recipient : addressOfRecord(from);
    const notice = failureNotice(request, [], service, directory.addressOf(user), recipient, clock.now());
    return notice === null || (await this.tell(user, service, notice));
  }

  /** Tells of those that nobody had; whatever they had on disk goes. */
  #gone(removed: readonly Removed[]): void {
    for (const { owner, token, wasListed } of removed) if (wasListed) this.#unlist(owner, this.#uri(token));
  }

  #unlist(owner: string, uri: string): void {
    this.#counts.set(owner, this.#waiting(owner) - 1);
    this.changed.emit({ owner, added: [], removed: [uri] });
  }

  #waiting(owner: string): number {
    return this.#counts.get(owner) ?? 0;
  }

  #uri(token: string): string {
    return `sip:dm-${token}@${this.#host.directory.domain}`;
  }

  #record({ token, ...item }: StoredItem): DeferredRecord {
    return { ...item, uri: this.#uri(token) };
  }

  #listed(item: Omit<NewItem, 'content'> & { readonly id: number }): DeferredItem {
    const { id, token, owner, kind, from, sentAt, size, expiresAt, contentType, subject, conversationId, contributionId, imdnId } = item;
    const ids = { conversationId, contributionId, imdnId };
    return { id, uri: this.#uri(token), owner, kind, from, sentAt, size, expiresAt, contentType, subject, ...ids };
  }

  #failed(thrown: unknown): void {
    this.#host.log(`deferral: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

/** The MESSAGE of flow F21-01: who wrote it and what is in it stay as they were. */
function pushed({ fields, body }: DeferredRecord, device: Binding): SipRequest {
  const from = header({ headers: fields }, 'From') ?? '';
  const headers: SipHeader[] = [
    FRESH,
    ...device.path.map((value) => ({ name: 'Route', value })),
    { name: 'From', value: `${from};tag=${randomToken(10)}` },
    { name: 'To', value: header({ headers: fields }, 'To') ?? '' },
    { name: 'Call-ID', value: randomUuid() },
    { name: 'CSeq', value: '1 MESSAGE' },
    ...withDeferredTag(fields, TAG),
  ];
  return { kind: 'request', method: 'MESSAGE', uri: device.contact.uri, headers, body };
}

function outcomeOf(status: number, retryAfter: string | null): Outcome {
  if (status < 300) return 'taken';
  if (retryAfter !== null) return 'busy';
  return isUnavailable(status) ? 'away' : 'refused';
}
