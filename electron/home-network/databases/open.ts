import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { DatabaseFile } from '../../sqlite/database.ts';
import { DatabaseThread } from '../../sqlite/thread.ts';

export interface NetworkDatabases {
  /** the module of the worker: `worker.ts`, or what it was built to */
  readonly worker: URL;
  readonly nativeBinding: string | null;
  /** where the files are; null: in memory, gone with the network */
  readonly folder: string | null;
}

export interface NetworkWorkerData extends DatabaseFile {
  readonly kind: string;
}

/** The same calls, answered by the thread. */
export type Asked<C> = {
  readonly [N in keyof C]: C[N] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};

/** A database of the network. Its thread starts with the first call, so a network that never needs it pays nothing. */
export class NetworkDatabase<C> {
  readonly calls: Asked<C>;
  readonly #databases: NetworkDatabases;
  readonly #kind: string;
  #thread: DatabaseThread | null = null;
  #isClosed = false;

  /** @param methods every call that there is */
  constructor(databases: NetworkDatabases, kind: string, methods: readonly (keyof C & string)[]) {
    this.#databases = databases;
    this.#kind = kind;
    const calls = methods.map((method) => [method, async (...args: readonly unknown[]) => this.#started().call(method, args)]);
    this.calls = Object.fromEntries(calls) as Asked<C>;
  }

  /** Waits for the calls before it; the file is free when it resolves. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.close();
  }

  #started(): DatabaseThread {
    if (this.#thread === null && this.#isClosed) throw new ParleyError('store.closed', this.#kind);
    this.#thread ??= this.#start();
    return this.#thread;
  }

  #start(): DatabaseThread {
    const { worker, nativeBinding, folder } = this.#databases;
    if (folder !== null) mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = folder === null ? ':memory:' : join(folder, `${this.#kind}.db`);
    const data: NetworkWorkerData = { kind: this.#kind, path, nativeBinding };
    const thread = new DatabaseThread(worker, this.#kind, data);
    // each call says it to whoever made it
    thread.opened.catch(() => undefined);
    return thread;
  }
}
