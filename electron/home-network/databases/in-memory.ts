import { openDatabaseFile } from '../../sqlite/database.ts';
import { inTransactions, openHandle } from '../../sqlite/handles.ts';
import type { NetworkDatabaseKind } from './kind.ts';
import type { Asked } from './open.ts';

/** A database in the memory of this thread, for a network that keeps nothing; it is made with the first call. */
export class DatabaseInMemory<C> {
  readonly calls: Asked<C>;
  readonly #kind: NetworkDatabaseKind;
  #opened: { readonly calls: Record<string, (...args: never[]) => unknown>; close(): void } | null = null;

  /** @param methods every call that there is */
  constructor(kind: NetworkDatabaseKind, methods: readonly (keyof C & string)[]) {
    this.#kind = kind;
    const calls = methods.map((method) => [method, async (...args: readonly never[]) => this.#open().calls[method]?.(...args)]);
    this.calls = Object.fromEntries(calls) as Asked<C>;
  }

  async close(): Promise<void> {
    this.#opened?.close();
    this.#opened = null;
  }

  #open() {
    if (this.#opened === null) {
      const database = openDatabaseFile({ path: ':memory:', nativeBinding: null }, this.#kind);
      const handle = openHandle(database);
      this.#opened = { calls: { ...inTransactions(handle, this.#kind.calls(handle)) }, close: () => void database.close() };
    }
    return this.#opened;
  }
}
