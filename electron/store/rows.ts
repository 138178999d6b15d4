import { basename } from 'node:path';
import type { CodedError, ErrorCode } from '../../shared/base/errors.ts';
import { addressTitle } from '../../shared/model/address.ts';
import type { ConversationKind, Member } from '../../shared/model/audience.ts';
import type { Conversation } from '../../shared/model/conversation.ts';
import type { Standing } from '../../shared/model/group.ts';
import { type LeftBy, LONGEST_QUOTE, type Message, type MessageKind, type Quote, type RecipientState } from '../../shared/model/message.ts';
import type { MessageStatus } from '../../shared/model/states/message-status.ts';
import { reachOf } from '../../shared/model/states/reach.ts';
import type { TransferState } from '../../shared/model/states/transfer-state.ts';
import type { Transfer } from '../../shared/model/transfer.ts';
import type { StoredConversation, StoredTransfer } from './port.ts';

/** What a host can show without a decoder of its own, and up to which size, octets. */
const PREVIEWABLE_TYPES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']);
const MAX_PREVIEW = 32 * 1024 * 1024;

/** SQLite takes a negative limit as none at all. */
export function pageSize(limit: number): number {
  return Math.max(1, Math.trunc(limit));
}

export interface ConversationRow {
  readonly id: number;
  readonly kind: ConversationKind;
  readonly peer: string;
  readonly title: string;
  readonly cpmConversationId: string;
  readonly unread: number;
  readonly firstUnreadId: number | null;
  readonly updatedAt: number;
  readonly draft: string;
  readonly draftQuoteId: number | null;
  readonly draftFiles: number;
  readonly pinned: number;
  readonly archived: number;
  readonly markedUnread: number;
  /** JSON; null for what has no members */
  readonly members: string | null;
  readonly replyTo: string | null;
  readonly mutedUntil: number | null;
  readonly route: string | null;
  readonly mode: StoredConversation['mode'];
  readonly request: number;
  readonly blockedAt: number | null;
  readonly lastMessageId: number | null;
  readonly lastDirection: 'in' | 'out';
  readonly lastKind: MessageKind;
  readonly lastAuthor: string;
  readonly lastAuthorName: string;
  readonly lastText: string;
  readonly lastStatus: MessageStatus;
  readonly lastTransferState: TransferState | null;
  readonly lastAsks: 0 | 1;
  readonly lastLeftBy: LeftBy | null;
  readonly standing: Standing | null;
}

/** What somebody who wrote in a group is called: as this person named them, as the group does, as the message did. */
const AUTHOR_NAME = (message: string) => `iif(${message}.author = '', '', coalesce(
    (SELECT k.given_name FROM conversations AS k WHERE k.peer = ${message}.author),
    (SELECT p.name FROM participants AS p INDEXED BY participants_by_address WHERE p.conversation_id = ${message}.conversation_id AND p.address = ${message}.author),
    ${message}.author_name))`;

export const CONVERSATION_COLUMNS = `
  c.id, c.kind, c.peer, ifnull(c.given_name, c.title) AS title, c.cpm_conversation_id AS cpmConversationId, c.unread,
  c.updated_at AS updatedAt, c.draft, c.draft_quoted_id AS draftQuoteId,
  json_array_length(c.draft_files) AS draftFiles, c.pinned, c.archived, c.marked_unread AS markedUnread,
  c.muted_until AS mutedUntil, c.route, c.mode, c.request, c.blocked_at AS blockedAt, c.reply_to AS replyTo,
  iif(c.kind = 'list', (SELECT json_group_array(json_object('address', ordered.address, 'name', ordered.name)) FROM
    (SELECT p.address, p.name FROM members AS p WHERE p.conversation_id = c.id ORDER BY p.position) AS ordered), NULL) AS members,
  (SELECT min(u.id) FROM messages AS u WHERE u.conversation_id = c.id AND u.status = 'received') AS firstUnreadId,
  c.last_message_id AS lastMessageId, c.last_direction AS lastDirection, c.last_kind AS lastKind, c.last_text AS lastText,
  c.last_status AS lastStatus, c.last_transfer_state AS lastTransferState,
  iif(c.last_transfer_state = 'offered', (SELECT t.pull FROM transfers AS t WHERE t.message_id = c.last_message_id), 0) AS lastAsks,
  iif(c.last_direction = 'out', (SELECT m.left_by FROM messages AS m WHERE m.id = c.last_message_id), NULL) AS lastLeftBy,
  iif(c.kind = 'group', ifnull((SELECT m.author FROM messages AS m WHERE m.id = c.last_message_id), ''), '') AS lastAuthor,
  iif(c.kind = 'group', ifnull((SELECT ${AUTHOR_NAME('m')} FROM messages AS m WHERE m.id = c.last_message_id), ''), '') AS lastAuthorName,
  iif(c.kind = 'group', ifnull((SELECT g.standing FROM groups AS g WHERE g.conversation_id = c.id), 'outside'), NULL) AS standing`;

