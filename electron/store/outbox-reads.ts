import type { ConversationKind } from '../../shared/model/audience.ts';
import type { Message, RecipientState } from '../../shared/model/message.ts';
import type { ReadHandle } from '../sqlite/handles.ts';
import { LONGEST_POSTPONE_MS, type OutboxItem, type StoredConversation, type StoredTransfer } from './port.ts';

/** The first row of a lane. */
interface HeadRow {
  readonly id: number;
  readonly kind: 'text' | 'file' | 'notification';
  readonly conversationId: number;
  readonly attempts: number;
  readonly createdAt: number;
  readonly messageId: number;
  /** of a leg: whom it is for; else '' */
  readonly recipient: string;
  readonly notBefore: number;
}

interface TextRow {
  readonly audience: ConversationKind;
  readonly target: string | null;
  readonly mode: StoredConversation['mode'];
  readonly peer: string;
  readonly cpmConversationId: string;
  readonly contributionId: string;
  readonly answeredImdnId: string | null;
  readonly answeredContributionId: string | null;
  readonly reference: string | null;
}

type NotificationRow = Omit<Extract<OutboxItem, { kind: 'notification' }>, 'kind' | 'service' | 'route'> & {
  readonly messageKind: 'text' | 'file';
  readonly route: string | null;
};

/** What waits in one line of a conversation. */
type Lane = 'text' | 'notification' | FileLane;
type FileLane = 'push' | 'pull' | 'again';

/** What was taken once and broke off, whichever way its octets flow; else whether they flow in. */
const isIn = (lane: FileLane) => (row: string) =>
  `${row}.recipient = '' AND '${lane}' = (SELECT iif(t.file_transfer_id IS NOT NULL, 'again', iif((m.direction = 'in') <> t.pull, 'pull', 'push'))
    FROM transfers AS t CROSS JOIN messages AS m ON m.id = t.message_id WHERE t.message_id = ${row}.message_id)`;

const IN_ORDER = 'f.message_id, f.id';

const fileLane = (lane: FileLane, order = IN_ORDER) => {
  const of = isIn(lane);
  return { kind: 'file', of, heldBackBy: `w.kind IN ('file') AND ${of('w')}`, order } as const;
};

/**
 * What is in a lane, and what holds it back. A text and a notification are both a MESSAGE to the same address, of which one at a time is allowed
 * (RFC 3428 section 8). A file's invitation may wait for a person; what is asked for waits until it is looked up there, and what is sent does not
 * wait for that. What goes on from before waits for nobody, and one of which the other side does not want to hear yet does not hold back the rest.
 */
const LANES: Record<
  Lane,
  { readonly kind: HeadRow['kind']; readonly of: (row: string) => string; readonly heldBackBy: string; readonly order: string }
> = {
  text: { kind: 'text', of: () => 'TRUE', heldBackBy: "w.kind IN ('text', 'notification')", order: IN_ORDER },
  notification: { kind: 'notification', of: () => 'TRUE', heldBackBy: "w.kind IN ('text', 'notification')", order: IN_ORDER },
  push: fileLane('push'),
  pull: fileLane('pull'),
  again: fileLane('again', `f.not_before, ${IN_ORDER}`),
};

/**
 * The first row of each conversation that waits in that lane, unless one that holds it back is in work. It hops from conversation
 * to conversation over the index, so that a long queue of one costs nothing.
 */
const heads = (lane: Lane) => {
  const { kind, of, heldBackBy, order } = LANES[lane];
  return `
  WITH RECURSIVE waiting (conversation_id) AS (
    SELECT min(conversation_id) FROM outbox WHERE kind = '${kind}'
    UNION ALL
    SELECT (SELECT min(o.conversation_id) FROM outbox AS o WHERE o.kind = '${kind}' AND o.conversation_id > waiting.conversation_id)
    FROM waiting WHERE waiting.conversation_id IS NOT NULL
  )
  SELECT o.id, o.kind, o.conversation_id AS conversationId, o.attempts, o.created_at AS createdAt, o.message_id AS messageId,
    o.recipient, o.not_before AS notBefore
  FROM waiting CROSS JOIN outbox AS o ON o.id = (
    SELECT f.id FROM outbox AS f WHERE f.kind = '${kind}' AND f.conversation_id = waiting.conversation_id AND ${of('f')}
    ORDER BY ${order} LIMIT 1
  )
  WHERE NOT EXISTS (SELECT 1 FROM outbox AS w WHERE w.in_work = 1 AND ${heldBackBy} AND w.conversation_id = waiting.conversation_id)`;
};

/** Legs wait for nobody but the person they are for: one invitation from one list is before each at a time. */
const LEGS = `
  SELECT o.id, o.kind, o.conversation_id AS conversationId, o.attempts, o.created_at AS createdAt, o.message_id AS messageId,
    o.recipient, o.not_before AS notBefore
  FROM outbox AS o INDEXED BY outbox_legs WHERE o.recipient > '' AND o.in_work = 0
    AND NOT EXISTS (SELECT 1 FROM outbox AS w WHERE w.conversation_id = o.conversation_id AND w.recipient = o.recipient AND w.recipient > '' AND w.in_work = 1)
  ORDER BY o.message_id, o.id`;

