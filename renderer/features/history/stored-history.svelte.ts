import { type CodedError, toCodedError } from '../../../shared/base/errors.ts';
import type { Result } from '../../../shared/ipc/contract.ts';
import type { Bridge } from '../../bridge/bridge.ts';

type StoredPeople = Result<'history.people'>['items'];

/** With whom the network has stored conversations: asked for when it is looked at, and again after each change. */
export class StoredHistory {
  /** null until the network has answered */
  people = $state.raw<StoredPeople | null>(null);
  error = $state.raw<CodedError | null>(null);
  /** what is done with whom at the moment */
  busy = $state.raw<{ readonly peer: string; readonly does: 'fetch' | 'remove' } | null>(null);
  /** what the last fetch came to */
  fetched = $state.raw<(Result<'history.fetch'> & { readonly peer: string }) | null>(null);
  /** whose items are looked at; `items` null until the network has answered */
  shown = $state.raw<{ readonly peer: string; readonly items: Result<'history.items'> | null } | null>(null);
  /** the person is asked whether that shall go */
  asked = $state<string | null>(null);
  /** there is nothing to ask */
  isMissing = $state(false);
  readonly #bridge: Bridge;

  constructor(bridge: Bridge) {
    this.#bridge = bridge;
  }

  load(): Promise<void> {
    return this.#try(async () => {
      this.people = (await this.#bridge.call('history.people', {})).items;
    });
  }

  /** Shows what is stored of that person, or hides it again. */
  async show(peer: string): Promise<void> {
    if (this.shown?.peer === peer) {
      this.shown = null;
      return;
    }
    this.shown = { peer, items: null };
    await this.#try(async () => {
      const items = await this.#bridge.call('history.items', { peer });
      // another one was asked for meanwhile
      if (this.shown?.peer === peer) this.shown = { peer, items };
    });
    if (this.error !== null && this.shown?.peer === peer) this.shown = null;
  }

  async fetch(peer: string): Promise<void> {
    await this.#doing(peer, 'fetch', async () => {
      this.fetched = { ...(await this.#bridge.call('history.fetch', { peer })), peer };
    });
  }

  async remove(peer: string): Promise<void> {
    this.asked = null;
    await this.#doing(peer, 'remove', async () => {
      await this.#bridge.call('history.remove', { peer });
      if (this.shown?.peer === peer) this.shown = null;
      this.people = this.people?.filter((each) => each.peer !== peer) ?? null;
    });
  }

  async #doing(peer: string, does: 'fetch' | 'remove', work: () => Promise<void>): Promise<void> {
    if (this.busy !== null) return;
    this.fetched = null;
    this.busy = { peer, does };
    await this.#try(work);
    this.busy = null;
  }

  async #try(work: () => Promise<void>): Promise<void> {
    this.error = null;
    try {
      await work();
    } catch (thrown) {
      const error = toCodedError(thrown);
      // an account without a message store
      if (error.code === 'request.invalid-state') this.isMissing = true;
      else this.error = error;
    }
  }
}
