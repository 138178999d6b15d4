import type { Network, NetworkEvent } from '../../electron/services/network.ts';

/** A device's network that changes only when a test says so. */
export class ManualNetwork implements Network {
  #addresses: readonly string[];
  readonly #listeners = new Set<(event: NetworkEvent) => void>();

  constructor(...addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  addresses(): readonly string[] {
    return this.#addresses;
  }

  watch(listener: (event: NetworkEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  become(...addresses: readonly string[]): void {
    this.#addresses = addresses;
    this.tell('changed');
  }

  tell(event: NetworkEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
