import type { Migration } from '../../sqlite/migration.ts';

/**
 * The list of conversations: pinned ones first, archived ones apart, deleted ones not at all until something is written or received there
 * again. A deleted conversation keeps its row, because the messages that are remembered as removed belong to it.
 */
export const list: Migration = {
  version: 4,
  sql: `
    ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1));
    ALTER TABLE conversations ADD COLUMN archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1));
    ALTER TABLE conversations ADD COLUMN marked_unread INTEGER NOT NULL DEFAULT 0 CHECK (marked_unread IN (0, 1));
    ALTER TABLE conversations ADD COLUMN removed_at INTEGER;
    DROP INDEX conversations_by_update;
    CREATE INDEX conversations_in_list ON conversations (archived, pinned, updated_at, id) WHERE removed_at IS NULL;
  `,
};