export function toConversation(row: ConversationRow): Conversation {
  const { id, kind, peer, title, unread, firstUnreadId, updatedAt, draft, draftQuoteId, draftFiles, mutedUntil, replyTo } = row;
  const members: readonly Member[] = row.members === null ? [] : JSON.parse(row.members);
  const last =
    row.lastMessageId === null
      ? null
      : {
          direction: row.lastDirection,
          kind: row.lastKind,
          author: row.lastAuthor === '' ? '' : addressTitle(row.lastAuthor, row.lastAuthorName),
          text: row.lastText,
          status: row.lastStatus,
          transferState: row.lastTransferState,
          asks: row.lastAsks === 1,
          ...(row.lastLeftBy === null ? {} : { leftBy: row.lastLeftBy }),
        };
  const [pinned, archived, markedUnread] = [row.pinned === 1, row.archived === 1, row.markedUnread === 1];
  const [request, blocked] = [row.request === 1, row.blockedAt !== null];
  const flags = { pinned, archived, markedUnread, mutedUntil, request, blocked };
  return {
    id,
    kind,
    peer,
    title,
    unread,
    firstUnreadId,
    updatedAt,
    draft,
    draftQuoteId,
    draftFiles,
    ...flags,
    members,
    replyTo,
    standing: row.standing,
    last,
  };
}

export function toStoredConversation(row: ConversationRow): StoredConversation {
  return { ...toConversation(row), cpmConversationId: row.cpmConversationId, route: row.route, mode: row.mode };
}

interface ErrorColumns {
  readonly errorCode: ErrorCode | null;
  readonly errorDetail: string | null;
}

function toError(code: ErrorCode | null, detail: string | null): CodedError | null {
  return code === null ? null : { code, detail: detail ?? '' };
}

interface TransferColumns {
  readonly transferId: number | null;
  readonly state: TransferState;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly pull: number;
  readonly sizeKnown: number;
  readonly invitation: string | null;
  readonly thumbnail: number;
  readonly sha1: string | null;
  readonly sha256: string | null;
  readonly transferred: number;
  /** JSON: total, done; null for what nobody sends here */
  readonly legs: string | null;
  readonly sourcePath: string | null;
  readonly finalPath: string | null;
  readonly transferErrorCode: ErrorCode | null;
  readonly transferErrorDetail: string | null;
}

export interface MessageRow extends TransferColumns, ErrorColumns {
  readonly id: number;
  readonly conversationId: number;
  readonly direction: 'in' | 'out';
  readonly kind: MessageKind;
  readonly text: string;
  readonly status: MessageStatus;
  readonly sentAt: number;
  readonly storedAt: number;
  readonly deliveredAt: number | null;
  readonly displayedAt: number | null;
  readonly imdnId: string;
  readonly anonymous: number;
  readonly deferred: number;
  readonly replyTo: string | null;
  /** JSON */
  readonly alsoTo: string | null;
  /** statuses of its recipients, separated by blanks; null where there are none */
  readonly reached: string | null;
  /** JSON; null where it went to one person */
  readonly failedTo: string | null;
  readonly isGroup: number;
  readonly author: string;
  readonly authorName: string;
  /** JSON */
  readonly event: string | null;
  readonly leftBy: LeftBy | null;
  readonly quotedId: number | null;
  readonly quotedDirection: 'in' | 'out';
  readonly quotedKind: 'text' | 'file';
  /** null, as the name, unless somebody wrote it in a group */
  readonly quotedAuthor: string | null;
  readonly quotedAuthorName: string | null;
  readonly quotedText: string | null;
}

