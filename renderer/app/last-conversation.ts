/** What a page keeps beyond its own life: `localStorage`, or anything like it. */
export type Remembered = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Which conversation stood open when the window was last used, for each account. */
export class LastConversation {
  readonly #storage: Remembered;
  readonly #key: string;

  /** @param account the own address: one browser may show several accounts */
  constructor(storage: Remembered, account: string) {
    this.#storage = storage;
    this.#key = `open-conversation ${account}`;
  }

  /** the other person's address, null for none */
  get peer(): string | null {
    return this.#storage.getItem(this.#key);
  }

  remember(peer: string | null): void {
    if (peer === null) this.#storage.removeItem(this.#key);
    else this.#storage.setItem(this.#key, peer);
  }
}
