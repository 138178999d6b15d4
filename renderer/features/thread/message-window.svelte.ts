import { tick } from 'svelte';
import type { Params, Result } from '../../../shared/ipc/contract.ts';
import type { Message } from '../../../shared/model/message.ts';

export type LoadPage = (params: Params<'messages.page'>) => Promise<Result<'messages.page'>>;

/** messages one call brings */
export const PAGE = 50;
/** most messages in memory: enough that an edge is always far out of sight when the other one grows */
export const WINDOW = 300;
/** most calls to find the first unread message when a conversation opens */
const OPENING_PAGES = 3;

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

  /** Shows the newest messages, and of the ones before as many as it takes to have `unread` unread ones, within the window's size. */
  async openLatest(unread = 0): Promise<void> {
    await this.#loading('latest', async () => {
      let limit = Math.min(200, Math.max(PAGE, unread + 10));
      let page = await this.#page({ limit });
      let messages = page.items;
      for (let calls = 1; calls < OPENING_PAGES && page.moreBefore && countUnread(messages) < unread; calls++) {
        limit = Math.min(100, WINDOW - messages.length);
        const first = messages[0];
        if (limit <= 0 || first === undefined) break;
        page = await this.#page({ before: first.id, limit });
        messages = [...page.items, ...messages];
      }
      this.atStart = false;
      this.moreBefore = page.moreBefore;
      this.moreAfter = false;
      this.messages = messages.map((message) => this.#changed?.get(message.id) ?? message);
      this.#newest = Math.max(this.#newest, this.messages.at(-1)?.id ?? 0);
      // what came in while the page was on its way
      for (const message of this.#changed?.values() ?? []) this.#put(message);
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
    if (message.conversationId !== this.#conversationId) return false;
    this.#changed?.set(message.id, message);
    const isNew = message.id > this.#newest;
    if (isNew) this.#newest = message.id;
    // A page on its way may hold it already; it is merged when that arrives.
    if (this.loading === 'latest') return isNew;
    if (isNew && !follow && this.messages.length >= WINDOW) this.moreAfter = true;
    this.#put(message);
    return isNew;
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

  #put(message: Message): void {
    const at = this.messages.findIndex((each) => each.id === message.id);
    if (at >= 0) {
      this.messages = this.messages.with(at, message);
      return;
    }
    const last = this.messages.at(-1);
    if (this.moreAfter || (last !== undefined && message.id < last.id)) return;
    this.atStart = false;
    this.messages = [...this.messages, message];
  }

  #fresh(items: readonly Message[]): Message[] {
    return items.map((message) => this.#changed?.get(message.id) ?? message);
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

export function countUnread(messages: readonly Message[]): number {
  return messages.reduce((sum, message) => sum + (message.status === 'received' ? 1 : 0), 0);
}
