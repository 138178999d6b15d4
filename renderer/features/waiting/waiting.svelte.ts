import { SvelteSet } from 'svelte/reactivity';
import { type Clock, systemClock } from '../../../shared/base/clock.ts';
import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import { type DeferredItem, type DeferredOrder, type DeferredOverview, NOTHING_DEFERRED } from '../../../shared/model/deferred.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import { Removals } from '../thread/removals.svelte.ts';

const PAGE = 200;
/** orders that one call carries */
const AT_ONCE = 1000;

export interface WaitingPorts {
  readonly bridge: Bridge;
  notice: CodedError | null;
  /** what waits stands in its place */
  closeThread(): void;
}

/** What waits in the network: the list as far as it was scrolled, what is selected, and what is done with it. */
export class Waiting {
  overview = $state.raw<DeferredOverview>(NOTHING_DEFERRED);
  items = $state.raw<readonly DeferredItem[]>([]);
  more = $state(false);
  loading = $state(false);
  error = $state.raw<CodedError | null>(null);
  isOpen = $state(false);
  /** all that there is, but for those in {@link unpicked}; else those in {@link picked} */
  allPicked = $state(false);
  readonly picked = new SvelteSet<number>();
  readonly unpicked = new SvelteSet<number>();
  readonly removals: Removals;
  readonly #ports: WaitingPorts;
  #isListening = false;
  #reading = 0;

  constructor(ports: WaitingPorts, clock: Clock = systemClock) {
    this.#ports = ports;
    this.removals = new Removals(clock, (error) => (ports.notice = error));
  }

  /** in sight: without what was deleted a moment ago */
  readonly shown: readonly DeferredItem[] = $derived(this.items.filter(({ id }) => !this.removals.hidden.has(String(id))));

  readonly pickedCount: number = $derived(
    this.allPicked ? Math.max(0, (this.overview.count ?? this.items.length) - this.unpicked.size) : this.picked.size,
  );

  /** worth an entry in the list of conversations */
  readonly isWorthTelling: boolean = $derived((this.overview.count ?? 0) > 0 || this.overview.fetching !== null || this.items.length > 0);

  /** Reads the state anew, and the list where it is open. */
  async load(): Promise<void> {
    const { bridge } = this.#ports;
    if (!this.#isListening) {
      bridge.on('deferred.changed', (overview) => (this.overview = overview));
      bridge.on('deferred.items', (change) => this.#apply(change));
    }
    this.#isListening = true;
    try {
      this.overview = await bridge.call('deferred.overview', {});
    } catch (thrown) {
      this.error = toCodedError(thrown);
    }
    if (this.isOpen) await this.#reload();
  }

  async open(): Promise<void> {
    this.#ports.closeThread();
    this.isOpen = true;
    await this.#reload();
  }

  /** What was deleted can no longer be taken back. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.removals.flush();
    this.pickNone();
    this.items = [];
  }

  async loadMore(): Promise<void> {
    if (this.loading || !this.more) return;
    const last = this.items.at(-1);
    await this.#read(last === undefined ? undefined : { sentAt: last.sentAt, id: last.id });
  }

  isPicked(id: number): boolean {
    return this.allPicked ? !this.unpicked.has(id) : this.picked.has(id);
  }

  pick(id: number, isOn: boolean): void {
    const [set, adds] = this.allPicked ? [this.unpicked, !isOn] : [this.picked, isOn];
    if (adds) set.add(id);
    else set.delete(id);
  }

  pickAll(): void {
    this.pickNone();
    this.allPicked = true;
  }

  pickNone(): void {
    this.allPicked = false;
    this.picked.clear();
    this.unpicked.clear();
  }

  /** One item, or all that are selected. A deletion can be taken back for a while. */
  order(order: DeferredOrder, item?: DeferredItem): void {
    if (item === undefined && this.allPicked) return this.#orderAll(order, [...this.unpicked]);
    const ids = item === undefined ? [...this.picked] : [item.id];
    if (ids.length === 0) return;
    if (item === undefined) this.pickNone();
    // what the network has no more is only a line here
    const isOver = item?.state === 'gone' || item?.state === 'expired';
    if (order !== 'delete' || isOver) return void this.#order(ids, order);
    this.removals.later([
      ...ids.slice(1).map((id) => ({ key: String(id), commit: () => Promise.resolve() })),
      { key: String(ids[0]), commit: () => this.#send(ids, order) },
    ]);
  }

  fetchAll(): void {
    this.#orderAll('deliver', []);
  }

  stop(): Promise<void> {
    return this.#ask(() => this.#ports.bridge.call('deferred.stop', {}));
  }

  #orderAll(order: DeferredOrder, except: readonly number[]): void {
    const send = () => this.#ports.bridge.call('deferred.orderAll', { order, except: [...except] });
    this.pickNone();
    if (order !== 'delete') return void this.#ask(send);
    const left = new Set(except);
    const items = this.items.filter(({ id }) => !left.has(id)).map(({ id }) => ({ key: String(id), commit: () => Promise.resolve() }));
    this.removals.later([...items.slice(1), { key: items[0]?.key ?? '', commit: send }]);
  }

  #order(ids: readonly number[], order: DeferredOrder): Promise<void> {
    return this.#ask(() => this.#send(ids, order));
  }

