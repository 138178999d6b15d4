import type { DatabaseFile } from '../sqlite/database.ts';
import { DatabaseThread } from '../sqlite/thread.ts';
import { STORE_METHODS, type StoreMethod } from './calls.ts';
import type { Store } from './port.ts';

export interface OpenStoreOptions extends DatabaseFile {
  /** the module of the worker: `worker.ts`, or what it was built to */
  readonly worker: URL;
}

/**
 * Opens the store in a thread of its own.
 * @throws ParleyError as {@link DatabaseThread.opened} does
 */
export async function openStore({ worker, ...file }: OpenStoreOptions): Promise<Store> {
  const thread = new DatabaseThread(worker, 'store', file);
  await thread.opened;
  const calls = STORE_METHODS.map((method) => [method, (...args: readonly unknown[]) => thread.call(method, args)]);
  return { ...(Object.fromEntries(calls) as Pick<Store, StoreMethod>), close: () => thread.close() };
}
