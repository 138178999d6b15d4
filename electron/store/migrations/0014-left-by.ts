import type { Migration } from '../../sqlite/migration.ts';

/** Of an own message: by which service that is not CPM the network sent it on, as far as it says. */
export const leftBy: Migration = {
  version: 14,
  sql: "ALTER TABLE messages ADD COLUMN left_by TEXT CHECK (left_by IN ('sms', 'mms', 'email', 'other'));",
};
