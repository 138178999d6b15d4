import type { CodedError } from '../../../shared/base/errors.ts';
import type { Member } from '../../../shared/model/audience.ts';
import { type MessageEvent, type MessageStatus, nextMessageStatus } from '../../../shared/model/states/message-status.ts';
import { reachOf, summaryOf } from '../../../shared/model/states/reach.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import { errorColumns, type Ledger, lawful } from './ledger.ts';

interface Row {
  readonly address: string;
  readonly status: MessageStatus;
  readonly deliveredAt: number | null;
  readonly displayedAt: number | null;
}

export type Recipients = ReturnType<typeof createRecipients>;

/** The state of each recipient of a message to several, and what follows from them for the message. */
export function createRecipients(db: WriteHandle, ledger: Ledger) {
  const insert = db.change(
    `INSERT INTO recipients (message_id, address, position, status)
     VALUES (:messageId, :address, (SELECT count(*) FROM recipients AS r WHERE r.message_id = :messageId), :status)`,
  );
  const rows = db.many<Row>(
    `SELECT r.address, r.status, r.delivered_at AS deliveredAt, r.displayed_at AS displayedAt FROM recipients AS r
     WHERE r.message_id = :messageId ORDER BY r.position`,
  );
  const update = db.change(
    `UPDATE recipients SET status = :status, delivered_at = :deliveredAt, displayed_at = :displayedAt, error_code = :code,
       error_detail = :detail WHERE message_id = :messageId AND address = :address`,
  );
  const insertRoster = db.change(
    `INSERT INTO recipients (message_id, address, position, status)
     SELECT :messageId, p.address, min(p.position), 'queued' FROM participants AS p
     WHERE p.conversation_id = :conversationId AND p.is_self = 0 AND p.is_anonymous = 0 AND p.presence IN ('in', 'invited', 'not-reached')
       AND NOT EXISTS (SELECT 1 FROM recipients AS k WHERE k.message_id = :messageId)
     GROUP BY p.address`,
  );
  const setAddressed = db.change('UPDATE messages SET addressed = 1 WHERE id = :messageId');
  const isAddressed = db.one<{ addressed: number }>('SELECT addressed FROM messages WHERE id = :messageId');
  const clear = db.change('DELETE FROM recipients WHERE message_id = :messageId');
  const clearAll = db.change(
    'DELETE FROM recipients WHERE message_id IN (SELECT m.id FROM messages AS m WHERE m.conversation_id = :conversationId AND m.removed_at IS NULL)',
  );

  function step(messageId: number, row: Row, event: MessageEvent, now: number, error: CodedError | null): void {
    const status = lawful(() => nextMessageStatus(row.status, event));
    if (status === row.status) return;
    const arrived = status === 'delivered' || status === 'displayed';
    update({
      messageId,
      address: row.address,
      status,
      deliveredAt: row.deliveredAt ?? (arrived ? now : null),
      displayedAt: row.displayedAt ?? (status === 'displayed' ? now : null),
      ...errorColumns(status === 'failed' ? error : null),
    });
  }

  const statusesOf = (messageId: number): MessageStatus[] => rows({ messageId }).map(({ status }) => status);

  return {
    of: (messageId: number) => rows({ messageId }),

    add(messageId: number, members: readonly Member[]): void {
      for (const { address } of members) insert({ messageId, address, status: 'queued' });
    },

    /** One to a group leaves: it goes to those who are in it now. */
    addRoster(messageId: number, conversationId: number): void {
      if (insertRoster({ messageId, conversationId }).changes > 0) setAddressed({ messageId });
    },

    /** What happened to the message as a whole happened to each of them of whom nothing is known yet. */
    moveAll(messageId: number, event: Extract<MessageEvent, 'accepted' | 'failed'>, now: number, error: CodedError | null): void {
      for (const row of rows({ messageId })) if (row.status === 'queued') step(messageId, row, event, now, error);
    },

    /** For those whom it did not get to. @param only of him alone @returns whether there is any */
    retry(messageId: number, now: number, only?: string): boolean {
      const failed = rows({ messageId }).filter(({ status, address }) => status === 'failed' && (only === undefined || only === address));
      for (const row of failed) step(messageId, row, 'retry', now, null);
      return failed.length > 0;
    },

    /**
     * One of them, and the message with it. Somebody of a group is added with the first word of him.
     * @returns false when the message did not go to any of `addresses`
     */
    move(messageId: number, addresses: readonly string[], isGroup: boolean, event: MessageEvent, now: number, error: CodedError | null) {
      const known = rows({ messageId });
      const row = addresses.map((address) => known.find((each) => each.address === address)).find((each) => each !== undefined);
      const [reporter] = addresses;
      if (row !== undefined) step(messageId, row, event, now, error);
      else if (isGroup && reporter !== undefined && known.length < MOST_OF_A_GROUP) {
        insert({ messageId, address: reporter, status: 'sent' });
        step(messageId, { address: reporter, status: 'sent', deliveredAt: null, displayedAt: null }, event, now, error);
      } else return false;
      const statuses = statusesOf(messageId);
      const mayBeMore = isGroup && isAddressed({ messageId })?.addressed !== 1;
      const summary = summaryOf(reachOf(statuses, mayBeMore));
      if (summary !== null) ledger.move(messageId, summary, now, error);
      return true;
    },

    /** No more is sent: it is as far as those have come who got it. */
    sum(messageId: number, now: number): void {
      ledger.move(messageId, 'accepted', now, null);
      const summary = summaryOf(reachOf(statusesOf(messageId), false));
      if (summary !== null) ledger.move(messageId, summary, now, null);
    },

    clear: (messageId: number) => clear({ messageId }),
    clearAll: (conversationId: number) => clearAll({ conversationId }),
  };
}

/** who reports on a message to a group is whoever likes to */
const MOST_OF_A_GROUP = 1000;
