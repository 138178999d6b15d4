import type { Migration } from '../../sqlite/migration.ts';

/**
 * Conversations with several people. `peer` is then the key of shared/model/audience.ts, and `members` says who they are; `recipients` has the
 * state of each of them in each message. A group's members are known only once they report.
 *
 * `reply_to` of a conversation is where its next answer goes when that is not the peer; of a received message what it asked for, of an own one
 * what it told. `target` is where an own message went instead of the peer.
 */
export const recipients: Migration = {
  version: 5,
  sql: `
    ALTER TABLE conversations ADD COLUMN kind TEXT NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'list', 'group', 'anonymous'));
    ALTER TABLE conversations ADD COLUMN reply_to TEXT;
    ALTER TABLE messages ADD COLUMN anonymous INTEGER NOT NULL DEFAULT 0 CHECK (anonymous IN (0, 1));
    ALTER TABLE messages ADD COLUMN reply_to TEXT;
    ALTER TABLE messages ADD COLUMN target TEXT;
    -- of a received one: who else has it, a JSON array
    ALTER TABLE messages ADD COLUMN also_to TEXT;

    CREATE TABLE members (
      conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      address TEXT NOT NULL,
      name TEXT NOT NULL,
      PRIMARY KEY (conversation_id, position)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE recipients (
      message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
      address TEXT NOT NULL,
      position INTEGER NOT NULL,
      status TEXT NOT NULL CHECK (status IN ('queued', 'sending', 'sent', 'delivered', 'displayed', 'failed')),
      delivered_at INTEGER,
      displayed_at INTEGER,
      error_code TEXT,
      error_detail TEXT,
      PRIMARY KEY (message_id, address)
    ) STRICT, WITHOUT ROWID;
  `,
};
