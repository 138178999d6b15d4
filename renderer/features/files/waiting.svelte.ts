import type { Message } from '../../../shared/model/message.ts';
import type { Bridge } from '../../bridge/bridge.ts';

/** What a file that is queued waits for: its turn, the connection, or the next try (ms since the epoch). */
export type Wait =
  | { readonly kind: 'turn'; readonly before: number }
  | { readonly kind: 'offline' }
  | { readonly kind: 'retry'; readonly at: number };

/** Why queued files wait: the core's queue, and when each of the others is tried again. */
export class Waiting {
  readonly #bridge: Bridge;
  #queue = $state.raw<readonly number[]>([]);
  /** ms since the epoch, by message */
  #tries = $state.raw<ReadonlyMap<number, number>>(new Map());

  constructor(bridge: Bridge) {
    this.#bridge = bridge;
    bridge.on('transfers.queued', ({ items }) => (this.#queue = items));
  }

  async load(): Promise<void> {
    this.#queue = (await this.#bridge.call('transfers.queue', {})).items;
  }

  /** Asks when a queued one that is on screen is tried again. */
  async look({ id, transfer }: Message): Promise<void> {
    if (transfer?.state !== 'queued' || this.#queue.includes(transfer.id)) return;
    const info = await this.#bridge.call('messages.info', { messageId: id }).catch(() => null);
    const at = info?.waiting === null || info?.waiting?.attempts === 0 ? undefined : info?.waiting?.nextTryAt;
    if (at === this.#tries.get(id)) return;
    const next = new Map(this.#tries);
    if (at === undefined) next.delete(id);
    else next.set(id, at);
    this.#tries = next;
  }

  /** @param now ms since the epoch; a try that was due by then is no reason */
  of({ id, transfer }: Message, connected: boolean, now: number): Wait | null {
    if (transfer?.state !== 'queued') return null;
    if (!connected) return { kind: 'offline' };
    const before = this.#queue.indexOf(transfer.id);
    if (before >= 0) return { kind: 'turn', before };
    const at = this.#tries.get(id) ?? 0;
    return at > now ? { kind: 'retry', at } : null;
  }
}
