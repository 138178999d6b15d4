import type { Migration } from '../../sqlite/migration.ts';

/** An own message may name a stored object of the network in the place of its content: by its URL, which is all of it that leaves. */
export const references: Migration = {
  version: 13,
  sql: 'ALTER TABLE messages ADD COLUMN reference TEXT;',
};
