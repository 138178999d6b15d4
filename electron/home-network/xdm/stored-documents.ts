import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { NetworkDatabase, type NetworkDatabases } from '../databases/open.ts';
import type { DocumentStore } from './documents.ts';
import type { DocumentCalls } from './schema.ts';

const NAME = 'xdm';

/** Without a folder the documents are gone when the network ends; with one, its thread starts when there is something to read or write. */
export function storedDocuments(databases: NetworkDatabases | undefined): DocumentStore {
  const folder = databases?.folder ?? null;
  if (databases === undefined || folder === null) return VOLATILE;
  const database = new NetworkDatabase<DocumentCalls>(databases, NAME, ['all', 'put', 'remove']);
  const { calls } = database;
  return {
    all: async () => (existsSync(join(folder, `${NAME}.db`)) ? await calls.all() : []),
    write: (key, text) => (text === null ? calls.remove(key) : calls.put({ ...key, text })),
    close: () => database.close(),
  };
}

const VOLATILE: DocumentStore = {
  all: async () => [],
  write: async () => undefined,
  close: async () => undefined,
};
