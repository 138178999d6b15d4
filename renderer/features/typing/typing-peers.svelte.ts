import type { Member } from '../../../shared/model/audience.ts';
import type { Bridge } from '../../bridge/bridge.ts';

/** Who is writing at the moment, by the address of the conversation; in a group, who of it. */
export class TypingPeers {
  #peers = $state.raw<ReadonlyMap<string, readonly Member[]>>(new Map());

  constructor(bridge: Pick<Bridge, 'on' | 'onLink'>) {
    bridge.on('typing.changed', ({ peer, who, typing }) => {
      const next = new Map(this.#peers);
      const others = (next.get(peer) ?? []).filter(({ address }) => address !== who?.address);
      const people = typing && who !== null ? [...others, who] : others;
      if (typing || people.length > 0) next.set(peer, people);
      else next.delete(peer);
      this.#peers = next;
    });
    // nobody would say when they stopped
    bridge.onLink((up) => {
      if (!up) this.#peers = new Map();
    });
  }

  has(peer: string): boolean {
    return this.#peers.has(peer);
  }

  /** In a group, in the order in which they began; empty elsewhere. */
  in(peer: string): readonly Member[] {
    return this.#peers.get(peer) ?? [];
  }
}
