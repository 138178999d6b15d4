import type { Migration } from '../../sqlite/migration.ts';

/** What a user has waiting is counted by triggers: a quota is looked at with each message. What one device has already counts no more. */
const initial: Migration = {
  version: 1,
  sql: `
    CREATE TABLE items (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      token TEXT NOT NULL UNIQUE,
      owner TEXT NOT NULL,
      kind TEXT NOT NULL,
      sender TEXT NOT NULL,
      author TEXT NOT NULL,
      sent_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      size INTEGER NOT NULL,
      content_type TEXT NOT NULL,
      subject TEXT,
      conversation_id TEXT,
      contribution_id TEXT,
      imdn_id TEXT,
      instance TEXT,
      origin TEXT,
      -- JSON
      fields TEXT NOT NULL,
      body BLOB NOT NULL,
      media_type TEXT,
      content BLOB,
      file TEXT,
      delivered INTEGER NOT NULL DEFAULT 0,
      -- its author has heard that it was delivered
      reported INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX items_of_owner ON items (owner, id);
    CREATE INDEX items_by_expiry ON items (expires_at);
    -- the same message twice is one: its author never heard that it was taken, and sent it again
    CREATE UNIQUE INDEX items_by_identity ON items (owner, author, imdn_id, kind) WHERE imdn_id IS NOT NULL;

    CREATE TABLE progress (
      item INTEGER NOT NULL REFERENCES items (id) ON DELETE CASCADE,
      device TEXT NOT NULL,
      taken INTEGER NOT NULL,
      is_whole INTEGER NOT NULL,
      PRIMARY KEY (item, device)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE devices (
      owner TEXT NOT NULL,
      instance TEXT NOT NULL,
      seen_at INTEGER NOT NULL,
      PRIMARY KEY (owner, instance)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE usage (
      owner TEXT PRIMARY KEY,
      items INTEGER NOT NULL,
      octets INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER usage_grows AFTER INSERT ON items BEGIN
      INSERT INTO usage VALUES (new.owner, 1, new.size)
      ON CONFLICT (owner) DO UPDATE SET items = items + 1, octets = octets + new.size;
    END;
    CREATE TRIGGER usage_shrinks AFTER DELETE ON items WHEN NOT old.delivered BEGIN
      UPDATE usage SET items = items - 1, octets = octets - old.size WHERE owner = old.owner;
    END;
    CREATE TRIGGER usage_ends AFTER UPDATE OF delivered ON items WHEN new.delivered AND NOT old.delivered BEGIN
      UPDATE usage SET items = items - 1, octets = octets - old.size WHERE owner = old.owner;
    END;
  `,
};

export const DEFERRAL_MIGRATIONS: readonly Migration[] = [initial];
