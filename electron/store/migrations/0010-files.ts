import type { Migration } from '../../sqlite/migration.ts';

/**
 * Files in both directions, many at once, taken up again. `pull`: the message asks for the file, so the octets flow against it. A size that
 * nobody named yet is 0 and not known. `invitation` is what files have in common that came in one INVITE. A transfer may be `paused`, which
 * the check on `state` must allow: SQLite changes none, so the table is made anew, and with it the trigger that it carries.
 *
 * The files of a conversation are found without its texts by `messages_files`.
 */
export const files: Migration = {
  version: 10,
  sql: `
    CREATE TEMP TABLE kept_transfers AS SELECT * FROM transfers;
    DROP TABLE transfers;
    CREATE TABLE transfers (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      message_id INTEGER NOT NULL UNIQUE REFERENCES messages (id) ON DELETE CASCADE,
      state TEXT NOT NULL CHECK (state IN (
        'preparing', 'queued', 'offering', 'offered', 'accepting', 'transferring', 'finishing', 'verifying', 'paused',
        'done', 'declined', 'expired', 'cancelled', 'interrupted', 'quarantined', 'failed'
      )),
      pull INTEGER NOT NULL DEFAULT 0 CHECK (pull IN (0, 1)),
      name TEXT NOT NULL,
      type TEXT NOT NULL,
      size INTEGER NOT NULL CHECK (size >= 0),
      size_known INTEGER NOT NULL DEFAULT 1 CHECK (size_known IN (0, 1)),
      transferred INTEGER NOT NULL DEFAULT 0 CHECK (transferred >= 0),
      invitation TEXT,
      file_transfer_id TEXT,
      sha1 TEXT,
      sha256 TEXT,
      source_path TEXT,
      modified_at REAL,
      partial_path TEXT,
      final_path TEXT,
      error_code TEXT,
      error_detail TEXT
    ) STRICT;
    INSERT INTO transfers (id, message_id, state, name, type, size, transferred, file_transfer_id, sha1, sha256, source_path, modified_at,
        partial_path, final_path, error_code, error_detail)
      SELECT id, message_id, state, name, type, size, transferred, file_transfer_id, sha1, sha256, source_path, modified_at,
        partial_path, final_path, error_code, error_detail FROM kept_transfers;
    DROP TABLE kept_transfers;
    CREATE INDEX transfers_open ON transfers (id)
      WHERE state NOT IN ('done', 'declined', 'expired', 'cancelled', 'failed', 'quarantined');
    CREATE INDEX transfers_by_hash ON transfers (sha1) WHERE sha1 IS NOT NULL;
    CREATE TRIGGER search_file AFTER INSERT ON transfers BEGIN
      INSERT INTO message_search (rowid, words)
        SELECT m.id, search_words(new.name, m.conversation_id) FROM messages AS m WHERE m.id = new.message_id;
    END;

    CREATE TABLE thumbnails (
      transfer_id INTEGER PRIMARY KEY REFERENCES transfers (id) ON DELETE CASCADE,
      type TEXT NOT NULL,
      width INTEGER NOT NULL CHECK (width > 0),
      height INTEGER NOT NULL CHECK (height > 0),
      octets BLOB NOT NULL
    ) STRICT;

    CREATE INDEX messages_files ON messages (conversation_id, id) WHERE kind = 'file' AND removed_at IS NULL;
  `,
};
