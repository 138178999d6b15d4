import type { EventName, EventPayload, Handlers } from '../../shared/ipc/contract.ts';
import { type DeferredItem, type DeferredOrder, type DeferredOverview, NOTHING_DEFERRED } from '../../shared/model/deferred.ts';

/** What a core in memory answers about what waits in the network; a test decides what becomes of an order. */
export class FakeDeferred {
  readonly items = new Map<number, DeferredItem>();
  readonly orders: { readonly id: number; readonly order: DeferredOrder }[] = [];
  #overview: DeferredOverview = NOTHING_DEFERRED;
  readonly #tell: <E extends EventName>(event: E, payload: EventPayload<E>) => void;

  constructor(tell: <E extends EventName>(event: E, payload: EventPayload<E>) => void) {
    this.#tell = tell;
  }

  readonly handlers = {
    'deferred.overview': async () => this.#summed(),
    'deferred.page': async ({ before, limit }) => {
      const all = [...this.items.values()].sort((a, b) => b.sentAt - a.sentAt || b.id - a.id);
      const from = before === undefined ? 0 : all.findIndex(({ id }) => id === before.id) + 1;
      return { items: all.slice(from, from + limit), more: all.length > from + limit };
    },
    'deferred.order': async ({ orders }) => {
      this.#order(orders);
      return {};
    },
    'deferred.orderAll': async ({ order, except = [] }) => {
      this.#order([...this.items.keys()].filter((id) => !except.includes(id)).map((id) => ({ id, order })));
      return {};
    },
    'deferred.stop': async () => {
      for (const item of this.items.values()) if (item.state === 'chosen') this.items.set(item.id, { ...item, state: 'waiting' });
      this.tell({ reload: true });
      return {};
    },
  } satisfies Partial<Handlers>;

  /** The network lists one more. */
  add(id: number, more: Partial<DeferredItem> = {}): void {
    this.items.set(id, {
      id,
      kind: 'pager',
      peer: 'sip:bob@example.com',
      title: 'Bob Baker',
      sentAt: Date.UTC(2026, 10, 20, 8, 0, id),
      size: 200 + id,
      expiresAt: null,
      contentType: 'text/plain',
      subject: null,
      state: 'waiting',
      order: null,
      error: null,
      ...more,
    });
    this.#overview = { ...this.#overview, support: 'listed' };
  }

  change(id: number, more: Partial<DeferredItem>): void {
    const item = this.items.get(id);
    if (item === undefined) throw new Error(`no item ${id}`);
    this.items.set(id, { ...item, ...more });
    this.tell({ changed: [id] });
  }

  /** They are not waiting any more. */
  settle(...ids: readonly number[]): void {
    for (const id of ids) this.items.delete(id);
    this.tell({ removed: ids });
  }

  tell({
    changed = [],
    removed = [],
    reload = false,
    ...overview
  }: { changed?: readonly number[]; removed?: readonly number[]; reload?: boolean } & Partial<DeferredOverview> = {}): void {
    this.#overview = { ...this.#overview, ...overview };
    this.#tell('deferred.items', { changed: changed.flatMap((id) => this.items.get(id) ?? []), removed: [...removed], reload });
    this.#tell('deferred.changed', this.#summed());
  }

  #order(orders: readonly { readonly id: number; readonly order: DeferredOrder }[]): void {
    this.orders.push(...orders);
    for (const { id, order } of orders) {
      const item = this.items.get(id);
      if (item !== undefined) this.items.set(id, { ...item, state: 'chosen', order, error: null });
    }
    this.tell({ changed: orders.map(({ id }) => id) });
  }

  #summed(): DeferredOverview {
    if (this.#overview.support !== 'listed') return this.#overview;
    const waiting = [...this.items.values()].filter(({ state }) => state !== 'gone' && state !== 'expired' && state !== 'done');
    return {
      ...this.#overview,
      count: waiting.length,
      size: waiting.reduce((sum, { size }) => sum + (size ?? 0), 0),
      ordered: waiting.filter(({ state }) => state === 'chosen' || state === 'asked').length,
    };
  }
}