export const MESSAGE_COLUMNS = `
  m.id, m.conversation_id AS conversationId, m.direction, iif(m.event IS NULL, m.kind, 'event') AS kind, m.text, m.status, m.sent_at AS sentAt, m.stored_at AS storedAt,
  m.delivered_at AS deliveredAt, m.displayed_at AS displayedAt, m.imdn_id AS imdnId,
  m.error_code AS errorCode, m.error_detail AS errorDetail, m.anonymous, m.deferred, m.reply_to AS replyTo, m.also_to AS alsoTo,
  iif(m.direction = 'out', (SELECT group_concat(r.status, ' ') FROM recipients AS r WHERE r.message_id = m.id), NULL) AS reached,
  iif(m.direction = 'out', (SELECT json_group_array(json_object('address', r.address, 'name', ifnull((SELECT p.name FROM members AS p WHERE
    p.conversation_id = m.conversation_id AND p.address = r.address), ''))) FROM recipients AS r WHERE r.message_id = m.id AND r.status = 'failed'), NULL) AS failedTo,
  iif(m.direction = 'out' AND m.addressed = 0, (SELECT g.kind = 'group' FROM conversations AS g WHERE g.id = m.conversation_id), 0) AS isGroup,
  m.author, ${AUTHOR_NAME('m')} AS authorName, m.event, m.left_by AS leftBy,
  t.id AS transferId, t.state, t.name, t.type, t.size, t.pull, t.size_known AS sizeKnown, t.invitation, t.sha1, t.sha256, t.transferred,
  iif(m.direction = 'out', (SELECT json_array(count(*), ifnull(sum(l.state = 'done'), 0)) FROM legs AS l WHERE l.transfer_id = t.id), NULL) AS legs,
  EXISTS (SELECT 1 FROM thumbnails AS n WHERE n.transfer_id = t.id) AS thumbnail, t.source_path AS sourcePath, t.final_path AS finalPath,
  t.error_code AS transferErrorCode, t.error_detail AS transferErrorDetail,
  q.id AS quotedId, q.direction AS quotedDirection, q.kind AS quotedKind,
  nullif(q.author, '') AS quotedAuthor, CASE WHEN q.author <> '' THEN ${AUTHOR_NAME('q')} END AS quotedAuthorName,
  CASE WHEN q.removed_at IS NULL THEN substr(ifnull(qt.name, q.text), 1, ${LONGEST_QUOTE}) END AS quotedText`;

const messageTables = (index: string) => `messages AS m ${index} LEFT JOIN transfers AS t ON t.message_id = m.id
  LEFT JOIN messages AS q ON q.id = m.quoted_id LEFT JOIN transfers AS qt ON qt.message_id = q.id`;
export const MESSAGE_TABLES = messageTables('');
/** for `kind = 'file' AND removed_at IS NULL`, which the planner would rather filter out of a whole conversation */
export const FILE_MESSAGE_TABLES = messageTables('INDEXED BY messages_files');

export function toMessage(row: MessageRow): Message {
  return {
    id: row.id,
    conversationId: row.conversationId,
    direction: row.direction,
    kind: row.kind,
    text: row.text,
    status: row.status,
    sentAt: row.sentAt,
    storedAt: row.storedAt,
    deliveredAt: row.deliveredAt,
    displayedAt: row.displayedAt,
    imdnId: row.imdnId,
    error: toError(row.errorCode, row.errorDetail),
    anonymous: row.anonymous === 1,
    replyTo: row.replyTo,
    alsoTo: row.alsoTo === null ? [] : JSON.parse(row.alsoTo),
    reach: row.reached === null ? null : reachOf(row.reached.split(' ') as MessageStatus[], row.isGroup === 1),
    failedTo: row.failedTo === null ? [] : JSON.parse(row.failedTo),
    transfer: row.transferId === null ? null : toTransfer(row.transferId, row),
    deferred: row.deferred === 1,
    author: row.author === '' ? null : { address: row.author, name: addressTitle(row.author, row.authorName) },
    event: row.event === null ? null : JSON.parse(row.event),
    quote: row.quotedId === null ? null : toQuote(row.quotedId, row),
    ...(row.leftBy === null ? {} : { leftBy: row.leftBy }),
  };
}

function toQuote(messageId: number, row: MessageRow): Quote {
  const { quotedDirection: direction, quotedKind: kind, quotedAuthor, quotedAuthorName, quotedText: text } = row;
  const author = quotedAuthor === null ? null : { address: quotedAuthor, name: addressTitle(quotedAuthor, quotedAuthorName ?? '') };
  return { messageId, direction, kind, author, text };
}

