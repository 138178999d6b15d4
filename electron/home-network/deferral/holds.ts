import type { HomeUser } from '../settings.ts';

/** Told of the row as soon as it is committed. @param isNew false: it was there before */
export type Hold = (id: number, isNew: boolean) => void;

/** What is kept for somebody while it is on its way to his devices. One of these is called, once. */
export interface Held {
  /** a device has it, or nobody is to have it */
  over(): Promise<void>;
  /** no device took it just now: from here on it waits */
  waits(): Promise<void>;
}

export interface HoldsHost {
  /** by item: who has it under way */
  readonly claims: Map<number, string>;
  settle(id: number): Promise<unknown>;
  waits(id: number, owner: HomeUser): Promise<void>;
  failed(thrown: unknown): void;
}

/** Items that are on disk before their sender hears so, and on their way all the same: claimed, and in nobody's list. */
export class Holds {
  readonly #host: HoldsHost;
  readonly #ids = new Set<number>();

  constructor(host: HoldsHost) {
    this.#host = host;
  }

  /** @param keep @returns `known`: it was there before; null: it could not be kept */
  async take(owner: HomeUser, keep: (hold: Hold) => Promise<unknown>): Promise<Held | 'known' | null> {
    let held: Held | 'known' | null = null;
    try {
      await keep((id, isNew) => {
        held = isNew ? this.#held(id, owner) : 'known';
      });
    } catch (thrown) {
      this.#host.failed(thrown);
    }
    return held;
  }

  /** An item has gone. @returns whether nobody was told of it */
  over(id: number): boolean {
    return this.#ids.delete(id);
  }

  #held(id: number, owner: HomeUser): Held {
    const { claims, settle, waits, failed } = this.#host;
    claims.set(id, 'held');
    this.#ids.add(id);
    return {
      over: () => settle(id).then(() => undefined, failed),
      waits: () => {
        this.#ids.delete(id);
        claims.delete(id);
        return waits(id, owner).catch(failed);
      },
    };
  }
}
