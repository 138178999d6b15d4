import type { Migration } from '../../sqlite/migration.ts';

/**
 * A file to a list whose network has no server for lists goes to each of its recipients by himself: a leg of its transfer each. Name, size, hash and
 * source are the transfer's; its state is that of its legs. Legs and transfers take their ids from one sequence, so that a number names one of
 * either. `imdn_id` is there once a recipient was asked anew.
 *
 * A leg leaves by an outbox row of its own, which names its recipient; every other row names none.
 */
export const legs: Migration = {
  version: 16,
  sql: `
    CREATE TABLE legs (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      transfer_id INTEGER NOT NULL REFERENCES transfers (id) ON DELETE CASCADE,
      address TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN (
        'queued', 'offering', 'accepting', 'transferring', 'finishing', 'paused', 'done', 'declined', 'expired', 'cancelled', 'interrupted', 'failed'
      )),
      transferred INTEGER NOT NULL DEFAULT 0 CHECK (transferred >= 0),
      imdn_id TEXT,
      file_transfer_id TEXT,
      error_code TEXT,
      error_detail TEXT,
      UNIQUE (transfer_id, address)
    ) STRICT;
    CREATE INDEX legs_open ON legs (id) WHERE state NOT IN ('done', 'declined', 'expired', 'cancelled', 'failed');
    CREATE INDEX legs_by_imdn ON legs (imdn_id) WHERE imdn_id IS NOT NULL;

    ALTER TABLE outbox ADD COLUMN recipient TEXT NOT NULL DEFAULT '' CHECK (recipient = '' OR kind = 'file');
    DROP INDEX outbox_by_message;
    CREATE UNIQUE INDEX outbox_by_message ON outbox (message_id, kind, disposition, recipient);
    CREATE INDEX outbox_legs ON outbox (recipient, conversation_id) WHERE recipient > '';
  `,
};
