import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import type { FoundMessage } from '../../../shared/ipc/contract.ts';
import type { Bridge } from '../../bridge/bridge.ts';

const PAGE = 50;

/**
 * Messages that hold what is typed, newest first, by pages. One question is on its way at a time: what is typed meanwhile is asked when its
 * answer is there, so that answers never overtake each other.
 */
export class MessageSearch {
  items = $state.raw<readonly FoundMessage[]>([]);
  more = $state(false);
  /** in one conversation: how many there are, no further than 1000 */
  count = $state<number | null>(null);
  error = $state.raw<CodedError | null>(null);
  /** what `items` are the answer to */
  answered = $state('');

  readonly #bridge: Bridge;
  readonly #conversationId: number | undefined;
  readonly #onAnswer: () => void;
  #text = $state('');
  #asking = false;
  #loading: Promise<void> | null = null;

  /** @param onAnswer called for each answer that is up to date */
  constructor(bridge: Bridge, conversationId?: number, onAnswer: () => void = () => {}) {
    this.#bridge = bridge;
    this.#conversationId = conversationId;
    this.#onAnswer = onAnswer;
  }

  get text(): string {
    return this.#text;
  }

  set text(text: string) {
    this.#text = text;
    if (!this.#asking) void this.#ask();
  }

  /** what is typed has its answer */
  get ready(): boolean {
    return this.answered === this.#text;
  }

  loadMore(): Promise<void> {
    this.#loading ??= this.#loadMore().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    while (!this.ready) {
      const text = this.#text;
      try {
        const blank = text.trim() === '';
        const page = blank ? { items: [], more: false, count: null } : await this.#page(text);
        this.items = page.items;
        this.more = page.more;
        this.count = page.count;
        this.error = null;
      } catch (thrown) {
        this.items = [];
        this.more = false;
        this.count = null;
        this.error = toCodedError(thrown);
      }
      this.answered = text;
    }
    this.#asking = false;
    this.#onAnswer();
  }

  async #loadMore(): Promise<void> {
    const last = this.items.at(-1);
    const text = this.answered;
    if (!this.more || last === undefined) return;
    try {
      const page = await this.#page(text, last.message.id);
      if (this.answered !== text) return;
      this.items = [...this.items, ...page.items];
      this.more = page.more;
    } catch (thrown) {
      if (this.answered !== text) return;
      this.error = toCodedError(thrown);
      this.more = false;
    }
  }

  #page(text: string, before?: number) {
    const conversationId = this.#conversationId;
    return this.#bridge.call('search.messages', {
      text,
      ...(conversationId === undefined ? {} : { conversationId }),
      ...(before === undefined ? {} : { before }),
      limit: PAGE,
    });
  }
}
