import type { DeferredItem, DeferredOverview } from '../../../shared/model/deferred.ts';
import type { DeferredChange } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';

/** a person reads no faster, and a window draws its list once for all that changed */
const TELL_EVERY_MS = 100;
/** changes that are told one by one */
const MOST_CHANGES = 500;

/** What the page is told of waiting items, gathered. */
export class Told {
  readonly #context: ServiceContext;
  readonly #changed = new Map<number, DeferredItem>();
  readonly #removed = new Set<number>();
  #reload = false;
  #overview: DeferredOverview | null = null;
  #cancel: (() => void) | null = null;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  change({ changed, removed }: DeferredChange): void {
    if (changed.length === 0 && removed.length === 0) return;
    for (const item of changed) {
      this.#changed.set(item.id, item);
      this.#removed.delete(item.id);
    }
    for (const id of removed) {
      this.#changed.delete(id);
      this.#removed.add(id);
    }
    if (this.#changed.size + this.#removed.size > MOST_CHANGES) this.#reload = true;
    this.#soon();
  }

  /** More changed than is worth being told. */
  reload(): void {
    this.#reload = true;
    this.#soon();
  }

  overview(overview: DeferredOverview): void {
    this.#overview = overview;
    this.#soon();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #soon(): void {
    this.#cancel ??= this.#context.clock.after(TELL_EVERY_MS, () => this.#tell());
  }

  #tell(): void {
    this.#cancel = null;
    const { notices } = this.#context;
    if (this.#reload || this.#changed.size > 0 || this.#removed.size > 0) {
      const reload = this.#reload;
      notices.tell('deferred.items', {
        changed: reload ? [] : [...this.#changed.values()],
        removed: reload ? [] : [...this.#removed],
        reload,
      });
    }
    this.#changed.clear();
    this.#removed.clear();
    this.#reload = false;
    if (this.#overview !== null) notices.tell('deferred.changed', this.#overview);
    this.#overview = null;
  }
}
