import type { Cursor } from './database.ts';

interface Place {
  /** what came after that is for him */
  readonly since: number;
  /** by instance */
  readonly devices: Map<string, number>;
}

/** How far each device of each member of a group is. What moves is written down while the next moves gather. */
export class Places {
  readonly #hall: string;
  readonly #write: (moved: readonly Cursor[]) => Promise<void>;
  readonly #places = new Map<string, Place>();
  readonly #moved = new Map<string, Cursor>();
  #writing: Promise<void> | null = null;

  /** @param write resolves with the commit; what it does not take is tried again with the next move */
  constructor(hall: string, write: (moved: readonly Cursor[]) => Promise<void>) {
    this.#hall = hall;
    this.#write = write;
  }

  has(address: string): boolean {
    return this.#places.has(address);
  }

  enter(address: string, since: number): void {
    if (!this.#places.has(address)) this.#places.set(address, { since, devices: new Map() });
  }

  leave(address: string): void {
    this.#places.delete(address);
    for (const [key, moved] of this.#moved) if (moved.address === address) this.#moved.delete(key);
  }

  restore({ address, instance, seq }: Omit<Cursor, 'hall'>): void {
    this.#places.get(address)?.devices.set(instance, seq);
  }

  /** The last entry that it has; of a device that nobody has seen what another one of its member has. Without an instance: that of the slowest. */
  of(address: string, instance?: string): number {
    const place = this.#places.get(address);
    if (place === undefined) return Number.POSITIVE_INFINITY;
    const all = [...place.devices.values()];
    if (instance === undefined) return all.length === 0 ? place.since : Math.min(...all);
    return place.devices.get(instance) ?? Math.max(place.since, ...all);
  }

  move(address: string, instance: string, seq: number): void {
    const place = this.#places.get(address);
    if (place === undefined || (place.devices.get(instance) ?? -1) >= seq) return;
    place.devices.set(instance, seq);
    this.#moved.set(`${address} ${instance}`, { hall: this.#hall, address, instance, seq });
    this.#writing ??= this.#flush();
  }

  /** Resolves when all that moved is on disk, or cannot be brought there. */
  async written(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async #flush(): Promise<void> {
    try {
      while (this.#moved.size > 0) {
        const moved = [...this.#moved.values()];
        this.#moved.clear();
        await this.#write(moved);
      }
    } finally {
      this.#writing = null;
    }
  }
}
