import { type CodedError, ParleyError } from '../../../shared/base/errors.ts';
import type { Member } from '../../../shared/model/audience.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import type { GroupEvent } from '../../../shared/model/group.ts';
import type { LeftBy, Message, MessageKind, Report } from '../../../shared/model/message.ts';
import { type MessageEvent, type MessageStatus, nextMessageStatus } from '../../../shared/model/states/message-status.ts';
import type { TransferState } from '../../../shared/model/states/transfer-state.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import type { Notify } from '../port.ts';
import { found, type Reads } from '../reads.ts';
import { CONVERSATION_COLUMNS, type ConversationRow, toConversation } from '../rows.ts';
import { createPlaces } from './places.ts';

/** as the conversation list shows it, UTF-16 code units */
const LAST_LINE = 200;
/** an answer's reason phrase is the other side's and as long as it likes */
const LONGEST_DETAIL = 500;

/** of `notifyDisplay` and `displayNotified`: the person refuses to tell, and the author knows so */
export const REFUSED = 2;

/** What a write has to know of a message. */
export interface MessageRecord {
  readonly id: number;
  readonly conversationId: number;
  readonly direction: 'in' | 'out';
  readonly kind: 'text' | 'file';
  readonly status: MessageStatus;
  readonly deliveredAt: number | null;
  readonly displayedAt: number | null;
  readonly notifyDelivery: number;
  readonly notifyFailure: number;
  readonly notifyDisplay: number;
  readonly deliveryNotified: number;
  readonly failureNotified: number;
  readonly displayNotified: number;
  readonly removedAt: number | null;
  readonly target: string | null;
}

interface NewestRow {
  readonly id: number;
  readonly direction: 'in' | 'out';
  readonly kind: MessageKind;
  readonly line: string;
  readonly status: MessageStatus;
  readonly transferState: TransferState | null;
}

export interface NewMessage {
  readonly conversationId: number;
  readonly direction: 'in' | 'out';
  readonly kind: 'text' | 'file';
  readonly text: string;
  /** what the conversation list shows */
  readonly line: string;
  readonly transferState: TransferState | null;
  readonly imdnId: string;
  readonly contributionId: string;
  readonly cpmConversationId: string | null;
  readonly sentAt: number;
  readonly now: number;
  readonly notify: Notify | null;
  readonly anonymous?: boolean;
  /** see `0005-recipients.ts` */
  readonly replyTo?: string | null;
  readonly target?: string | null;
  readonly alsoTo?: readonly string[];
  readonly quotedId: number | null;
  /** see {@link Message.deferred} */
  readonly deferred?: boolean;
  /** it takes the place in the thread where it was sent, as a deferred one does */
  readonly inPlace?: boolean;
  /** see `0013-references.ts` */
  readonly reference?: string | null;
  /** who wrote it, in a group */
  readonly author?: Member;
  readonly event?: GroupEvent;
  /** nobody is told of it: it is not unread, and in the list it stands only where nothing else does */
  readonly isQuiet?: boolean;
}

export interface Changed {
  readonly message: Message;
  readonly conversation: Conversation;
}

export type Ledger = ReturnType<typeof createLedger>;

