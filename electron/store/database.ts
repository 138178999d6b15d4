import { type DatabaseFile, type DatabaseKind, openDatabaseFile } from '../sqlite/database.ts';
import type { Migration } from '../sqlite/migration.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { indexText } from './search/index-text.ts';

/** `Prly` */
export const APPLICATION_ID = 0x50726c79;

export const STORE: DatabaseKind = {
  applicationId: APPLICATION_ID,
  migrations: MIGRATIONS,
  // for the triggers that keep the index of words
  prepare: (database) =>
    database.function('search_words', { deterministic: true }, (text, conversationId) => indexText(String(text), Number(conversationId))),
};

/** The store's file. @throws ParleyError as {@link openDatabaseFile} does */
export function openDatabase({ migrations = MIGRATIONS, ...file }: DatabaseFile & { readonly migrations?: readonly Migration[] }) {
  return openDatabaseFile(file, { ...STORE, migrations });
}