/** What may leave, without taking it up. */
export interface OutboxReads {
  /** texts and files in the order in which they were composed, then notifications */
  outboxReady(now: number, limit: number, notifications?: number): OutboxItem[];
  /** earliest `notBefore` of the rows that nothing but time holds back and that lie after `now`, or null */
  outboxNextAt(now: number): number | null;
}

/** The queries of the outbox. */
export function outboxReads(
  db: ReadHandle,
  message: (id: number) => Message,
  transfer: (id: number) => StoredTransfer,
  recipients: (messageId: number) => readonly RecipientState[],
): OutboxReads {
  const texts = db.many<HeadRow>(heads('text'));
  const lanes = (['push', 'pull', 'again'] as const).map((lane) => db.many<HeadRow>(heads(lane)));
  const legs = db.many<HeadRow>(LEGS);
  const files = () => [...lanes.flatMap((lane) => lane({})), ...legs({})];
  const notifications = db.many<HeadRow>(heads('notification'));
  const text = db.one<TextRow>(`
    SELECT c.kind AS audience, c.mode, m.target, ifnull(c.route, c.peer) AS peer, m.contribution_id AS contributionId, m.reference,
      ifnull(m.cpm_conversation_id, c.cpm_conversation_id) AS cpmConversationId,
      q.imdn_id AS answeredImdnId, q.contribution_id AS answeredContributionId
    FROM messages AS m JOIN conversations AS c ON c.id = m.conversation_id LEFT JOIN messages AS q ON q.id = m.quoted_id WHERE m.id = :id`);
  const notification = db.one<NotificationRow>(`
    SELECT o.id, o.attempts, iif(m.author <> '', m.author, ifnull(c.route, c.peer)) AS peer, c.kind AS audience,
      o.conversation_id AS conversationId, o.disposition, o.report, m.imdn_id AS about,
      m.notify_route AS route, m.notify_original_to AS originalTo, m.notify_date_time AS aboutDateTime,
      m.notify_instance AS originInstance, m.kind AS messageKind, o.contribution_id AS contributionId,
      ifnull(m.cpm_conversation_id, c.cpm_conversation_id) AS cpmConversationId, o.imdn_id AS imdnId, o.created_at AS createdAt
    FROM outbox AS o CROSS JOIN messages AS m ON m.id = o.message_id CROSS JOIN conversations AS c ON c.id = m.conversation_id
    WHERE o.id = :id`);
  const transferOf = db.one<{ id: number }>(
    `SELECT iif(:recipient = '', t.id, (SELECT l.id FROM legs AS l WHERE l.transfer_id = t.id AND l.address = :recipient)) AS id
     FROM transfers AS t WHERE t.message_id = :messageId`,
  );

  function item({ id, kind, attempts, createdAt, messageId, recipient }: HeadRow): OutboxItem {
    if (kind === 'notification') {
      const { messageKind, ...row } = there(notification({ id }));
      const route = row.route === null ? [] : (JSON.parse(row.route) as string[]);
      return { ...row, route, kind, service: messageKind === 'file' ? 'filetransfer' : 'msg' };
    }
    const row = there(text({ id: messageId }));
    if (kind === 'text') {
      const { target, answeredImdnId: imdnId, answeredContributionId: contributionId, ...rest } = row;
      const composed = message(messageId);
      // what it answers was sent to somebody with a name
      const isTold = imdnId !== null && contributionId !== null && !composed.anonymous;
      const answers = isTold ? { imdnId, contributionId } : null;
      const to = row.audience === 'list' ? recipients(messageId) : [];
      return { id, kind, attempts, createdAt, ...rest, target: target ?? row.peer, recipients: to, answers, message: composed };
    }
    const file = transfer(there(transferOf({ messageId, recipient })).id);
    const to = file.audience === 'list' ? recipients(messageId) : [];
    const { peer, audience } = file;
    return { id, kind, attempts, createdAt, peer, audience, recipients: to, message: message(messageId), transfer: file };
  }

  return {
    outboxReady(now, limit, notificationLimit = limit) {
      const dueTexts = texts({}).filter((row) => isDue(row, now));
      const messages = [...dueTexts, ...files().filter((row) => isDue(row, now))].sort((a, b) => a.id - b.id);
      const speaking = new Set(dueTexts.map(({ conversationId }) => conversationId));
      const owed = notifications({})
        .filter((row) => isDue(row, now) && !speaking.has(row.conversationId))
        .sort((a, b) => a.id - b.id)
        .slice(0, Math.max(0, notificationLimit));
      return [...messages, ...owed].slice(0, Math.max(0, limit)).map(item);
    },
    outboxNextAt(now) {
      const times = [...texts({}), ...files(), ...notifications({})].filter((row) => !isDue(row, now)).map(({ notBefore }) => notBefore);
      return times.length === 0 ? null : times.reduce((a, b) => Math.min(a, b));
    },
  };
}

/** One that lies further ahead than any wait was written before the clock was set back: it has waited enough. */
function isDue({ notBefore }: HeadRow, now: number): boolean {
  return notBefore <= now || notBefore - now > LONGEST_POSTPONE_MS;
}

/** Foreign keys see to it that it is. */
function there<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new TypeError('a row of the outbox without its message');
  return row;
}
