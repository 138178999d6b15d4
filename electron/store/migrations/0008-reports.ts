import type { Migration } from '../../sqlite/migration.ts';

/**
 * All that a disposition notification can say (RFC 5438). Of a received message: the way its notifications take back, and whom it was meant
 * for at first; `notify_display` 2 says that the person refuses to tell, and so does `display_notified` once the author knows. Of an own one:
 * what came in place of an answer. A notification in the outbox that has a `report` tells that, and not its disposition.
 *
 * Notifications are found lane by lane, and no longer by their time. What was postponed has an index: whoever is heard from gets it at once,
 * and behind it may be a long queue.
 */
export const reports: Migration = {
  version: 8,
  sql: `
    ALTER TABLE messages ADD COLUMN notify_route TEXT;
    ALTER TABLE messages ADD COLUMN notify_original_to TEXT;
    ALTER TABLE messages ADD COLUMN delivery_report TEXT CHECK (delivery_report IN ('stored', 'forbidden', 'error'));
    ALTER TABLE messages ADD COLUMN display_report TEXT CHECK (display_report IN ('forbidden', 'error'));
    ALTER TABLE outbox ADD COLUMN report TEXT CHECK (report IN ('forbidden', 'error'));
    DROP INDEX outbox_notifications;
    CREATE INDEX outbox_postponed ON outbox (conversation_id, not_before) WHERE not_before > 0;
  `,
};