  async #send(ids: readonly number[], order: DeferredOrder): Promise<void> {
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      const orders = ids.slice(at, at + AT_ONCE).map((id) => ({ id, order }));
      await this.#ports.bridge.call('deferred.order', { orders });
    }
  }

  async #ask(work: () => Promise<unknown>): Promise<void> {
    this.#ports.notice = null;
    try {
      await work();
    } catch (thrown) {
      this.#ports.notice = toCodedError(thrown);
    }
  }

  async #reload(): Promise<void> {
    this.#reading += 1;
    this.loading = false;
    await this.#read(undefined, Math.max(PAGE, this.items.length));
  }

  /** @param upTo read on until so many are there */
  async #read(before: { sentAt: number; id: number } | undefined, upTo = PAGE): Promise<void> {
    const reading = this.#reading;
    this.loading = true;
    try {
      const read: DeferredItem[] = [];
      let from = before;
      let more = true;
      while (more && read.length < upTo) {
        const page = await this.#ports.bridge.call('deferred.page', { limit: PAGE, ...(from === undefined ? {} : { before: from }) });
        read.push(...page.items);
        more = page.more;
        const last = page.items.at(-1);
        from = last === undefined ? undefined : { sentAt: last.sentAt, id: last.id };
      }
      if (reading !== this.#reading) return;
      this.items = before === undefined ? read : [...this.items, ...read];
      this.more = more;
      this.error = null;
    } catch (thrown) {
      if (reading === this.#reading) this.error = toCodedError(thrown);
    } finally {
      if (reading === this.#reading) this.loading = false;
    }
  }

  #apply({
    changed,
    removed,
    reload,
  }: {
    readonly changed: readonly DeferredItem[];
    readonly removed: readonly number[];
    readonly reload: boolean;
  }): void {
    if (!this.isOpen) return;
    if (reload) return void this.#reload();
    const news = new Map(changed.map((item) => [item.id, item]));
    const gone = new Set(removed);
    for (const id of gone) this.picked.delete(id);
    const kept = this.items.flatMap((item) => {
      const now = news.get(item.id) ?? item;
      news.delete(item.id);
      return gone.has(item.id) ? [] : [now];
    });
    const oldest = kept.at(-1);
    const added = [...news.values()].filter((item) => !this.more || oldest === undefined || newerFirst(item, oldest) < 0);
    this.items = added.length === 0 ? kept : [...kept, ...added].sort(newerFirst);
    if (this.items.length < PAGE && this.more) void this.loadMore();
  }
}

function newerFirst(a: DeferredItem, b: DeferredItem): number {
  return b.sentAt - a.sentAt || b.id - a.id;
}
