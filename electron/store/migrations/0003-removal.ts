import type { Migration } from '../../sqlite/migration.ts';

/**
 * A message that the person deleted stays as an empty row for a while: its sender may repeat it, a notification about it may still have to
 * leave, and one may still come. A thread is read over an index that does not have such rows.
 */
export const removal: Migration = {
  version: 3,
  sql: `
    ALTER TABLE messages ADD COLUMN removed_at INTEGER;
    DROP INDEX messages_by_conversation;
    CREATE INDEX messages_by_conversation ON messages (conversation_id) WHERE removed_at IS NULL;
    CREATE INDEX messages_removed ON messages (removed_at) WHERE removed_at IS NOT NULL;
  `,
};
