/** Where a document is: `resource-lists/users/<user>/index`. `user` is the user part of the address, unescaped. */
export interface DocumentKey {
  readonly user: string;
  readonly auid: string;
  readonly name: string;
}

export interface StoredDocument extends DocumentKey {
  readonly text: string;
}

/** What outlives the network: kept before a request is answered. */
export interface DocumentStore {
  all(): Promise<readonly StoredDocument[]>;
  /** @param text null takes it away */
  write(key: DocumentKey, text: string | null): Promise<void>;
  close(): Promise<void>;
}

/** of one user: no person needs more, and all of them are held in memory */
export const MOST_DOCUMENTS = 16;

/**
 * The users' documents: read from memory, so that a request of SIP is judged at once, and changed one after the other, each change durable
 * before anything sees it.
 */
export class Documents {
  readonly #store: DocumentStore;
  readonly #texts = new Map<string, Map<string, string>>();
  readonly #changed: (user: string) => void;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(store: DocumentStore, changed: (user: string) => void) {
    this.#store = store;
    this.#changed = changed;
  }

  /** @param changed is told whose documents are others than before */
  static async open(store: DocumentStore, changed: (user: string) => void = () => undefined): Promise<Documents> {
    const documents = new Documents(store, changed);
    for (const { text, ...key } of await store.all()) documents.#set(key, text);
    return documents;
  }

  read({ user, auid, name }: DocumentKey): string | null {
    return this.#texts.get(user)?.get(`${auid}/${name}`) ?? null;
  }

  count(user: string): number {
    return this.#texts.get(user)?.size ?? 0;
  }

  /**
   * One change after the other, so that each sees what the one before it left.
   * @param change what becomes of the document as it then is: `undefined` for no change, null for none any more
   */
  change<T>(
    key: DocumentKey,
    change: (current: string | null) => { readonly document?: string | null | undefined; readonly result: T },
  ): Promise<T> {
    const run = async (): Promise<T> => {
      const { document, result } = change(this.read(key));
      if (document !== undefined) {
        await this.#store.write(key, document);
        this.#set(key, document);
        this.#changed(key.user);
      }
      return result;
    };
    const changing = this.#last.then(run);
    this.#last = changing.catch(() => undefined);
    return changing;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#store.close();
  }

  #set({ user, auid, name }: DocumentKey, text: string | null): void {
    const own = this.#texts.get(user) ?? new Map<string, string>();
    this.#texts.set(user, own);
    if (text === null) own.delete(`${auid}/${name}`);
    else own.set(`${auid}/${name}`, text);
  }
}
