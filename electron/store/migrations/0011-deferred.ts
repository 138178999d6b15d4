import type { Migration } from '../../sqlite/migration.ts';

/**
 * What the network says that it keeps for this person, so that the list is there without it, and what was ordered survives. `listed` is the
 * number of the list in which an item stood last. A message that came that way says so.
 */
export const deferred: Migration = {
  version: 11,
  sql: `
    CREATE TABLE deferred_items (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      uri TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL CHECK (kind IN ('pager', 'large', 'chat', 'file')),
      peer TEXT NOT NULL,
      sent_at INTEGER NOT NULL,
      size INTEGER CHECK (size >= 0),
      expires_at INTEGER,
      content_type TEXT NOT NULL,
      subject TEXT,
      state TEXT NOT NULL CHECK (state IN ('waiting', 'chosen', 'asked', 'failed', 'done', 'gone', 'expired')),
      ordered TEXT CHECK (ordered IN ('deliver', 'delete', 'interwork', 'store')),
      error_code TEXT,
      error_detail TEXT,
      listed INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX deferred_shown ON deferred_items (sent_at, id) WHERE state <> 'done';
    CREATE INDEX deferred_ordered ON deferred_items (id) WHERE state IN ('chosen', 'asked');

    CREATE INDEX deferred_listed ON deferred_items (listed);

    ALTER TABLE messages ADD COLUMN deferred INTEGER NOT NULL DEFAULT 0;
  `,
};
