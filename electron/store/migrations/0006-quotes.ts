import type { Migration } from '../../sqlite/migration.ts';

/**
 * Which message of its conversation a message, or a draft, answers; the indices are for the message that is forgotten. And the files that wait with
 * a draft, as a JSON array of paths.
 */
export const quotes: Migration = {
  version: 6,
  sql: `
    ALTER TABLE messages ADD COLUMN quoted_id INTEGER REFERENCES messages (id) ON DELETE SET NULL;
    ALTER TABLE conversations ADD COLUMN draft_quoted_id INTEGER REFERENCES messages (id) ON DELETE SET NULL;
    ALTER TABLE conversations ADD COLUMN draft_files TEXT NOT NULL DEFAULT '[]';
    CREATE INDEX conversations_quoting ON conversations (draft_quoted_id) WHERE draft_quoted_id IS NOT NULL;
    CREATE INDEX messages_quoting ON messages (quoted_id) WHERE quoted_id IS NOT NULL;
  `,
};
