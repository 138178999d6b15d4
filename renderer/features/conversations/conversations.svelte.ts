import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import { type Conversation, isMuted } from '../../../shared/model/conversation.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import { fold } from '../fold.ts';

const PAGE = 100;
/** most conversations that a search looks through */
const MOST_SEARCHED = 2000;

/** The conversation list: newest first, by pages, with a filter. */
export class Conversations {
  selectedId = $state<number | null>(null);
  /** the list shows what is archived, and nothing else */
  showsArchived = $state(false);
  /** the list shows requests of strangers, and nothing else */
  showsRequests = $state(false);
  /** ms since the epoch, kept by the page: whether a mute is over */
  now = $state(Date.now());
  more = $state(false);
  ready = $state(false);
  error = $state.raw<CodedError | null>(null);

  readonly #bridge: Bridge;
  #byId = $state.raw<ReadonlyMap<number, Conversation>>(new Map());
  #filter = $state('');
  #loading: Promise<void> | null = null;
  #moreArchived = false;
  /** there are requests that were not loaded yet */
  moreRequests = $state(false);

  constructor(bridge: Bridge) {
    this.#bridge = bridge;
  }

  readonly #sorted: readonly Conversation[] = $derived.by(() =>
    [...this.#byId.values()].sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.updatedAt - a.updatedAt || b.id - a.id),
  );

  readonly all: readonly Conversation[] = $derived.by(() => this.#sorted.filter((each) => !each.archived && !each.request));

  readonly archived: readonly Conversation[] = $derived.by(() => this.#sorted.filter((each) => each.archived && !each.request));

  readonly requests: readonly Conversation[] = $derived.by(() => this.#sorted.filter((each) => each.request && !each.blocked));

  readonly shown: readonly Conversation[] = $derived.by(() => {
    if (this.#filter.trim() === '') return this.showsRequests ? this.requests : this.showsArchived ? this.archived : this.all;
    return this.matching(this.#filter, [...this.all, ...this.archived, ...this.requests]);
  });

  /** of all that may ask for attention */
  readonly unread: number = $derived.by(() =>
    this.all.reduce((sum, each) => sum + (each.blocked || isMuted(each, this.now) ? 0 : each.unread), 0),
  );

  get filter(): string {
    return this.#filter;
  }

  set filter(text: string) {
    this.#filter = text;
    if (text !== '') void this.#loadUntil(MOST_SEARCHED);
  }

  /** Those that were loaded, by name or address, archived ones last. */
  matching(text: string, among: readonly Conversation[] = [...this.all, ...this.archived]): readonly Conversation[] {
    const wanted = fold(text.trim());
    return among.filter((each) => fold(each.title).includes(wanted) || fold(each.peer).includes(wanted));
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
      const archived = await this.#bridge.call('conversations.page', { archived: true, limit: PAGE });
      const requests = await this.#bridge.call('conversations.page', { requests: true, limit: PAGE });
      this.#put([...page.items, ...archived.items, ...requests.items]);
      if (!this.ready) {
        this.more = page.more;
        this.#moreArchived = archived.more;
        this.moreRequests = requests.more;
      }
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

  /** It is out of the list. */
  drop(id: number): void {
    const next = new Map(this.#byId);
    next.delete(id);
    this.#byId = next;
    this.#leaveEmpty();
  }

  apply(conversation: Conversation): void {
    this.#put([conversation]);
    this.#leaveEmpty();
  }

  #leaveEmpty(): void {
    if (this.archived.length === 0) this.showsArchived = false;
    if (this.requests.length === 0) this.showsRequests = false;
  }

  async #loadMore(): Promise<void> {
    try {
      if (this.more) this.more = await this.#pageAfter(this.all.at(-1), false);
      if (this.#moreArchived && (this.showsArchived || this.#filter !== '')) {
        this.#moreArchived = await this.#pageAfter(this.archived.at(-1), true);
      }
      if (this.moreRequests && (this.showsRequests || this.#filter !== '')) {
        this.moreRequests = await this.#pageAfter(this.requests.at(-1), false, true);
      }
    } catch (thrown) {
      this.error = toCodedError(thrown);
      this.more = false;
      this.#moreArchived = false;
      this.moreRequests = false;
    }
  }

  /** @returns whether there are more behind that page */
  async #pageAfter(last: Conversation | undefined, archived: boolean, requests = false): Promise<boolean> {
    if (last === undefined) return false;
    const { pinned, updatedAt, id } = last;
    const page = await this.#bridge.call('conversations.page', { archived, requests, before: { pinned, updatedAt, id }, limit: PAGE });
    this.#put(page.items);
    return page.more && page.items.length > 0;
  }

  async #loadUntil(count: number): Promise<void> {
    while ((this.more || this.#moreArchived || this.moreRequests) && this.#byId.size < count && this.#filter !== '') await this.loadMore();
  }

  #put(items: readonly Conversation[]): void {
    const next = new Map(this.#byId);
    for (const item of items) next.set(item.id, item);
    this.#byId = next;
  }
}

/** For comparing: without case and accents. */
