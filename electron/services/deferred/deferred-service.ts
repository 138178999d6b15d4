import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import type { Params, Result } from '../../../shared/ipc/contract.ts';
import { canonicalAddress } from '../../../shared/model/address.ts';
import { type DeferredOverview, NOTHING_DEFERRED } from '../../../shared/model/deferred.ts';
import type { DeferredEntry } from '../../../shared/protocol/deferred-info/entry.ts';
import { MAX_CHOICES } from '../../../shared/protocol/lists/deferred-request.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { DeferredChange, ListedItem, OrderedItem } from '../../store/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import type { Inbox } from '../inbox.ts';
import { Arrivals } from './arrivals.ts';
import { Retrieval, type RetrievalEnd } from './retrieval.ts';
import { Told } from './told.ts';
import { DeferredWatch } from './watch.ts';

/** orders that are given one after the other leave in one request */
const GATHER_MS = 250;
const GO_ON_MS = 500;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 600_000;
/** requests in a row that brought nothing; then the person is told */
const MOST_FAILURES = 6;
/** setting: everything was asked for, listed or not, and did not come yet */
const ALL = 'deferred.all';

/**
 * What waits in the network for this person, and what becomes of it (cpm.md section 11). Orders are rows of the store before anything leaves; they
 * are carried out when there is a link, and taken up again where they broke.
 */
export class DeferredService {
  readonly #context: ServiceContext;
  readonly #msrp: MsrpEngine;
  readonly #inbox: Inbox;
  readonly #watch: DeferredWatch;
  readonly #arrivals: Arrivals;
  readonly #told: Told;
  #overview: DeferredOverview = NOTHING_DEFERRED;
  #link: Link | null = null;
  #all = false;
  #running: Retrieval | null = null;
  #isPumping = false;
  #failures = 0;
  #cancelPump: () => void = () => undefined;
  #isStopped = false;

