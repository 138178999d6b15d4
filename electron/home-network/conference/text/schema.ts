import type { Migration } from '../../../sqlite/migration.ts';

/**
 * One sequence for everything that is said in any group, so within a group as well. What nobody waits for any more is emptied (`is_gone`) and
 * stays as a row until it expires: its author may repeat it. What is for all has the recipient ''.
 */
const initial: Migration = {
  version: 1,
  sql: `
    CREATE TABLE members (
      hall TEXT NOT NULL,
      address TEXT NOT NULL,
      -- what came after that is for him
      since INTEGER NOT NULL,
      PRIMARY KEY (hall, address)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE cursors (
      hall TEXT NOT NULL,
      address TEXT NOT NULL,
      instance TEXT NOT NULL,
      -- the last entry that it answered, with all before it
      seq INTEGER NOT NULL,
      seen_at INTEGER NOT NULL,
      PRIMARY KEY (hall, address, instance),
      FOREIGN KEY (hall, address) REFERENCES members ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE entries (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      hall TEXT NOT NULL,
      author TEXT NOT NULL,
      -- the device that it came from
      origin TEXT NOT NULL,
      recipient TEXT NOT NULL,
      -- the only device that it is for
      instance TEXT,
      -- by which a repetition is known
      identity TEXT,
      content_type TEXT NOT NULL,
      -- header fields of the message/cpim and of its content, with the empty lines
      head BLOB NOT NULL,
      content BLOB,
      -- or the file in which the content begins at that octet
      file TEXT,
      content_at INTEGER NOT NULL,
      size INTEGER NOT NULL,
      received_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      is_gone INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX entries_to_come ON entries (hall, recipient, seq) WHERE NOT is_gone;
    CREATE INDEX entries_gone ON entries (hall, seq) WHERE is_gone;
    CREATE INDEX entries_by_expiry ON entries (expires_at);
    CREATE UNIQUE INDEX entries_by_identity ON entries (hall, author, recipient, identity) WHERE identity IS NOT NULL;

    CREATE TABLE usage (
      hall TEXT NOT NULL,
      recipient TEXT NOT NULL,
      items INTEGER NOT NULL,
      octets INTEGER NOT NULL,
      PRIMARY KEY (hall, recipient)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER usage_grows AFTER INSERT ON entries BEGIN
      INSERT INTO usage VALUES (new.hall, new.recipient, 1, new.size)
      ON CONFLICT (hall, recipient) DO UPDATE SET items = items + 1, octets = octets + new.size;
    END;
    CREATE TRIGGER usage_shrinks AFTER DELETE ON entries WHEN NOT old.is_gone BEGIN
      UPDATE usage SET items = items - 1, octets = octets - old.size WHERE hall = old.hall AND recipient = old.recipient;
    END;
    CREATE TRIGGER usage_ends AFTER UPDATE OF is_gone ON entries WHEN new.is_gone AND NOT old.is_gone BEGIN
      UPDATE usage SET items = items - 1, octets = octets - old.size WHERE hall = old.hall AND recipient = old.recipient;
    END;
  `,
};

export const LOG_MIGRATIONS: readonly Migration[] = [initial];
