import type { ConversationKind } from '../../shared/model/audience.ts';
import type { Message, RecipientState } from '../../shared/model/message.ts';
import type { ReadHandle } from './handles.ts';
import type { OutboxItem, StoredTransfer } from './port.ts';

interface ReadyRow {
  readonly id: number;
  readonly kind: 'text' | 'file' | 'notification';
  readonly attempts: number;
  readonly createdAt: number;
  readonly messageId: number;
}

interface TextRow {
  readonly audience: ConversationKind;
  readonly target: string | null;
  readonly peer: string;
  readonly cpmConversationId: string;
  readonly contributionId: string;
  readonly answeredImdnId: string | null;
  readonly answeredContributionId: string | null;
}

type NotificationRow = Omit<Extract<OutboxItem, { kind: 'notification' }>, 'kind' | 'service'> & { readonly messageKind: 'text' | 'file' };

/**
 * The first row of each conversation that waits with rows of that kind, unless one of them is in work. It hops from conversation to
 * conversation over the index, so that a long queue of one costs nothing.
 */
const heads = (kind: 'text' | 'file') => `
  WITH RECURSIVE waiting (conversation_id) AS (
    SELECT min(conversation_id) FROM outbox WHERE kind = '${kind}'
    UNION ALL
    SELECT (SELECT min(o.conversation_id) FROM outbox AS o WHERE o.kind = '${kind}' AND o.conversation_id > waiting.conversation_id)
    FROM waiting WHERE waiting.conversation_id IS NOT NULL
  )
  SELECT o.id, o.kind, o.attempts, o.created_at AS createdAt, o.message_id AS messageId, o.not_before AS notBefore
  FROM waiting CROSS JOIN outbox AS o ON o.id = (
    SELECT f.id FROM outbox AS f WHERE f.kind = '${kind}' AND f.conversation_id = waiting.conversation_id ORDER BY f.message_id LIMIT 1
  )
  WHERE NOT EXISTS (SELECT 1 FROM outbox AS w WHERE w.in_work = 1 AND w.kind = '${kind}' AND w.conversation_id = waiting.conversation_id)`;

/** By their time, so that many that wait cost no more than one: the planner would take another index and sort. */
const NOTIFICATIONS = `
  SELECT id, kind, attempts, created_at AS createdAt, message_id AS messageId, not_before AS notBefore
  FROM outbox INDEXED BY outbox_notifications WHERE kind = 'notification' AND in_work = 0`;

/** The queries of the outbox. */
export function outboxReads(
  db: ReadHandle,
  message: (id: number) => Message,
  transfer: (id: number) => StoredTransfer,
  recipients: (messageId: number) => readonly RecipientState[],
) {
  const readyTexts = db.many<ReadyRow>(`SELECT * FROM (${heads('text')}) WHERE notBefore <= :now ORDER BY id LIMIT :limit`);
  const readyFiles = db.many<ReadyRow>(`SELECT * FROM (${heads('file')}) WHERE notBefore <= :now ORDER BY id LIMIT :limit`);
  const readyNotifications = db.many<ReadyRow>(`${NOTIFICATIONS} AND not_before <= :now ORDER BY not_before, id LIMIT :limit`);
  const nextAt = db.one<{ at: number | null }>(`
    SELECT min(notBefore) AS at FROM (
      SELECT min(notBefore) AS notBefore FROM (${heads('text')})
      UNION ALL SELECT min(notBefore) FROM (${heads('file')})
      UNION ALL SELECT * FROM (SELECT notBefore FROM (${NOTIFICATIONS}) ORDER BY notBefore LIMIT 1)
    )`);
  const text = db.one<TextRow>(`
    SELECT c.kind AS audience, m.target, c.peer, ifnull(m.cpm_conversation_id, c.cpm_conversation_id) AS cpmConversationId,
      m.contribution_id AS contributionId, q.imdn_id AS answeredImdnId, q.contribution_id AS answeredContributionId
    FROM messages AS m JOIN conversations AS c ON c.id = m.conversation_id LEFT JOIN messages AS q ON q.id = m.quoted_id WHERE m.id = :id`);
  const notification = db.one<NotificationRow>(`
    SELECT o.id, o.attempts, c.peer, o.disposition, m.imdn_id AS about, m.notify_date_time AS aboutDateTime,
      m.notify_instance AS originInstance, m.kind AS messageKind, o.contribution_id AS contributionId,
      ifnull(m.cpm_conversation_id, c.cpm_conversation_id) AS cpmConversationId, o.imdn_id AS imdnId, o.created_at AS createdAt
    FROM outbox AS o CROSS JOIN messages AS m ON m.id = o.message_id CROSS JOIN conversations AS c ON c.id = m.conversation_id
    WHERE o.id = :id`);
  const transferOf = db.one<{ id: number }>('SELECT id FROM transfers WHERE message_id = :id');

  function item({ id, kind, attempts, createdAt, messageId }: ReadyRow): OutboxItem {
    if (kind === 'notification') {
      const { messageKind, ...row } = there(notification({ id }));
      return { ...row, kind, service: messageKind === 'file' ? 'filetransfer' : 'msg' };
    }
    const row = there(text({ id: messageId }));
    if (kind === 'text') {
      const { target, answeredImdnId: imdnId, answeredContributionId: contributionId, ...rest } = row;
      const answers = imdnId === null || contributionId === null ? null : { imdnId, contributionId };
      const to = row.audience === 'list' ? recipients(messageId) : [];
      return { id, kind, attempts, createdAt, ...rest, target: target ?? row.peer, recipients: to, answers, message: message(messageId) };
    }
    const file = transfer(there(transferOf({ id: messageId })).id);
    return { id, kind, attempts, createdAt, peer: row.peer, message: message(messageId), transfer: file };
  }

  return {
    outboxReady(now: number, limit: number): OutboxItem[] {
      const page = { now, limit: Math.max(0, Math.trunc(limit)) };
      return [...readyTexts(page), ...readyFiles(page), ...readyNotifications(page)]
        .sort((a, b) => a.id - b.id)
        .slice(0, page.limit)
        .map(item);
    },
    outboxNextAt: (): number | null => nextAt({})?.at ?? null,
  };
}

/** Foreign keys see to it that it is. */
function there<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new TypeError('a row of the outbox without its message');
  return row;
}
