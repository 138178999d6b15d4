/** Whose dialog it is: one that we started, or one that we were invited to. */
export type Side = 'inviting' | 'invited';

interface Claim {
  readonly side: Side;
  isEnding: boolean;
  readonly over: Promise<void>;
}

/**
 * Which dialog moves a file: one at a time. Either side takes up again what broke off, so an invitation may come while ours is looked at, and a
 * second one before the first one's file is written down.
 */
export class Claims {
  readonly #held = new Map<number, Claim>();

  /** @returns lets go of it, once; null: another dialog has it */
  take(transferId: number, side: Side): (() => void) | null {
    if (this.#held.has(transferId)) return null;
    let end: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    const claim: Claim = { side, isEnding: false, over };
    this.#held.set(transferId, claim);
    return () => {
      if (this.#held.get(transferId) === claim) this.#held.delete(transferId);
      end();
    };
  }

  /** Null as well where its holder only writes down what became of it: that is soon {@link free}. */
  holder(transferId: number): Side | null {
    const claim = this.#held.get(transferId);
    return claim === undefined || claim.isEnding ? null : claim.side;
  }

  /** Its holder is done with it but for its books. */
  ending(transferId: number): void {
    const claim = this.#held.get(transferId);
    if (claim) claim.isEnding = true;
  }

  /** Resolves when nobody has it. */
  async free(transferId: number): Promise<void> {
    for (let claim = this.#held.get(transferId); claim !== undefined; claim = this.#held.get(transferId)) await claim.over;
  }
}
