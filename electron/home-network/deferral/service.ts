import { ParleyError } from '../../../shared/base/errors.ts';
import type { CpimMessage } from '../../../shared/protocol/cpim/cpim.ts';
import type { Imdn } from '../../../shared/protocol/imdn/imdn.ts';
import { header, type SipHeader, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { trySipUri } from '../../../shared/protocol/sip/uri.ts';
import type { Binding } from '../bindings.ts';
import { NetworkDatabase } from '../databases/open.ts';
import type { Taken } from '../focus/collection.ts';
import type { ServerTransaction } from '../server-transaction.ts';
import type { HomeUser } from '../settings.ts';
import { DEFERRAL_CALLS, type DeferralCalls, type NewItem, type Removed, type StoredItem } from './database.ts';
import { Deliveries } from './deliveries.ts';
import { Endings } from './endings.ts';
import { cpimOf, itemOf, kindOf, type Letter, noRoom, TAG } from './envelope.ts';
import { Expiry } from './expiry.ts';
import { DeferralFiles } from './files.ts';
import { type Held, type Hold, Holds } from './holds.ts';
import type { DeferralHost, Kept } from './host.ts';
import { Listing } from './listing.ts';
import { Offers } from './offers.ts';
import type { Deferral, DeferredItem, DeferredRecord, Settlement } from './port.ts';
import { Pulls } from './pulls.ts';
import { Push, type Tried } from './push.ts';
import { DeferredSessions } from './sessions.ts';

/** Keeps for its users what no device of theirs takes now, and sees that they get it (cpm.md section 16.2). */
export class DeferralService implements Deferral {
  readonly #host: DeferralHost;
  readonly #database: NetworkDatabase<DeferralCalls>;
  readonly #push: Push;
  readonly #deliveries: Deliveries;
  readonly #expiry: Expiry<StoredItem>;
  readonly #sessions: DeferredSessions;
  readonly #offers: Offers;
  readonly #endings: Endings;
  readonly #pulls: Pulls;
  readonly files: DeferralFiles;
  /** by item: who has it under way. Nobody has after a start */
  readonly #claims = new Map<number, string>();
  /** files under way whose owner has said that he has them */
  readonly #arrived = new Set<number>();
  readonly #listing: Listing;
  readonly #holds: Holds;

  constructor(host: DeferralHost) {
    this.#host = host;
    this.#listing = new Listing(host.directory.domain);
    this.#holds = new Holds({
      claims: this.#claims,
      settle: (id) => this.settle(id, 'delivered'),
      waits: async (id, owner) => {
        const item = await this.#calls.item(id);
        if (item !== null) await this.#waits(owner, item, this.#push.arrivals(owner));
      },
      failed: (thrown) => this.#failed(thrown),
    });
    this.files = new DeferralFiles(host.databases.folder);
    this.#database = new NetworkDatabase<DeferralCalls>(host.databases, 'deferral', DEFERRAL_CALLS);
    const { bindings, rules, clock } = host;
    this.#deliveries = new Deliveries({
      ...{ directory: host.directory, rules, clock, notifications: host.notifications, layer: host.layer },
      ...{ claims: this.#claims, listing: this.#listing },
      calls: () => this.#calls,
      userOf: (address) => this.#userOf(address),
      large: (item, device) => this.#offers.large(item, device),
      gone: (removed) => this.#gone(removed),
      failed: (thrown) => this.#failed(thrown),
    });
    this.#push = new Push({
      ...{ bindings, rules, clock },
      wanted: (user, query) => this.#deliveries.wanted(user, query),
      release: (ids) => void this.release(ids),
      deliver: (item, device) => this.#deliveries.deliver(item, device),
      offer: (item, devices) => this.#offers.add(item, devices),
      taken: (item, device) => this.#deliveries.taken(item, device),
      failed: (thrown) => this.#failed(thrown),
    });
    this.#sessions = new DeferredSessions({
      ...{ focus: host.focus, files: this.files, tag: TAG[0] as SipHeader },
      item: (letter, cpim) => this.#item(letter, cpim),
      hasRoom: (owner, size) => this.#calls.hasRoom(owner, size, this.#quota(owner)),
      store: async (item, how) => {
        const user = host.directory.byName(item.owner);
        const kept = user === null ? 'full' : await this.#store(user, item, this.#quota(item.owner), how);
        if (kept === 'full') throw new ParleyError('file.disk-full', 'the quota of the recipient');
        // its file belongs to nobody
        if (kept === 'known' && item.file !== null) await this.files.remove(item.file);
      },
      content: (id) => this.#calls.content(id),
      userOf: (address) => this.#userOf(address),
      noRoom: () => noRoom(host.directory.domain),
    });
    this.#endings = new Endings({
      ...{ directory: host.directory, clock, rules, claims: this.#claims },
      userOf: (address) => this.#userOf(address),
      wishes: (item, type) => this.#sessions.wishes(item, type),
      intoStore: host.intoStore,
      tell: (user, from, notice) => this.tell(user, from, notice),
      remove: (item, how) => this.settle(item.id, how),
      failed: (thrown) => this.#failed(thrown),
    });
    this.#offers = new Offers({
      ...{ sessions: this.#sessions, directory: host.directory },
      taken: (item, device) => this.#deliveries.taken(item, device),
      progress: (item, device, octets) => this.#calls.progress(item.id, device, octets),
      giveBack: (item) => this.#endings.end(item),
      unaccepted: (item) => this.#endings.unaccepted(item),
      release: (id) => void this.release([id]),
      later: (user) => this.#push.later(user),
      failed: (thrown) => this.#failed(thrown),
    });
    this.#pulls = new Pulls({
      ...{ focus: host.focus, files: this.files, claims: this.#claims },
      list: (owner) => this.list(owner),
      record: (id) => this.record(id),
      content: (id) => this.#calls.content(id),
      taken: (item, device) => this.#deliveries.taken(item, device),
      progress: (item, device, octets) => this.#calls.progress(item.id, device, octets),
      release: (id) => void this.release([id]),
      failed: (thrown) => this.#failed(thrown),
    });
    this.#expiry = new Expiry<StoredItem>({
      clock,
      next: () => this.#calls.nextExpiry(),
      due: (limit) => this.#calls.expired(clock.now(), limit),
      end: (item) => this.#endings.expire(item),
      failed: (thrown) => this.#failed(thrown),
    });
  }

  /** Takes up what an earlier run has left. @throws ParleyError `store.*` */
  async open(): Promise<void> {
    this.files.clean(new Set(await this.#calls.files()));
    this.#listing.begin(await this.#calls.counts());
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
    return this.mayKeep(user) && (this.#host.rules.of(user).available === 'defer' || this.isOnItsWay(user));
  }

  /** Texts for him are being taken in or sent: whatever reaches him by another way comes before them. */
  isOnItsWay(user: HomeUser): boolean {
    return (this.#push.isSending(user) && this.#listing.count(user.user) > 0) || this.#sessions.isTaking(user.user);
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
    const { directory } = this.#host;
    const about = { kind: letter.isNotification ? 'notification' : 'pager', author: directory.addressOf(letter.sender) } as const;
    const kept = await this.keep({ ...letter, ...about, request }, isTried);
    const status = kept === null ? 500 : kept === 'full' ? 480 : 202;
    transaction.respond(status, { headers: kept === 'full' ? noRoom(directory.domain) : [] });
    return status;
  }

  get changed(): Listing['changed'] {
    return this.#listing.changed;
  }

  /** Resolves with the commit; null: that failed. @param isTried a device was asked just now; or who holds it */
  async keep(letter: Letter, isTried: boolean | Hold): Promise<Kept | null> {
    const user = this.#host.directory.byName(letter.owner);
    if (user === null) return null;
    try {
      const cpim = cpimOf(letter.request.body, header(letter.request, 'Content-Type'));
      const how = typeof isTried === 'boolean' ? this.#tried(letter.owner, isTried) : isTried;
      return await this.#store(user, this.#item(letter, cpim), this.#quota(letter.owner), how);
    } catch (thrown) {
      this.#failed(thrown);
      return null;
    }
  }

  /** The author of a message has heard that it was delivered: whoever of the recipient's devices gets it later need not say so. */
  reported(recipient: HomeUser, author: HomeUser, imdn: Pick<Imdn, 'messageId' | 'disposition' | 'status'>): void {
    if (imdn.disposition !== 'delivery') return;
    this.#reported(recipient, author, imdn).catch((thrown) => this.#failed(thrown));
  }

  /** A file that he has was taken when this network ended: it would be offered again to a device that does not take it twice. */
  async #reported(recipient: HomeUser, author: HomeUser, { messageId, status }: Pick<Imdn, 'messageId' | 'status'>): Promise<void> {
    const file = await this.#calls.reported(recipient.user, this.#host.directory.addressOf(author), messageId);
    if (file === null || status !== 'delivered') return;
    if (this.#claims.has(file)) this.#arrived.add(file);
    else await this.settle(file, 'delivered');
  }

  /** Whether that INVITE may wait for him. */
  mayTake(user: HomeUser, request: SipRequest): boolean {
    return this.mayKeep(user) && this.#sessions.canTake(request);
  }

  /** Takes what an INVITE brings in the place of its recipient, and answers it. */
  session(
    transaction: ServerTransaction,
    letter: Omit<Letter, 'request' | 'kind' | 'author'> & { readonly sender: HomeUser },
    isTried: boolean,
  ): void {
    const { request } = transaction;
    const author = this.#host.directory.addressOf(letter.sender);
    const about = { request, kind: kindOf(request), author } as const;
    void this.#sessions.take(transaction, { ...letter, ...about }, this.#tried(letter.owner, isTried));
  }

  /** A file is asked for. @returns false where it does not wait here for whoever asks: then its author is asked */
  async pulled(transaction: ServerTransaction, asker: HomeUser, author: HomeUser): Promise<boolean> {
    const { bindings, directory } = this.#host;
    const device = bindings.onFlow(transaction.flow).find(({ user }) => user === asker);
    return device !== undefined && this.#pulls.serve(transaction, asker, directory.addressOf(author), device);
  }

  /** What went to several, for one of them. @param content of an INVITE. @returns false when it cannot be kept */
  async keepEither(letter: Omit<Letter, 'kind'>, content: Taken | null, isTried: boolean): Promise<boolean> {
    if (content === null) {
      const kept = await this.keep({ ...letter, kind: 'pager' }, isTried);
      return kept === 'kept' || kept === 'known';
    }
    try {
      await this.#sessions.keep({ ...letter, kind: kindOf(letter.request) }, content, this.#tried(letter.owner, isTried));
      return true;
    } catch (thrown) {
      this.#failed(thrown);
      return false;
    }
  }

  /**
   * What goes to several, for one of them: on disk before its sender hears that it was taken, and nobody else's until it is known what his devices say.
   * @returns `known`: it waits for him already; null: it cannot be kept
   */
  async hold(letter: Omit<Letter, 'kind'>, content: Taken | null): Promise<Held | 'known' | null> {
    const user = this.#host.directory.byName(letter.owner);
    if (user === null) return null;
    const kind = content === null ? 'pager' : kindOf(letter.request);
    return this.#holds.take(user, async (hold) => {
      if (content === null) await this.keep({ ...letter, kind }, hold);
      else await this.#sessions.keep({ ...letter, kind }, content, hold);
    });
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
    return all.filter(({ id }) => !this.#claims.has(id)).map((item) => this.#listing.item(item));
  }

  async claim(owner: string, ids: readonly number[] | 'all', by: string): Promise<readonly DeferredItem[]> {
    const wanted = ids === 'all' ? null : new Set(ids);
    const free = (await this.list(owner)).filter(({ id }) => wanted?.has(id) ?? true);
    for (const { id } of free) this.#claims.set(id, by);
    return free;
  }

  async content(id: number): Promise<Uint8Array> {
    const found = await this.#calls.content(id);
    if (found?.octets === null && found.file !== null) return this.files.read(found.file);
    if (found === null || found.octets === null) throw new ParleyError('request.not-found', `deferred item ${id}`);
    return found.octets;
  }

  async record(id: number): Promise<DeferredRecord> {
    const item = await this.#calls.item(id);
    if (item === null) throw new ParleyError('request.not-found', `deferred item ${id}`);
    return this.#listing.record(item);
  }

  async settle(id: number, how: Settlement): Promise<boolean> {
    const item = how === 'interworked' ? await this.#calls.item(id) : null;
    if (item !== null) await this.#endings.interworked(item, this.#host.leavesBy);
    const removed = await this.#calls.remove(id);
    this.#claims.delete(id);
    if (removed !== null) this.#gone([this.#holds.over(id) ? { ...removed, wasListed: false } : removed]);
    return removed !== null;
  }

  async release(ids: readonly number[]): Promise<void> {
    for (const id of ids) this.#claims.delete(id);
    for (const id of ids) if (this.#arrived.delete(id)) await this.settle(id, 'delivered').catch((thrown) => this.#failed(thrown));
  }

  deliverFile({ id }: DeferredItem, device: Binding): void {
    this.#claims.set(id, 'push');
    this.record(id).then(
      (item) => this.#offers.add(item, [device]),
      (thrown) => {
        this.#claims.delete(id);
        this.#failed(thrown);
      },
    );
  }

  async close(): Promise<void> {
    this.#push.close();
    this.#expiry.close();
    await this.#database.close();
    this.files.close();
  }

  get #calls() {
    return this.#database.calls;
  }

  #item(letter: Letter, cpim: CpimMessage | null): NewItem {
    const { relay, clock } = this.#host;
    return itemOf(letter, cpim, { now: clock.now(), maxLife: this.#quota(letter.owner).life, relay });
  }

  #quota(owner: string): { items: number; octets: number; life: number } {
    const user = this.#host.directory.byName(owner);
    if (user === null) return { items: 0, octets: 0, life: 0 };
    const { quotaItems, quotaOctets, maxExpiry } = this.#host.rules.of(user);
    return { items: quotaItems, octets: quotaOctets, life: maxExpiry };
  }

  #userOf(address: string): HomeUser | null {
    const uri = trySipUri(address);
    return uri === null ? null : this.#host.directory.byUri(uri);
  }

  async #store(user: HomeUser, item: NewItem, quota: { items: number; octets: number }, how: Tried | Hold): Promise<Kept> {
    const { outcome, id } = await this.#calls.keep(item, quota);
    if (outcome === 'full') return outcome;
    this.#expiry.notLaterThan(item.expiresAt);
    const isNew = outcome === 'kept';
    if (typeof how === 'function') how(id, isNew);
    else if (isNew) await this.#waits(user, { ...item, id }, how);
    else this.#soon(user, how);
    return outcome;
  }

  /** It is in the list, and comes to a device as soon as there is one. */
  async #waits(user: HomeUser, item: Omit<NewItem, 'content'> & { readonly id: number }, tried: Tried): Promise<void> {
    this.#listing.added(item);
    if (item.kind === 'file') await this.#untaken(user, item.id);
    this.#soon(user, tried);
  }

  #soon(user: HomeUser, tried: Tried): void {
    // a device that came while it was taken in has not been asked
    if (tried === this.#push.arrivals(user)) this.#push.later(user);
    else this.#push.added(user);
  }

  #tried(owner: string, isTried: boolean): Tried {
    const user = this.#host.directory.byName(owner);
    return user === null || !isTried ? null : this.#push.arrivals(user);
  }

  /** Neither he nor a device of his is there for a file: it waits, or goes where he wants such files (R-PF-31). */
  async #untaken(user: HomeUser, id: number): Promise<void> {
    if (this.#host.rules.of(user).unaccepted !== 'store') return;
    this.#claims.set(id, 'store');
    const moving = this.record(id).then((item) => this.#endings.unaccepted(item));
    await moving.catch((thrown) => this.#failed(thrown));
    this.#claims.delete(id);
  }

  /** Tells of those that nobody had; whatever they had on disk goes. */
  #gone(removed: readonly Removed[]): void {
    for (const { file } of removed) if (file !== null) this.files.remove(file).catch((thrown) => this.#failed(thrown));
    for (const { owner, token, wasListed } of removed) if (wasListed) this.#listing.removed(owner, this.#listing.uri(token));
  }

  #failed(thrown: unknown): void {
    this.#host.log(`deferral: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}
