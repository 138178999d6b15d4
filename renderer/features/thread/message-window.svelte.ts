import { tick } from 'svelte';
import type { Params, Result } from '../../../shared/ipc/contract.ts';
import type { Message } from '../../../shared/model/message.ts';

export type LoadPage = (params: Params<'messages.page'>) => Promise<Result<'messages.page'>>;

/** messages one call brings */
export const PAGE = 50;
/** most messages in memory: enough that an edge is always far out of sight when the other one grows */
export const WINDOW = 300;
/** messages behind the first unread one that are there at once */
const BEHIND = 200;

/**
 * A sliding window over the messages of one conversation: never the whole history. It grows by pages at either end and drops what is
 * out of sight at the other. Each change happens at one end only, with `atStart` saying which, and is shown before the next one:
 * so a list that measures its rows can keep what is on screen in its place.
 */
export class MessageWindow {
  messages = $state.raw<readonly Message[]>([]);
  moreBefore = $state(false);
  moreAfter = $state(false);
  /** the last change of length was at the start */
  atStart = $state(false);
  loading = $state<'latest' | 'before' | 'after' | null>(null);

  readonly #conversationId: number;
  readonly #load: LoadPage;
  readonly #shown: () => Promise<void>;
  /** changes told while a page is on its way; they are newer than the page */
  #changed: Map<number, Message> | null = null;
  /** what a page on its way may still bring */
  readonly #removed = new Set<number>();
  #newest = 0;
  #running: Promise<void> | null = null;

  /** @param shown resolves when the page shows the state as it is */
  constructor(conversationId: number, load: LoadPage, shown: () => Promise<void> = tick) {
    this.#conversationId = conversationId;
    this.#load = load;
    this.#shown = shown;
  }

  /** id of the newest message this window was ever told of, 0 for none */
  get newest(): number {
    return this.#newest;
  }