/** Messages and what their conversation's row repeats of them: the only place that writes either, so that they cannot differ. */
export function createLedger(db: WriteHandle, reads: Reads) {
  const record = db.one<MessageRecord>(
    `SELECT id, conversation_id AS conversationId, direction, kind, status, delivered_at AS deliveredAt, displayed_at AS displayedAt,
       notify_delivery AS notifyDelivery, notify_failure AS notifyFailure, notify_display AS notifyDisplay,
       delivery_notified AS deliveryNotified, failure_notified AS failureNotified, display_notified AS displayNotified,
       removed_at AS removedAt, target
     FROM messages WHERE id = :id`,
  );
  const byImdn = db.one<{ id: number }>(
    'SELECT id FROM messages WHERE imdn_id = :imdnId AND conversation_id = :conversationId AND direction = :direction AND author = :author',
  );
  const insert = db.change(
    `INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id,
       cpm_conversation_id, notify_delivery, notify_failure, notify_display, notify_instance, notify_date_time, notify_route,
       notify_original_to, anonymous, reply_to, target, also_to, quoted_id, deferred, reference, author, author_name, event)
     VALUES (:id, :conversationId, :direction, :kind, :text, :status, :sentAt, :now, :imdnId, :contributionId, :cpmConversationId,
       :notifyDelivery, :notifyFailure, :notifyDisplay, :notifyInstance, :notifyDateTime, :notifyRoute, :notifyOriginalTo, :anonymous, :replyTo, :target, :alsoTo, :quotedId, :deferred, :reference,
       :author, :authorName, :event)`,
  );
  const showLast = db.change(
    `UPDATE conversations SET unread = unread + :unread, archived = 0, removed_at = NULL, updated_at = max(updated_at, :now),
       last_message_id = :id, last_direction = :direction, last_kind = :kind, last_text = :line, last_status = :status, last_transfer_state = :transferState
     WHERE id = :conversationId`,
  );
  const isListed = db.one<{ id: number }>(
    'SELECT id FROM conversations WHERE id = :conversationId AND (last_message_id IS NOT NULL OR removed_at IS NOT NULL)',
  );
  const showLate = db.change(
    'UPDATE conversations SET archived = 0, removed_at = NULL, updated_at = max(updated_at, :now) WHERE id = :conversationId',
  );
  const showInstead = db.change(
    `UPDATE conversations SET last_message_id = :id, last_direction = :direction, last_kind = :kind, last_text = :line,
       last_status = :status, last_transfer_state = :transferState
     WHERE id = :conversationId AND last_message_id = :removed`,
  );
  const showNewest = db.change(
    `UPDATE conversations SET last_message_id = :id, last_direction = :direction, last_kind = :kind, last_text = :line,
       last_status = :status, last_transfer_state = :transferState,
       unread = (SELECT count(*) FROM messages AS u WHERE u.conversation_id = :conversationId AND u.status = 'received')
     WHERE id = :conversationId`,
  );
  const update = db.change(
    `UPDATE messages SET status = :status, delivered_at = :deliveredAt, displayed_at = :displayedAt,
       error_code = :code, error_detail = :detail WHERE id = :id`,
  );
  const showStatus = db.change('UPDATE conversations SET last_status = :status WHERE id = :conversationId AND last_message_id = :id');
  const showTransfer = db.change(
    'UPDATE conversations SET last_transfer_state = :state WHERE id = :conversationId AND last_message_id = :id',
  );
  // what was stored in the network may still be forbidden to be told, never the other way round
  const noteDelivery = db.change(
    `UPDATE messages SET delivery_report = :report
     WHERE id = :id AND delivered_at IS NULL AND (delivery_report IS NULL OR (delivery_report = 'stored' AND :report <> 'stored'))`,
  );
  const noteDisplay = db.change(
    'UPDATE messages SET display_report = :report WHERE id = :id AND displayed_at IS NULL AND display_report IS NULL',
  );
  const setLeftBy = db.change('UPDATE messages SET left_by = :leftBy WHERE id = :id');
  const leave = db.change('UPDATE messages SET left_at = :now, taken_at = NULL, kept = 0 WHERE id = :id');
  const take = db.change('UPDATE messages SET taken_at = :now, kept = :kept WHERE id = :id');
  const setError = db.change('UPDATE messages SET error_code = :code, error_detail = :detail WHERE id = :id');
  const removeRow = db.change(
    `UPDATE messages SET removed_at = :now, status = :status, text = '', error_code = NULL, error_detail = NULL WHERE id = :id`,
  );
  const removeTransfer = db.change('DELETE FROM transfers WHERE message_id = :id');
  const newestOf = (which: string) =>
    db.one<NewestRow>(
      `SELECT m.id, m.direction, iif(m.event IS NULL, m.kind, 'event') AS kind, coalesce(m.event ->> 'what', t.name, m.text) AS line, m.status,
         t.state AS transferState
       FROM messages AS m LEFT JOIN transfers AS t ON t.message_id = m.id
       WHERE m.conversation_id = :conversationId AND m.removed_at IS NULL ${which} ORDER BY m.id DESC LIMIT 1`,
    );
  const newest = [newestOf('AND m.event IS NULL'), newestOf('')] as const;
  const emptied = {
    transfers: db.change(
      'DELETE FROM transfers WHERE message_id IN (SELECT m.id FROM messages AS m WHERE m.conversation_id = :conversationId AND m.removed_at IS NULL)',
    ),
    messages: db.change(
      `UPDATE messages SET removed_at = :now, status = iif(status = 'received', 'read', status), text = '', error_code = NULL, error_detail = NULL
       WHERE conversation_id = :conversationId AND removed_at IS NULL`,
    ),
    conversation: db.change(
      `UPDATE conversations SET removed_at = :now, unread = 0, marked_unread = 0, pinned = 0, archived = 0, draft = '', draft_quoted_id = NULL, draft_files = '[]', last_message_id = NULL,
         last_direction = NULL, last_kind = NULL, last_text = NULL, last_status = NULL, last_transfer_state = NULL
       WHERE id = :conversationId`,
    ),
  };
  const forget = db.change(
    `DELETE FROM messages WHERE removed_at IS NOT NULL AND removed_at < :before
     AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.message_id = messages.id)`,
  );
  const forgetOne = db.change('DELETE FROM messages WHERE id = :id AND removed_at IS NOT NULL');
  const unread = db.many<{ id: number }>(
    "SELECT id FROM messages WHERE conversation_id = :conversationId AND status = 'received' AND id <= :upTo ORDER BY id",
  );
  const oneRead = db.change('UPDATE conversations SET unread = max(0, unread - 1) WHERE id = :id');
  const conversationRow = db.one<ConversationRow>(`SELECT ${CONVERSATION_COLUMNS} FROM conversations AS c WHERE c.id = :id`);

  const places = createPlaces(db);
  const recordOf = (id: number): MessageRecord => found(record({ id }), 'message', id);
  const conversation = (id: number): Conversation => toConversation(found(conversationRow({ id }), 'conversation', id));

  const lastOf = (conversationId: number) => {
    const last = newest[0]({ conversationId }) ?? newest[1]({ conversationId }) ?? NOTHING_LAST;
    return { ...last, line: last.line === null ? null : cut(last.line, LAST_LINE) };
  };

  return {
    record: recordOf,
    conversation,

    /** id of the message that carries this imdn.Message-ID, or null. @param author of one in a group, else '' */
    find(conversationId: number, direction: 'in' | 'out', imdnId: string, author = ''): number | null {
      return byImdn({ conversationId, direction, imdnId, author })?.id ?? null;
    },

    /** ids of what is not read up to that message, oldest first */
    unread: (conversationId: number, upTo: number): number[] => unread({ conversationId, upTo }).map(({ id }) => id),

    add(message: NewMessage): number {
      const { notify, line, transferState, anonymous, replyTo, target, alsoTo, deferred, inPlace, reference, ...more } = message;
      const { author, event, isQuiet, ...columns } = more;
      const status: MessageStatus = message.direction === 'out' ? 'queued' : isQuiet ? 'read' : 'received';
      const sentAt = plausibleTime(message.sentAt, message.now);
      const place = deferred || inPlace ? places.at(message.conversationId, sentAt) : null;
      const { id } = insert({
        ...columns,
        id: place,
        sentAt,
        deferred: deferred ? 1 : 0,
        reference: reference ?? null,
        author: author?.address ?? '',
        authorName: author?.name ?? '',
        event: event === undefined ? null : JSON.stringify(event),
        status,
        notifyDelivery: notify?.positiveDelivery ? 1 : 0,
        notifyFailure: notify?.negativeDelivery ? 1 : 0,
        notifyDisplay: notify?.display ? (notify.displayReports === 'refuse' ? REFUSED : 1) : 0,
        notifyInstance: notify?.originInstance ?? null,
        notifyDateTime: notify?.dateTime ?? '',
        notifyRoute: notify?.route?.length ? JSON.stringify(notify.route) : null,
        notifyOriginalTo: notify?.originalTo ?? null,
        anonymous: anonymous ? 1 : 0,
        replyTo: replyTo ?? null,
        target: target ?? null,
        alsoTo: alsoTo === undefined || alsoTo.length === 0 ? null : JSON.stringify(alsoTo),
      });
      const { conversationId, direction, now } = message;
      const kind = event === undefined ? message.kind : 'event';
      if (isQuiet && isListed({ conversationId })) return id;
      if (place !== null) {
        showLate({ conversationId, now });
        showNewest({ ...lastOf(conversationId), conversationId });
        return id;
      }
      const unread = direction === 'in' && !isQuiet ? 1 : 0;
      showLast({ id, conversationId, direction, kind, now, status, unread, transferState, line: cut(line, LAST_LINE) });
      return id;
    },

    /**
     * The one way in which a status changes. @returns whether it did
     * @throws ParleyError `request.invalid-state`
     */
    move(id: number, event: MessageEvent, now: number, error: CodedError | null = null): boolean {
      const before = recordOf(id);
      const status = lawful(() => nextMessageStatus(before.status, event));
      if (status === before.status) return false;
      const arrived = status === 'delivered' || status === 'displayed';
      const seen = status === 'displayed' || status === 'read';
      update({
        id,
        status,
        // displayed implies delivered (cpm.md section 6)
        deliveredAt: before.deliveredAt ?? (arrived ? now : null),
        displayedAt: before.displayedAt ?? (seen ? now : null),
        // a message that waits keeps the reason of the last try
        ...errorColumns(status === 'failed' || event === 'postponed' ? error : null),
      });
      showStatus({ id, conversationId: before.conversationId, status });
      if (status === 'read') oneRead({ id: before.conversationId });
      return true;
    },

    /** another service has it */
    leftBy: (id: number, leftBy: LeftBy) => setLeftBy({ id, leftBy }),
    /** a try of an own one is on its way */
    left: (id: number, now: number) => leave({ id, now }),
    /** and has arrived at whoever took it. @param kept the network passes it on later */
    taken: (id: number, now: number, kept = false) => take({ id, now, kept: kept ? 1 : 0 }),

    /** of one that the person can still see @throws ParleyError `request.not-found` */
    shown(id: number): MessageRecord {
      const known = recordOf(id);
      return found(known.removedAt === null ? known : undefined, 'message', id);
    },

    /** Leaves an empty row. One that nobody had seen does not count any more, and counts as displayed to nobody. */
    remove(id: number, now: number): void {
      const { conversationId, status } = recordOf(id);
      if (status === 'received') oneRead({ id: conversationId });
      removeTransfer({ id });
      removeRow({ id, now, status: status === 'received' ? 'read' : status });
      showInstead({ ...lastOf(conversationId), conversationId, removed: id });
    },

    /** What the row says of its messages, after messages came from another conversation. */
    recount(conversationId: number): void {
      showNewest({ ...lastOf(conversationId), conversationId });
    },

    /** As if each message were removed; the conversation leaves the list until something comes to it again. */
    removeAll(conversationId: number, now: number): void {
      emptied.transfers({ conversationId });
      emptied.messages({ conversationId, now });
      emptied.conversation({ conversationId, now });
    },

    /** something is known to come late */
    leaveRoom: places.leaveRoom,

    forgetRemoved: (before: number) => forget({ before }),
    forgetOne: (id: number) => forgetOne({ id }),

    /** @returns whether it is news */
    note(id: number, about: 'delivery' | 'display', report: Report): boolean {
      return (about === 'delivery' ? noteDelivery : noteDisplay)({ id, report }).changes === 1;
    },

    /** for an incoming message, whose status tells nothing of its file */
    setError: (id: number, error: CodedError | null) => setError({ id, ...errorColumns(error) }),

    showTransfer: (id: number, conversationId: number, state: TransferState) => showTransfer({ id, conversationId, state }),

    changed(id: number): Changed {
      const message = reads.message(id);
      return { message, conversation: conversation(message.conversationId) };
    },
  };
}

const NOTHING_LAST = { id: null, direction: null, kind: null, line: null, status: null, transferState: null } as const;

export function errorColumns(error: CodedError | null): { code: string | null; detail: string | null } {
  return { code: error?.code ?? null, detail: error === null ? null : cut(error.detail, LONGEST_DETAIL) };
}

/** A state machine's refusal as a coded error. */
export function lawful<T>(step: () => T): T {
  try {
    return step();
  } catch (thrown) {
    if (thrown instanceof TypeError) throw new ParleyError('request.invalid-state', thrown.message, { cause: thrown });
    throw thrown;
  }
}

/** A CPIM DateTime is whatever its author wrote; one that no clock shows counts as now. */
function plausibleTime(time: number, now: number): number {
  return time >= 0 && time <= 8.64e15 ? Math.trunc(time) : now;
}

/** Not in the middle of a surrogate pair. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
