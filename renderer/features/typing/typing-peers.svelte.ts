import type { Bridge } from '../../bridge/bridge.ts';

/** Who is writing at the moment, by the address of the conversation. */
export class TypingPeers {
  #peers = $state.raw<ReadonlySet<string>>(new Set());

  constructor(bridge: Pick<Bridge, 'on' | 'onLink'>) {
    bridge.on('typing.changed', ({ peer, typing }) => {
      const next = new Set(this.#peers);
      if (typing) next.add(peer);
      else next.delete(peer);
      this.#peers = next;
    });
    // nobody would say when they stopped
    bridge.onLink((up) => {
      if (!up) this.#peers = new Set();
    });
  }

  has(peer: string): boolean {
    return this.#peers.has(peer);
  }
}
