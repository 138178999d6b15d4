import { ParleyError } from '../../shared/base/errors.ts';
import type { LeftBy, Message, Report } from '../../shared/model/message.ts';
import type { ReadHandle } from '../sqlite/handles.ts';
import type { Calls } from './calls.ts';
import { deferredReads } from './deferred-reads.ts';
import { groupReads } from './group-reads.ts';
import { type OutboxReads, outboxReads } from './outbox-reads.ts';
import { peopleReads } from './people-reads.ts';
import type { StoredConversation, StoredTransfer, Thumbnail } from './port.ts';
import {
  CONVERSATION_COLUMNS,
  type ConversationRow,
  FILE_MESSAGE_TABLES,
  LEG_COLUMNS,
  LEG_TABLES,
  MESSAGE_COLUMNS,
  MESSAGE_TABLES,
  type MessageRow,
  pageSize,
  RECIPIENT_COLUMNS,
  type RecipientRow,
  STORED_TRANSFER_COLUMNS,
  STORED_TRANSFER_TABLES,
  type StoredTransferRow,
  toConversation,
  toMessage,
  toRecipient,
  toStoredConversation,
  toStoredTransfer,
} from './rows.ts';
import { searchReads } from './search-reads.ts';

/** after every row that there can be */
const END = Number.MAX_SAFE_INTEGER;

/** messages that a person finds in a conversation */
const IN_THREAD = 'm.conversation_id = :conversationId AND m.removed_at IS NULL';

export type ReadMethod =
  | 'conversations'
  | 'conversation'
  | 'conversationDetails'
  | 'blockedConversations'
  | 'addresses'
  | 'aliases'
  | 'nameOf'
  | 'unreadSum'
  | 'messages'
  | 'message'
  | 'searchMessages'
  | 'messageInfo'
  | 'transfer'
  | 'openTransfers'
  | 'transfersByHash'
  | 'transferLegs'
  | 'filesPage'
  | 'thumbnail'
  | 'draftFiles'
  | 'filesInUse'
  | 'setting'
  | 'deferredPage'
  | 'deferredSums'
  | 'deferredOrdered'
  | 'group'
  | 'groupBy'
  | 'openGroups';

export type Reads = Calls<ReadMethod> & OutboxReads;

/** transfers of one file that are looked at */
const SAME_FILES = 50;

interface InfoRow {
  readonly peer: string;
  readonly cpmConversationId: string;
  readonly contributionId: string;
  readonly deliveryReport: Report | null;
  readonly displayReport: Exclude<Report, 'stored'> | null;
  readonly leftAt: number | null;
  readonly takenAt: number | null;
  readonly kept: number;
  readonly leftBy: LeftBy | null;
  readonly attempts: number | null;
  readonly notBefore: number | null;
}