function toTransfer(id: number, row: MessageRow): Transfer {
  const [total = 0, done = 0] = row.legs === null ? [] : (JSON.parse(row.legs) as number[]);
  const pull = row.pull === 1;
  const direction = flow(row.direction, pull);
  const arrived = direction === 'in' && row.state === 'done';
  const here = direction === 'out' ? row.sourcePath !== null : arrived && row.finalPath !== null;
  return {
    id,
    direction,
    pull,
    state: row.state,
    name: row.name,
    type: row.type,
    size: row.size,
    sizeKnown: row.sizeKnown === 1,
    transferred: row.transferred,
    legs: total === 0 ? null : { total, done },
    invitation: row.state === 'offered' ? row.invitation : null,
    error: toError(row.transferErrorCode, row.transferErrorDetail),
    previewable: here && row.size <= MAX_PREVIEW && PREVIEWABLE_TYPES.has(row.type),
    thumbnail: row.thumbnail === 1,
    savedAs: arrived && row.finalPath !== null ? basename(row.finalPath) : null,
    verifiedBy: !arrived ? null : row.sha256 !== null ? 'sha-256' : row.sha1 !== null ? 'sha-1' : null,
  };
}

/** Octets of a pull flow against the message that asks for them. */
function flow(message: 'in' | 'out', pull: boolean): 'in' | 'out' {
  if (!pull) return message;
  return message === 'in' ? 'out' : 'in';
}

export interface RecipientRow extends Omit<RecipientState, 'error'>, ErrorColumns {}

/** With the name that the conversation knows somebody by. */
export const RECIPIENT_COLUMNS = `
  r.address, coalesce(
    (SELECT p.name FROM members AS p WHERE p.conversation_id = m.conversation_id AND p.address = r.address),
    (SELECT p.name FROM participants AS p INDEXED BY participants_by_address
      WHERE p.conversation_id = m.conversation_id AND p.address = r.address), '') AS name,
  r.status, r.delivered_at AS deliveredAt, r.displayed_at AS displayedAt, r.error_code AS errorCode, r.error_detail AS errorDetail`;

export function toRecipient({ errorCode, errorDetail, ...row }: RecipientRow): RecipientState {
  return { ...row, error: toError(errorCode, errorDetail) };
}

export interface StoredTransferRow extends Omit<StoredTransfer, 'hash' | 'pull' | 'sizeKnown'> {
  readonly pull: number;
  readonly sizeKnown: number;
  readonly sha1: string | null;
  readonly sha256: string | null;
}

/** of a file into a group: the one who sent it */
const TO_AUTHOR = `iif(m.author = '', c.kind, 'person') AS audience,
  iif(m.author = '', ifnull(c.route, c.peer), ifnull((SELECT k.route FROM conversations AS k WHERE k.peer = m.author), m.author)) AS peer`;

export const STORED_TRANSFER_COLUMNS = `
  t.id AS id, NULL AS whole, t.message_id AS messageId, m.conversation_id AS conversationId, ${TO_AUTHOR}, m.direction, t.pull,
  t.state, t.name, t.type, t.size, t.size_known AS sizeKnown, t.transferred, t.invitation,
  t.file_transfer_id AS fileTransferId, t.sha1, t.sha256, t.source_path AS sourcePath, t.modified_at AS modifiedAt,
  t.partial_path AS partialPath, t.final_path AS finalPath, m.imdn_id AS imdnId, m.contribution_id AS contributionId,
  ifnull(m.cpm_conversation_id, c.cpm_conversation_id) AS cpmConversationId`;

/** in this order: the filter is always on the transfer */
export const STORED_TRANSFER_TABLES = `
  transfers AS t CROSS JOIN messages AS m ON m.id = t.message_id CROSS JOIN conversations AS c ON c.id = m.conversation_id`;

/** The same of a leg. */
export const LEG_COLUMNS = `
  l.id AS id, l.transfer_id AS whole, t.message_id AS messageId, m.conversation_id AS conversationId, 'person' AS audience, l.address AS peer, m.direction, t.pull,
  l.state, t.name, t.type, t.size, t.size_known AS sizeKnown, l.transferred, t.invitation,
  l.file_transfer_id AS fileTransferId, t.sha1, t.sha256, t.source_path AS sourcePath, t.modified_at AS modifiedAt,
  NULL AS partialPath, NULL AS finalPath, ifnull(l.imdn_id, m.imdn_id) AS imdnId, m.contribution_id AS contributionId,
  ifnull(m.cpm_conversation_id, c.cpm_conversation_id) AS cpmConversationId`;

export const LEG_TABLES = `
  legs AS l CROSS JOIN transfers AS t ON t.id = l.transfer_id CROSS JOIN messages AS m ON m.id = t.message_id
  CROSS JOIN conversations AS c ON c.id = m.conversation_id`;

export function toStoredTransfer({ sha1, sha256, ...row }: StoredTransferRow): StoredTransfer {
  const pull = row.pull === 1;
  return {
    ...row,
    pull,
    direction: flow(row.direction, pull),
    sizeKnown: row.sizeKnown === 1,
    hash: sha1 === null && sha256 === null ? null : { sha1, sha256 },
  };
}
