import type { Migration } from '../../sqlite/migration.ts';

/**
 * One person is one conversation: `aliases` are the further addresses that lead to it, each an address as it is folded or a route.
 * An alias without a conversation is known to be shared by several people and leads nowhere. A conversation that became part of another one
 * stays as an empty row that names it, because a window may still ask for it.
 *
 * `route` is where a request goes when the folded address is a number that was heard of as a sip URI. What is NULL of the settings is as
 * the account's settings have it; `mode` is the chat service's.
 */
export const contacts: Migration = {
  version: 7,
  sql: `
    ALTER TABLE conversations ADD COLUMN route TEXT;
    ALTER TABLE conversations ADD COLUMN given_name TEXT;
    ALTER TABLE conversations ADD COLUMN muted_until INTEGER;
    ALTER TABLE conversations ADD COLUMN notifications TEXT;
    ALTER TABLE conversations ADD COLUMN display_reports TEXT;
    ALTER TABLE conversations ADD COLUMN mode TEXT;
    ALTER TABLE conversations ADD COLUMN request INTEGER NOT NULL DEFAULT 0 CHECK (request IN (0, 1));
    ALTER TABLE conversations ADD COLUMN blocked_at INTEGER;
    ALTER TABLE conversations ADD COLUMN merged_into INTEGER REFERENCES conversations (id);
    DROP INDEX conversations_in_list;
    CREATE INDEX conversations_in_list ON conversations (request, archived, pinned, updated_at, id) WHERE removed_at IS NULL;
    CREATE INDEX conversations_unread ON conversations (id) WHERE unread > 0;
    CREATE INDEX conversations_blocked ON conversations (blocked_at, id) WHERE blocked_at IS NOT NULL;
    CREATE INDEX conversations_merged ON conversations (merged_into) WHERE merged_into IS NOT NULL;

    CREATE TABLE aliases (
      address TEXT PRIMARY KEY,
      conversation_id INTEGER REFERENCES conversations (id) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX aliases_by_conversation ON aliases (conversation_id);
  `,
};
