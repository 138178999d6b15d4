import type { Bridge } from '../../bridge/bridge.ts';
import type { Thread } from '../thread/thread.svelte.ts';
import { words } from '../words.ts';
import { MessageSearch } from './message-search.svelte.ts';

/** Looks for words in the open conversation and goes from hit to hit, from the newest on. */
export class ThreadFind {
  readonly search: MessageSearch;
  /** which hit is shown, from 0; -1 for none */
  at = $state(-1);

  readonly #thread: Thread;

  constructor(bridge: Bridge, thread: Thread) {
    this.#thread = thread;
    this.search = new MessageSearch(bridge, thread.conversationId, () => void this.#show(0));
  }

  /** Where one is among the hits, in words; empty where nothing is looked for. */
  readonly position: string = $derived.by(() => {
    const { ready, answered, count } = this.search;
    if (answered.trim() === '' || !ready) return '';
    return count === null || count === 0 ? words.search.none : words.search.position(this.at + 1, count);
  });

  /** The next older hit; after the oldest the newest again. */
  async older(): Promise<void> {
    const { search } = this;
    if (this.at + 1 >= search.items.length && search.more) await search.loadMore();
    await this.#show(this.at + 1 < search.items.length ? this.at + 1 : 0);
  }

  /** The next newer hit; before the newest the oldest, where that is known. */
  async newer(): Promise<void> {
    const { items, more } = this.search;
    await this.#show(this.at > 0 ? this.at - 1 : more ? 0 : items.length - 1);
  }

  async #show(at: number): Promise<void> {
    const hit = this.search.items[at];
    this.at = hit === undefined ? -1 : at;
    if (hit === undefined) this.#thread.hit = null;
    else await this.#thread.showHit({ id: hit.message.id, ranges: hit.ranges });
  }
}
