import type { Migration } from '../../sqlite/migration.ts';

/**
 * `messages.id` is the order of arrival and of the thread, so the newest come first without a sort. The conversation list is
 * denormalised: what it shows of the newest message, and the number of unread ones, stand in the row.
 *
 * An outbox row of a text or a file takes its turn by `message_id`, the order of composition, also when it comes back by a retry.
 */
export const initial: Migration = {
  version: 1,
  sql: `
    CREATE TABLE settings (
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE conversations (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      peer TEXT NOT NULL UNIQUE,
      title TEXT NOT NULL,
      cpm_conversation_id TEXT NOT NULL,
      unread INTEGER NOT NULL DEFAULT 0 CHECK (unread >= 0),
      updated_at INTEGER NOT NULL,
      draft TEXT NOT NULL DEFAULT '',
      last_message_id INTEGER,
      last_direction TEXT,
      last_kind TEXT,
      last_text TEXT,
      last_status TEXT,
      last_transfer_state TEXT
    ) STRICT;
    CREATE INDEX conversations_by_update ON conversations (updated_at, id);

    CREATE TABLE messages (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
      direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
      kind TEXT NOT NULL CHECK (kind IN ('text', 'file')),
      text TEXT NOT NULL,
      status TEXT NOT NULL CHECK (
        (direction = 'out' AND status IN ('queued', 'sending', 'sent', 'delivered', 'displayed', 'failed'))
        OR (direction = 'in' AND status IN ('received', 'read'))
      ),
      sent_at INTEGER NOT NULL,
      stored_at INTEGER NOT NULL,
      delivered_at INTEGER,
      displayed_at INTEGER,
      imdn_id TEXT NOT NULL,
      contribution_id TEXT NOT NULL,
      -- only where it differs from the conversation's
      cpm_conversation_id TEXT,
      error_code TEXT,
      error_detail TEXT,
      -- incoming: what the author asked for, and what the network has taken of it
      notify_delivery INTEGER NOT NULL DEFAULT 0,
      notify_failure INTEGER NOT NULL DEFAULT 0,
      notify_display INTEGER NOT NULL DEFAULT 0,
      notify_instance TEXT,
      notify_date_time TEXT NOT NULL DEFAULT '',
      delivery_notified INTEGER NOT NULL DEFAULT 0,
      failure_notified INTEGER NOT NULL DEFAULT 0,
      display_notified INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX messages_by_conversation ON messages (conversation_id);
    CREATE UNIQUE INDEX messages_by_imdn ON messages (imdn_id, conversation_id, direction);
    CREATE INDEX messages_unread ON messages (conversation_id) WHERE status = 'received';

    CREATE TABLE transfers (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      message_id INTEGER NOT NULL UNIQUE REFERENCES messages (id) ON DELETE CASCADE,
      state TEXT NOT NULL CHECK (state IN (
        'preparing', 'queued', 'offering', 'offered', 'accepting', 'transferring', 'finishing', 'verifying',
        'done', 'declined', 'expired', 'cancelled', 'interrupted', 'quarantined', 'failed'
      )),
      name TEXT NOT NULL,
      type TEXT NOT NULL,
      size INTEGER NOT NULL CHECK (size >= 0),
      transferred INTEGER NOT NULL DEFAULT 0 CHECK (transferred >= 0),
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
    CREATE INDEX transfers_open ON transfers (id)
      WHERE state NOT IN ('done', 'declined', 'expired', 'cancelled', 'failed', 'quarantined');

    CREATE TABLE outbox (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
      message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
      kind TEXT NOT NULL CHECK (kind IN ('text', 'file', 'notification')),
      -- of a notification; else empty
      disposition TEXT NOT NULL DEFAULT '' CHECK ((disposition IN ('delivered', 'displayed', 'failed')) = (kind = 'notification')),
      imdn_id TEXT,
      contribution_id TEXT,
      created_at INTEGER NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      not_before INTEGER NOT NULL DEFAULT 0,
      in_work INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX outbox_by_message ON outbox (message_id, kind, disposition);
    CREATE INDEX outbox_lanes ON outbox (kind, conversation_id, message_id);
    CREATE INDEX outbox_in_work ON outbox (kind, conversation_id) WHERE in_work = 1;
    CREATE INDEX outbox_notifications ON outbox (not_before, id) WHERE kind = 'notification' AND in_work = 0;
  `,
};