  constructor(context: ServiceContext, msrp: MsrpEngine, inbox: Inbox) {
    this.#context = context;
    this.#msrp = msrp;
    this.#inbox = inbox;
    this.#told = new Told(context);
    this.#arrivals = new Arrivals(context, (change) => this.#changed(change));
    this.#watch = new DeferredWatch(context, {
      listed: ({ state, items, removed }, anew) =>
        this.#listed(
          state === 'full',
          items.map((item) => this.#toListed(item)),
          removed,
          anew,
        ),
      summed: ({ waiting, count, hint }) => this.#tell({ support: 'counted', count: waiting ? count : 0, hint }),
      unsupported: () => this.#tell({ support: 'unsupported', count: null, hint: null }),
    });
  }

  /** Once, before there is a link. */
  async recover(): Promise<void> {
    const { store } = this.#context;
    await store.deferredRecover();
    this.#all = (await store.setting(ALL)) === 'true';
    await this.#sum();
  }

  /** There is a link, and MSRP listens on it. */
  begin(link: Link): void {
    if (this.#link === link) return;
    this.#link = link;
    this.#failures = 0;
    this.#watch.begin(link);
    this.#pumpIn(0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelPump();
    this.#running?.stop();
    this.#told.stop();
    await Promise.all([this.#watch.stop(), this.#arrivals.flush()]);
  }

  get overview(): DeferredOverview {
    return this.#overview;
  }

  page(page: Params<'deferred.page'>): Promise<Result<'deferred.page'>> {
    return this.#context.store.deferredPage(page);
  }

  async order({ orders }: Params<'deferred.order'>): Promise<void> {
    this.#changed(await this.#context.store.deferredOrder({ orders }));
    await this.#ordered();
  }

  async orderAll({ order, except = [] }: Params<'deferred.orderAll'>): Promise<void> {
    if (order === 'deliver' && except.length === 0) await this.#setAll(true);
    await this.#context.store.deferredOrderAll({ order, except });
    this.#told.reload();
    await this.#ordered();
  }

  /** What has not been asked for waits again, what is on its way stops. */
  async stopFetching(): Promise<void> {
    await this.#setAll(false);
    this.#running?.stop();
    await this.#context.store.deferredOrderAll({ order: null, except: [] });
    this.#told.reload();
    await this.#sum();
  }

  async #ordered(): Promise<void> {
    this.#failures = 0;
    await this.#sum({ error: null });
    this.#pumpIn(GATHER_MS);
  }

  async #setAll(all: boolean): Promise<void> {
    this.#all = all;
    await this.#context.store.setSetting(ALL, String(all));
  }

  async #listed(full: boolean, items: readonly ListedItem[], removed: readonly string[], anew: boolean): Promise<void> {
    const { store, settings, clock } = this.#context;
    await this.#arrivals.flush();
    const toFetch = settings.current.autoFetchUpTo === 0 ? -1 : settings.current.autoFetchUpTo;
    const { many, ...change } = await store.deferredList({ full, anew, items, removed, toFetch, now: clock.now() });
    if (many) this.#told.reload();
    else this.#changed(change);
    // while much comes the end of it is told, and how far it is
    if (this.#running !== null && this.#overview.support === 'listed') return;
    await this.#sum({ support: 'listed', hint: null });
    if (this.#overview.ordered > 0) this.#pumpIn(GATHER_MS);
  }

  #toListed({ from, sent, expires, ...item }: DeferredEntry): ListedItem {
    const { account, contacts } = this.#context;
    const address = canonicalAddress(from, account.countryCode);
    return { ...item, peer: address === null ? from : contacts.peerOf(address), sentAt: sent, expiresAt: expires };
  }

  /** @param wait until more may have been ordered */
  #pumpIn(wait: number): void {
    this.#cancelPump();
    if (this.#isStopped) return;
    this.#cancelPump = this.#context.clock.after(wait, () => void this.#pump());
  }

  async #pump(): Promise<void> {
    const link = this.#link;
    if (this.#isPumping || this.#isStopped || link === null) return;
    this.#isPumping = true;
    try {
      for (let next: Asked | null = await this.#next(); next !== null; next = await this.#next()) {
        if (!(await this.#ask(link, next)) || this.#link !== link || this.#isStopped) break;
      }
    } catch (thrown) {
      const error = toCodedError(thrown);
      this.#context.log(`waiting messages: ${error.code} ${error.detail}`);
    } finally {
      this.#isPumping = false;
    }
    if (this.#link !== link && this.#link !== null) this.#pumpIn(0);
  }

  /** What is asked for next; orders of every kind in one request (cpm.md section 11.2). */
  async #next(): Promise<Asked | null> {
    const { store } = this.#context;
    if (!this.#all) {
      const items = await store.deferredOrdered(MAX_CHOICES);
      return items.length === 0 ? null : { items, isAll: false };
    }
    const items = await store.deferredOrdered(Number.MAX_SAFE_INTEGER);
    const others = items.filter(({ order }) => order !== 'deliver');
    return others.length > 0 ? { items: others.slice(0, MAX_CHOICES), isAll: false } : { items, isAll: true };
  }

  /** @returns whether to go on at once */
  async #ask(link: Link, { items, isAll }: Asked): Promise<boolean> {
    const { store, clock } = this.#context;
    const now = clock.now();
    const all = items.map(({ id }) => id);
    this.#changed(await store.deferredMove({ ids: all, event: 'ask', now }));
    const wanted = items.filter(({ order, kind }) => order === 'deliver' && kind !== 'file');
    const left = new Set(all);
    let came = 0;
    const of = isAll && this.#overview.support !== 'listed' ? null : wanted.length;
    const progress = () => this.#tell({ fetching: wanted.length > 0 || isAll ? { done: came, of } : null });
    progress();
    const retrieval = new Retrieval(this.#context, this.#inbox, wanted, {
      accepted: () => {
        for (const { id, order, kind } of items) {
          // a file comes by an invitation of its own
          if (order !== 'deliver' || kind === 'file') {
            left.delete(id);
            this.#arrivals.add(id);
          }
        }
      },
      arrived: (item) => {
        came += 1;
        if (item !== null && left.delete(item.id)) this.#arrivals.add(item.id);
        progress();
      },
    });
    this.#running = retrieval;
    const end = await retrieval.run(link, this.#msrp, isAll ? [] : items);
    this.#running = null;
    await this.#arrivals.flush();
    const goesOn = await this.#settle(end, [...left], { isAll, hasNews: left.size < all.length || came > 0 });
    await this.#sum({ fetching: null });
    return goesOn;
  }

  async #settle(end: RetrievalEnd, left: readonly number[], { isAll, hasNews }: { isAll: boolean; hasNews: boolean }): Promise<boolean> {
    const move = (event: 'break' | 'refuse', error?: CodedError) => this.#move(left, event, error);
    if (end.kind === 'done') {
      this.#failures = 0;
      const isCut = left.length > 0 && hasNews;
      if (isAll && !isCut) await this.#setAll(false);
      // a network that has sent something may have more; one that sends nothing of what it was asked for has not
      if (isCut) await move('break');
      else await move('refuse', { code: 'deferred.undelivered', detail: 'the network ended the session without it' });
      if (left.length > 0 && !isCut) this.#watch.refresh();
      this.#tell({ error: null });
      return true;
    }
    this.#context.log(`waiting messages: ${end.error.code} ${end.error.detail}`);
    if (end.kind === 'refused') {
      if (isAll) await this.#setAll(false);
      await move('refuse', end.error);
      this.#watch.refresh();
      this.#tell({ error: end.error });
      return false;
    }
    this.#failures = hasNews ? 0 : this.#failures + 1;
    const isGivenUp = this.#failures > MOST_FAILURES;
    if (isGivenUp && isAll) await this.#setAll(false);
    await move(isGivenUp ? 'refuse' : 'break', end.error);
    this.#tell({ error: end.error });
    // where something came, more will
    const own = hasNews ? GO_ON_MS : Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1));
    if (!isGivenUp) this.#pumpIn(Math.max(end.retryAfterMs ?? 0, own));
    return false;
  }

  async #move(ids: readonly number[], event: 'break' | 'refuse', error?: CodedError): Promise<void> {
    if (ids.length === 0) return;
    const { store, clock } = this.#context;
    this.#changed(await store.deferredMove({ ids, event, error, now: clock.now() }));
  }

  #changed(change: DeferredChange): void {
    this.#told.change(change);
  }

  async #sum(more: Partial<DeferredOverview> = {}): Promise<void> {
    const { count, size, ordered } = await this.#context.store.deferredSums();
    const support = more.support ?? this.#overview.support;
    // where nothing is listed now, what was listed before is still what is known
    const counts = support === 'listed' || support === 'unknown' || count > 0;
    this.#tell({ ...more, ...(counts ? { count } : {}), size, ordered });
  }

  #tell(change: Partial<DeferredOverview>): void {
    this.#overview = { ...this.#overview, ...change };
    this.#told.overview(this.#overview);
  }
}

interface Asked {
  readonly items: readonly OrderedItem[];
  readonly isAll: boolean;
}