  /** Shows the newest messages. */
  async openLatest(): Promise<void> {
    await this.#loading('latest', async () => {
      const { items, moreBefore } = await this.#page({ limit: PAGE });
      this.#show(items, moreBefore, false);
    });
  }

  /** Shows a message with what stands before and behind it. */
  async openAt(id: number): Promise<void> {
    await this.#loading('latest', async () => {
      const upTo = await this.#page({ before: id + 1, limit: PAGE });
      const behind = await this.#page({ after: id, limit: BEHIND });
      this.#show([...upTo.items, ...behind.items], upTo.moreBefore, await this.#isMore(behind));
    });
  }

  /** Shows a message in the middle of what stands around it. */
  async openAround(id: number): Promise<void> {
    await this.#loading('latest', async () => {
      const page = await this.#page({ around: id, limit: 2 * PAGE });
      this.#show(page.items, page.moreBefore, await this.#isMore(page));
    });
  }

  /** Reads again what is shown, where it is: it may have changed while nobody told. */
  async refresh(): Promise<void> {
    await this.#loading('latest', async () => {
      const first = this.messages[0];
      const count = this.messages.length;
      let page = await this.#page(first === undefined ? { limit: PAGE } : { before: first.id + 1, limit: 1 });
      const { moreBefore } = page;
      const messages = [...page.items];
      for (let last = messages.at(-1); page.moreAfter && messages.length < count && last !== undefined; last = messages.at(-1)) {
        page = await this.#page({ after: last.id, limit: Math.min(BEHIND, count - messages.length) });
        messages.push(...page.items);
      }
      this.#show(messages, moreBefore, await this.#isMore(page));
    });
  }

  async loadBefore(): Promise<void> {
    const first = this.messages[0];
    if (first === undefined || !this.moreBefore) return;
    await this.#loading('before', async () => {
      const page = await this.#page({ before: first.id, limit: PAGE });
      if (this.messages[0]?.id !== first.id) return;
      this.atStart = true;
      this.moreBefore = page.moreBefore;
      this.messages = [...this.#fresh(page.items), ...this.messages];
      await this.#shown();
      this.#trimEnd();
      await this.#shown();
    });
  }

  async loadAfter(): Promise<void> {
    const last = this.messages.at(-1);
    if (last === undefined || !this.moreAfter) return;
    await this.#loading('after', async () => {
      const page = await this.#page({ after: last.id, limit: PAGE });
      if (this.messages.at(-1)?.id !== last.id) return;
      this.atStart = false;
      this.moreAfter = page.moreAfter;
      this.messages = [...this.messages, ...this.#fresh(page.items)];
      for (const message of this.#changed?.values() ?? []) this.#put(message);
      await this.#shown();
      await this.trimStart();
    });
  }

  /**
   * Takes up a message that is new or has changed.
   * @param follow the end is on screen; otherwise a full window leaves new messages for `loadAfter`
   * @returns whether it is newer than every one before
   */
  apply(message: Message, follow = true): boolean {
    if (message.conversationId !== this.#conversationId || this.#removed.has(message.id)) return false;
    this.#changed?.set(message.id, message);
    const isNew = message.id > this.#newest;
    if (isNew) this.#newest = message.id;
    // A page on its way may hold it already; it is merged when that arrives.
    if (this.loading === 'latest') return isNew;
    if (isNew && !follow && this.messages.length >= WINDOW) this.moreAfter = true;
    this.#put(message);
    return isNew;
  }

  /** Drops a message that is no longer there. */
  remove(id: number): void {
    this.#changed?.delete(id);
    this.#removed.add(id);
    if (!this.messages.some((message) => message.id === id)) return;
    this.atStart = false;
    this.messages = this.messages.filter((message) => message.id !== id);
  }

  has(imdnId: string): boolean {
    return this.messages.some((message) => message.direction === 'out' && message.imdnId === imdnId);
  }

  /** Drops the oldest messages beyond the window's size. */
  async trimStart(): Promise<void> {
    if (this.messages.length <= WINDOW) return;
    this.atStart = true;
    this.messages = this.messages.slice(this.messages.length - WINDOW);
    this.moreBefore = true;
    await this.#shown();
    this.atStart = false;
  }

  #trimEnd(): void {
    this.atStart = false;
    if (this.messages.length <= WINDOW) return;
    this.messages = this.messages.slice(0, WINDOW);
    this.moreAfter = true;
  }

  #show(messages: readonly Message[], moreBefore: boolean, moreAfter: boolean): void {
    this.atStart = false;
    this.moreBefore = moreBefore;
    this.moreAfter = moreAfter;
    this.messages = this.#fresh(messages);
    this.#newest = Math.max(this.#newest, this.messages.at(-1)?.id ?? 0);
    // what came in while the pages were on their way
    for (const message of this.#changed?.values() ?? []) this.#put(message);
  }

  /** Whether messages follow a page; then it learns the newest one, so that an old one that changes is not taken for new. */
  async #isMore({ moreAfter }: Result<'messages.page'>): Promise<boolean> {
    if (!moreAfter) return false;
    const { items } = await this.#page({ limit: 1 });
    this.#newest = Math.max(this.#newest, items.at(-1)?.id ?? 0);
    return true;
  }

  #put(message: Message): void {
    const at = this.messages.findIndex((each) => each.id === message.id);
    if (at >= 0) {
      this.messages = this.messages.with(at, message);
      return;
    }
    // two that come at once may be told the newer one first
    const before = this.messages.findIndex((each) => each.id > message.id);
    if (before < 0 ? this.moreAfter : before === 0 && this.moreBefore) return;
    this.atStart = false;
    this.messages = this.messages.toSpliced(before < 0 ? this.messages.length : before, 0, message);
  }

  #fresh(items: readonly Message[]): Message[] {
    return items.filter(({ id }) => !this.#removed.has(id)).map((message) => this.#changed?.get(message.id) ?? message);
  }

  #page(params: Omit<Params<'messages.page'>, 'conversationId'>): Promise<Result<'messages.page'>> {
    return this.#load({ conversationId: this.#conversationId, ...params });
  }

  async #loading(what: 'latest' | 'before' | 'after', work: () => Promise<void>): Promise<void> {
    if (this.loading !== null && what !== 'latest') return;
    while (this.#running !== null) await this.#running;
    let ended = (): void => {};
    this.#running = new Promise((resolve) => {
      ended = resolve;
    });
    this.loading = what;
    this.#changed = new Map();
    try {
      await work();
    } finally {
      this.#changed = null;
      this.loading = null;
      this.#running = null;
      ended();
    }
  }
}
