import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import type { Bridge } from '../../bridge/bridge.ts';

const PAGE = 100;
/** most conversations that a search looks through */
const MOST_SEARCHED = 2000;

/** The conversation list: newest first, by pages, with a filter. */
export class Conversations {
  selectedId = $state<number | null>(null);
  more = $state(false);
  ready = $state(false);
  error = $state.raw<CodedError | null>(null);

  readonly #bridge: Bridge;
  #byId = $state.raw<ReadonlyMap<number, Conversation>>(new Map());
  #filter = $state('');
  #loading: Promise<void> | null = null;

  constructor(bridge: Bridge) {
    this.#bridge = bridge;
  }

  readonly all: readonly Conversation[] = $derived.by(() =>
    [...this.#byId.values()].sort((a, b) => b.updatedAt - a.updatedAt || b.id - a.id),
  );

  readonly shown: readonly Conversation[] = $derived.by(() => {
    const wanted = fold(this.#filter.trim());
    if (wanted === '') return this.all;
    return this.all.filter((each) => fold(each.title).includes(wanted) || fold(each.peer).includes(wanted));
  });

  readonly unread: number = $derived.by(() => this.all.reduce((sum, each) => sum + each.unread, 0));

  get filter(): string {
    return this.#filter;
  }

  set filter(text: string) {
    this.#filter = text;
    if (text !== '') void this.#loadUntil(MOST_SEARCHED);
  }

  get(id: number): Conversation | undefined {
    return this.#byId.get(id);
  }

  /** the one `step` rows below the selected one; the first or last one at the end, null in an empty list */
  neighbour(step: 1 | -1): Conversation | null {
    const list = this.shown;
    const at = list.findIndex((each) => each.id === this.selectedId);
    if (at < 0) return list[step === 1 ? 0 : list.length - 1] ?? null;
    return list[Math.min(list.length - 1, Math.max(0, at + step))] ?? null;
  }

  /** Reads the newest page afresh and keeps what was loaded before. */
  async load(): Promise<void> {
    try {
      const page = await this.#bridge.call('conversations.page', { limit: PAGE });
      this.#put(page.items);
      if (!this.ready) this.more = page.more;
      this.error = null;
      this.ready = true;
    } catch (thrown) {
      this.error = toCodedError(thrown);
    }
  }

  loadMore(): Promise<void> {
    this.#loading ??= this.#loadMore().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  apply(conversation: Conversation): void {
    this.#put([conversation]);
  }

  async #loadMore(): Promise<void> {
    const last = this.all.at(-1);
    if (!this.more || last === undefined) return;
    try {
      const page = await this.#bridge.call('conversations.page', { before: { updatedAt: last.updatedAt, id: last.id }, limit: PAGE });
      this.more = page.more && page.items.length > 0;
      this.#put(page.items);
    } catch (thrown) {
      this.error = toCodedError(thrown);
      this.more = false;
    }
  }

  async #loadUntil(count: number): Promise<void> {
    while (this.more && this.#byId.size < count && this.#filter !== '') await this.loadMore();
  }

  #put(items: readonly Conversation[]): void {
    const next = new Map(this.#byId);
    for (const item of items) next.set(item.id, item);
    this.#byId = next;
  }
}

/** For comparing: without case and accents. */
function fold(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}
