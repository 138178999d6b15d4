import type { Migration } from '../../sqlite/migration.ts';

/** A file that comes from a group is brought to its thread, by where the group is reached or by its Conversation-ID. */
export const groupFiles: Migration = {
  version: 17,
  sql: `
    CREATE INDEX groups_by_identity ON groups (identity);
    CREATE INDEX conversations_by_cpm_id ON conversations (cpm_conversation_id);
  `,
};
