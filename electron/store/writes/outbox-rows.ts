import { randomToken, randomUuid } from '../../../shared/base/random.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import { LONGEST_POSTPONE_MS } from '../port.ts';
import { type MessageRecord, REFUSED } from './ledger.ts';

/** characters of 6 bits; RFC 5438 section 6.3 asks for 64 bits at least */
export const IMDN_ID_LENGTH = 24;

export interface OutboxRow {
  readonly id: number;
  readonly messageId: number;
  readonly kind: 'text' | 'file' | 'notification';
  readonly disposition: string;
  readonly report: 'forbidden' | 'error' | null;
}

export type OutboxRows = ReturnType<typeof createOutboxRows>;

/** The rows of what must leave. */
export function createOutboxRows(db: WriteHandle) {
  const row = db.one<OutboxRow>('SELECT id, message_id AS messageId, kind, disposition, report FROM outbox WHERE id = :id');
  const insert = db.change(
    `INSERT INTO outbox (conversation_id, message_id, kind, disposition, recipient, report, imdn_id, contribution_id, created_at, not_before)
     VALUES (:conversationId, :messageId, :kind, :disposition, :recipient, :report, :imdnId, :contributionId, :now, :notBefore)
     ON CONFLICT (message_id, kind, disposition, recipient) DO UPDATE SET in_work = 0, not_before = excluded.not_before`,
  );
  const take = db.change('UPDATE outbox SET in_work = 1, attempts = attempts + 1 WHERE id = :id');
  const takeMessage = db.change(
    'UPDATE outbox SET in_work = 1, attempts = attempts + 1 WHERE message_id = :messageId AND kind = :kind AND recipient = :recipient',
  );
  const putBack = db.change('UPDATE outbox SET in_work = 0, not_before = :notBefore WHERE id = :id');
  const hasten = db.change(
    `UPDATE outbox SET not_before = :now
     WHERE conversation_id = :conversationId AND not_before > 0 AND not_before > :now AND in_work = 0`,
  );
  const remove = db.change('DELETE FROM outbox WHERE id = :id');
  const removeMessage = db.change("DELETE FROM outbox WHERE message_id = :messageId AND kind IN ('text', 'file')");
  const removeLeg = db.change("DELETE FROM outbox WHERE message_id = :messageId AND kind = 'file' AND recipient = :recipient");
  const leaving = db.one<{ id: number }>(
    "SELECT id FROM outbox WHERE message_id = :messageId AND kind IN ('text', 'file') AND in_work = 1",
  );
  const withdraw = db.change("DELETE FROM outbox WHERE kind IN ('text', 'file') AND conversation_id = :conversationId AND in_work = 0");
  const dropWaiting = db.change(
    "DELETE FROM outbox WHERE message_id = :messageId AND kind = 'notification' AND disposition = :disposition AND in_work = 0",
  );
  const dropNotifications = db.change(
    "DELETE FROM outbox WHERE kind = 'notification' AND conversation_id = :conversationId AND in_work = 0",
  );
  // a conversation with a rule of its own keeps to that
  const dropDisplayed = db.change(
    `DELETE FROM outbox WHERE kind = 'notification' AND disposition = 'displayed' AND report IS NULL AND in_work = 0
     AND EXISTS (SELECT 1 FROM conversations AS c WHERE c.id = outbox.conversation_id AND c.display_reports IS NULL)`,
  );
  const pending = db.one<{ delivered: number; displayed: number; failed: number; seen: number }>(
    `SELECT ifnull(max(disposition = 'delivered'), 0) AS delivered, ifnull(max(disposition = 'displayed'), 0) AS displayed,
       ifnull(max(disposition = 'failed'), 0) AS failed, ifnull(max(disposition = 'displayed' AND report IS NULL), 0) AS seen
     FROM outbox WHERE message_id = :messageId AND kind = 'notification'`,
  );
  const notified = db.change(
    `UPDATE messages SET delivery_notified = max(delivery_notified, :disposition = 'delivered'),
       failure_notified = max(failure_notified, :disposition = 'failed'),
       display_notified = max(display_notified, iif(:disposition = 'displayed', :display, 0)) WHERE id = :messageId`,
  );
  const inWork = db.many<OutboxRow>(`SELECT id, message_id AS messageId, kind, disposition, report FROM outbox WHERE in_work = 1`);

  const queue = (message: MessageRecord, now: number, notBefore = 0, recipient = '') =>
    insert({
      conversationId: message.conversationId,
      messageId: message.id,
      kind: message.kind,
      disposition: '',
      recipient,
      report: null,
      imdnId: null,
      contributionId: null,
      now,
      notBefore: soonEnough(notBefore, now),
    });

  const queueNotification = (
    message: MessageRecord,
    disposition: 'delivered' | 'displayed' | 'failed',
    now: number,
    report: OutboxRow['report'] = null,
  ) =>
    insert({
      conversationId: message.conversationId,
      messageId: message.id,
      kind: 'notification',
      disposition,
      recipient: '',
      report,
      imdnId: randomToken(IMDN_ID_LENGTH),
      contributionId: randomUuid(),
      now,
      notBefore: 0,
    });

  return {
    get: (id: number) => row({ id }),
    inWork: () => inWork({}),
    take: (id: number) => take({ id }),
    /** @param recipient of a leg */
    takeMessage: (message: MessageRecord, recipient = '') => takeMessage({ messageId: message.id, kind: message.kind, recipient }),
    putBack: (id: number, notBefore: number, now: number) => putBack({ id, notBefore: soonEnough(notBefore, now) }),
    /** Whoever is heard from can be reached: what was postponed for that peer may leave at once. */
    hasten: (conversationId: number, now: number) => hasten({ conversationId, now }),
    remove: (id: number) => remove({ id }),
    removeLeg: (messageId: number, recipient: string) => removeLeg({ messageId, recipient }),
    /** the text or file itself, and its legs; its notifications are the other direction's */
    removeMessage: (messageId: number) => removeMessage({ messageId }),
    /** all that waits of a conversation, but for notifications */
    withdraw: (conversationId: number) => withdraw({ conversationId }),
    /** what is owed to somebody who is to hear nothing any more */
    dropNotifications: (conversationId: number) => dropNotifications({ conversationId }),
    /** the text or file itself is on its way at this moment */
    isLeaving: (messageId: number) => leaving({ messageId }) !== undefined,
    /** as it is to leave; a row that is there already waits until `notBefore`; of a leg to that recipient */
    queue,

    /** At most one a message, and none once the author knows that it was displayed. */
    queueDelivered(message: MessageRecord, now: number): void {
      if (message.deliveryNotified || message.displayNotified === 1) return;
      dropWaiting({ messageId: message.id, disposition: 'failed' });
      const waiting = pending({ messageId: message.id });
      if (!waiting?.delivered && !waiting?.seen) queueNotification(message, 'delivered', now);
    },

    /** At most one a message; it takes the place of a delivery notification that has not left. */
    queueDisplayed(message: MessageRecord, now: number): void {
      if (message.displayNotified || pending({ messageId: message.id })?.displayed) return;
      dropWaiting({ messageId: message.id, disposition: 'delivered' });
      queueNotification(message, 'displayed', now);
    },

    /** Where the person does not want to tell, and says so: it takes the place of the one of display. */
    queueRefusal(message: MessageRecord, now: number): void {
      if (message.notifyDisplay !== REFUSED || message.displayNotified || pending({ messageId: message.id })?.displayed) return;
      queueNotification(message, 'displayed', now, 'forbidden');
    },

    withdrawDisplayed: () => dropDisplayed({}),

    /** At most one a message, and none of one that arrived after all; `error` where it cannot be known whether it did. */
    queueFailed(message: MessageRecord, now: number, report: 'error' | null = null): void {
      if (message.failureNotified || message.deliveryNotified || message.displayNotified) return;
      if (!pending({ messageId: message.id })?.failed) queueNotification(message, 'failed', now, report);
    },

    /** The network took it: it is never sent again. */
    notified: ({ messageId, disposition, report }: OutboxRow) =>
      notified({ messageId, disposition, display: report === null ? 1 : REFUSED }),
  };
}

function soonEnough(notBefore: number, now: number): number {
  return Math.min(notBefore, now + LONGEST_POSTPONE_MS);
}