/** Every query of the store, prepared once. */
export function createReads(db: ReadHandle): Reads {
  const conversations = db.many<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM conversations AS c
     WHERE c.removed_at IS NULL AND c.request = :request AND c.archived = :archived AND (c.request = 0 OR c.blocked_at IS NULL)
       AND (c.pinned, c.updated_at, c.id) < (:pinned, :updatedAt, :id)
     ORDER BY c.pinned DESC, c.updated_at DESC, c.id DESC LIMIT :limit`,
  );
  const conversation = db.one<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM conversations AS c
     WHERE c.id = ifnull((SELECT g.merged_into FROM conversations AS g WHERE g.id = :id), :id)`,
  );
  const older = db.many<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM ${MESSAGE_TABLES}
     WHERE ${IN_THREAD} AND m.id < :before ORDER BY m.id DESC LIMIT :limit`,
  );
  const newer = db.many<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM ${MESSAGE_TABLES}
     WHERE ${IN_THREAD} AND m.id > :after AND m.id < :before ORDER BY m.id LIMIT :limit`,
  );
  const neighbours = db.one<{ before: number; after: number }>(
    `SELECT EXISTS (SELECT 1 FROM messages AS m WHERE ${IN_THREAD} AND m.id < :first) AS before,
            EXISTS (SELECT 1 FROM messages AS m WHERE ${IN_THREAD} AND m.id > :last) AS after`,
  );
  const message = db.one<MessageRow>(`SELECT ${MESSAGE_COLUMNS} FROM ${MESSAGE_TABLES} WHERE m.id = :id`);
  const info = db.one<InfoRow>(
    `SELECT ifnull(m.target, c.peer) AS peer, ifnull(m.cpm_conversation_id, c.cpm_conversation_id) AS cpmConversationId, m.contribution_id AS contributionId,
       m.delivery_report AS deliveryReport, m.display_report AS displayReport, m.left_at AS leftAt, m.taken_at AS takenAt,
       m.kept, m.left_by AS leftBy, max(o.attempts) AS attempts, min(o.not_before) AS notBefore
     FROM messages AS m JOIN conversations AS c ON c.id = m.conversation_id
       LEFT JOIN outbox AS o ON o.message_id = m.id AND o.kind = m.kind AND o.disposition = ''
     WHERE m.id = :id AND m.removed_at IS NULL GROUP BY m.id`,
  );
  const recipients = db.many<RecipientRow>(
    `SELECT ${RECIPIENT_COLUMNS} FROM messages AS m CROSS JOIN recipients AS r ON r.message_id = m.id WHERE m.id = :id ORDER BY r.position`,
  );
  const transfer = db.one<StoredTransferRow>(`SELECT ${STORED_TRANSFER_COLUMNS} FROM ${STORED_TRANSFER_TABLES} WHERE t.id = :id`);
  const leg = db.one<StoredTransferRow>(`SELECT ${LEG_COLUMNS} FROM ${LEG_TABLES} WHERE l.id = :id`);
  const legs = db.many<StoredTransferRow>(`SELECT ${LEG_COLUMNS} FROM ${LEG_TABLES} WHERE l.transfer_id = :id ORDER BY l.id`);
  const openTransfers = db.many<StoredTransferRow>(
    `SELECT ${STORED_TRANSFER_COLUMNS} FROM ${STORED_TRANSFER_TABLES}
     WHERE t.state NOT IN ('done', 'declined', 'expired', 'cancelled', 'failed', 'quarantined')
       AND NOT EXISTS (SELECT 1 FROM legs AS l WHERE l.transfer_id = t.id)
     UNION ALL SELECT ${LEG_COLUMNS} FROM ${LEG_TABLES} WHERE l.state NOT IN ('done', 'declined', 'expired', 'cancelled', 'failed')
     ORDER BY id`,
  );
  const transfersByHash = db.many<StoredTransferRow>(
    `SELECT ${STORED_TRANSFER_COLUMNS} FROM ${STORED_TRANSFER_TABLES} WHERE t.sha1 = :sha1
     UNION ALL SELECT ${LEG_COLUMNS} FROM transfers AS t CROSS JOIN legs AS l ON l.transfer_id = t.id
       CROSS JOIN messages AS m ON m.id = t.message_id CROSS JOIN conversations AS c ON c.id = m.conversation_id WHERE t.sha1 = :sha1
     ORDER BY id DESC LIMIT ${SAME_FILES}`,
  );
  const filesPage = db.many<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM ${FILE_MESSAGE_TABLES}
     WHERE m.conversation_id = :conversationId AND m.kind = 'file' AND m.removed_at IS NULL AND m.id < :before ORDER BY m.id DESC LIMIT :limit`,
  );
  const thumbnail = db.one<Thumbnail>(`SELECT type, width, height, octets FROM thumbnails
     WHERE transfer_id = ifnull((SELECT l.transfer_id FROM legs AS l WHERE l.id = :id), :id)`);
  const draftFiles = db.one<{ files: string }>('SELECT draft_files AS files FROM conversations WHERE id = :id');
  const filesInUse = db.many<{ path: string }>(
    `SELECT source_path AS path FROM transfers WHERE source_path IS NOT NULL
     UNION SELECT waiting.value FROM conversations AS c, json_each(c.draft_files) AS waiting`,
  );
  const setting = db.one<{ value: string }>('SELECT value FROM settings WHERE key = :key');

  const messageById = (id: number): Message => toMessage(found(message({ id }), 'message', id));
  const transferById = (id: number): StoredTransfer => toStoredTransfer(found(transfer({ id }) ?? leg({ id }), 'transfer', id));
  const conversationById = (id: number): StoredConversation => toStoredConversation(found(conversation({ id }), 'conversation', id));

  const between = (conversationId: number, before: number | undefined, after: number | undefined, limit: number) =>
    after === undefined
      ? older({ conversationId, before: before ?? END, limit }).reverse()
      : newer({ conversationId, after, before: before ?? END, limit });
  /** half of them, and the one itself, up to it; where it is gone its neighbours */
  const aroundOne = (conversationId: number, id: number, limit: number) => {
    const upTo = older({ conversationId, before: id + 1, limit: Math.ceil(limit / 2) }).reverse();
    const behind = limit > upTo.length ? newer({ conversationId, after: id, before: END, limit: limit - upTo.length }) : [];
    return [...upTo, ...behind];
  };

  return {
    conversations({ requests, archived, before, limit }) {
      const size = pageSize(limit);
      const rows = conversations({
        request: requests ? 1 : 0,
        archived: archived ? 1 : 0,
        pinned: before === undefined || before.pinned ? 1 : 0,
        updatedAt: before?.updatedAt ?? END,
        id: before?.id ?? END,
        limit: size + 1,
      });
      return { items: rows.slice(0, size).map(toConversation), more: rows.length > size };
    },
    conversation: conversationById,
    messages({ conversationId: asked, before, after, around, limit }) {
      const { id: conversationId } = conversationById(asked);
      const size = pageSize(limit);
      const rows = around === undefined ? between(conversationId, before, after, size) : aroundOne(conversationId, around, size);
      const [first, last] = [rows[0], rows.at(-1)];
      if (!first || !last) {
        // nothing in between: the edges of the gap are its neighbours
        const edges = neighbours({
          conversationId,
          first: after === undefined ? 0 : after + 1,
          last: before === undefined ? END : before - 1,
        });
        return { items: [], moreBefore: edges?.before === 1, moreAfter: edges?.after === 1 };
      }
      const edges = neighbours({ conversationId, first: first.id, last: last.id });
      return { items: rows.map(toMessage), moreBefore: edges?.before === 1, moreAfter: edges?.after === 1 };
    },
    message: messageById,
    messageInfo(id) {
      const { attempts, notBefore, kept, ...ids } = found(info({ id }), 'message', id);
      return {
        message: messageById(id),
        ...ids,
        kept: kept === 1,
        recipients: recipients({ id }).map(toRecipient),
        waiting: attempts === null ? null : { attempts, nextTryAt: notBefore ?? 0 },
      };
    },
    transfer: transferById,
    openTransfers: () => openTransfers({}).map(toStoredTransfer),
    transferLegs: (id) => legs({ id }).map(toStoredTransfer),
    transfersByHash: (sha1) => transfersByHash({ sha1 }).map(toStoredTransfer),
    filesPage({ conversationId, before, limit }) {
      const size = pageSize(limit);
      const rows = filesPage({ conversationId: conversationById(conversationId).id, before: before ?? END, limit: size + 1 });
      return { items: rows.slice(0, size).map(toMessage), more: rows.length > size };
    },
    thumbnail: (id) => thumbnail({ id }) ?? null,
    draftFiles: (id) => JSON.parse(found(draftFiles({ id: conversationById(id).id }), 'conversation', id).files),
    filesInUse: () => filesInUse({}).map(({ path }) => path),
    setting: (key) => setting({ key })?.value ?? null,
    ...peopleReads(db, conversationById),
    ...searchReads(db),
    ...deferredReads(db),
    ...groupReads(db, conversationById),
    ...outboxReads(db, messageById, transferById, (id) => recipients({ id }).map(toRecipient)),
  };
}

/** @throws ParleyError `request.not-found` */
export function found<Row>(row: Row | undefined, what: string, id: number): Row {
  if (row === undefined) throw new ParleyError('request.not-found', `no ${what} ${id}`);
  return row;
}
