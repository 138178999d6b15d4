import type { Migration } from '../../sqlite/migration.ts';

/**
 * Of an own message: when its last try left here, when that was taken, and whether the network said that it passes it on later. Null of what
 * left from another device, or before this version.
 */
export const way: Migration = {
  version: 12,
  sql: `
    ALTER TABLE messages ADD COLUMN left_at INTEGER;
    ALTER TABLE messages ADD COLUMN taken_at INTEGER;
    ALTER TABLE messages ADD COLUMN kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1));
  `,
};
