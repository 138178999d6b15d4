import type { Migration } from '../../sqlite/migration.ts';

/**
 * Groups that talk in a session, beside their conversation, and who is in them. `identity` is where the group is reached now, `contribution_id`
 * what stays of it. `refuses_next`: it was left while no session was there to say so, and the next invitation hears it. `extends_id` is the
 * conversation with one person whose chat goes over into it.
 *
 * A message of a group has an author, and is known by him and its id. A line about the group is a text without words that has an `event`, JSON.
 * `addressed`: the recipients of an own one were all known when it left.
 */
export const groups: Migration = {
  version: 15,
  sql: `
    CREATE TABLE groups (
      conversation_id INTEGER PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
      contribution_id TEXT NOT NULL,
      identity TEXT,
      address TEXT,
      subject TEXT NOT NULL,
      standing TEXT NOT NULL CHECK (
        standing IN ('outside', 'starting', 'failed', 'invited', 'declined', 'member', 'left', 'removed', 'over')
      ),
      max_users INTEGER,
      closed INTEGER NOT NULL DEFAULT 0,
      takes_files INTEGER NOT NULL DEFAULT 1,
      anonymous INTEGER NOT NULL DEFAULT 0,
      refuses_next INTEGER NOT NULL DEFAULT 0,
      inviter TEXT,
      inviter_name TEXT,
      extends_id INTEGER,
      error_code TEXT,
      error_detail TEXT
    ) STRICT;
    CREATE INDEX groups_by_contribution ON groups (contribution_id);
    CREATE INDEX groups_open ON groups (conversation_id) WHERE standing IN ('starting', 'member');

    CREATE TABLE participants (
      conversation_id INTEGER NOT NULL REFERENCES groups (conversation_id) ON DELETE CASCADE,
      entity TEXT NOT NULL,
      position INTEGER NOT NULL,
      address TEXT NOT NULL,
      is_anonymous INTEGER NOT NULL,
      name TEXT NOT NULL,
      presence TEXT NOT NULL CHECK (presence IN ('in', 'invited', 'left', 'removed', 'declined', 'not-reached')),
      is_self INTEGER NOT NULL,
      roles TEXT NOT NULL,
      PRIMARY KEY (conversation_id, entity)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX participants_by_address ON participants (conversation_id, address);

    ALTER TABLE messages ADD COLUMN author TEXT NOT NULL DEFAULT '';
    ALTER TABLE messages ADD COLUMN author_name TEXT NOT NULL DEFAULT '';
    ALTER TABLE messages ADD COLUMN event TEXT;
    ALTER TABLE messages ADD COLUMN addressed INTEGER NOT NULL DEFAULT 0;
    DROP INDEX messages_by_imdn;
    CREATE UNIQUE INDEX messages_by_imdn ON messages (imdn_id, conversation_id, direction, author);
  `,
};
