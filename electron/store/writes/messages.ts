import { type CodedError, ParleyError } from '../../../shared/base/errors.ts';
import { canonicalAddress } from '../../../shared/model/address.ts';
import type { ConversationKind } from '../../../shared/model/audience.ts';
import type { Conversation } from '../../../shared/model/conversation.ts';
import { maySpeak } from '../../../shared/model/group.ts';
import { isFinalTransferState } from '../../../shared/model/states/transfer-state.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import type { Calls } from '../calls.ts';
import type { Answered, Store } from '../port.ts';
import type { Reads } from '../reads.ts';
import { type Correspondence, displayReportsOf } from './conversations.ts';
import type { Ledger, NewMessage } from './ledger.ts';
import type { OutboxRows } from './outbox-rows.ts';
import type { People } from './people.ts';
import { createQuoted } from './quoted.ts';
import type { Recipients } from './recipients.ts';
import { NOT_ARRIVED, type TransferLedger } from './transfers.ts';

type Method =
  | 'composeText'
  | 'composeFile'
  | 'composePull'
  | 'retry'
  | 'removeMessage'
  | 'receiveText'
  | 'receiveOffer'
  | 'applyReceipt'
  | 'noteReport'
  | 'noteLeftBy'
  | 'withdrawDisplayed';

/** of a file that was asked for without its type */
const UNKNOWN_TYPE = 'application/octet-stream';

type Composed = Parameters<Store['composeText']>[0] | Parameters<Store['composeFile']>[0] | Parameters<Store['composePull']>[0];
type Incoming = Parameters<Store['receiveText']>[0] | Parameters<Store['receiveOffer']>[0];

/** An own message as somebody reports on it. */
interface OwnMessage {
  readonly id: number;
  readonly kind: ConversationKind;
  readonly conversationId: number;
  readonly target: string | null;
}

export interface MessageParts {
  readonly ledger: Ledger;
  readonly outbox: OutboxRows;
  readonly correspondence: Correspondence;
  readonly transfers: TransferLedger;
  readonly recipients: Recipients;
  readonly people: People;
}

function checkBlocked({ blocked }: Pick<Conversation, 'blocked'>): void {
  if (blocked) throw new ParleyError('peer.blocked', 'blocked here');
}

/** @throws ParleyError `group.over`, `group.not-member` */
function checkStanding(conversation: Pick<Conversation, 'peer' | 'standing'>): void {
  if (maySpeak(conversation)) return;
  const { standing } = conversation;
  throw new ParleyError(standing === 'over' ? 'group.over' : 'group.not-member', `${standing}`);
}

/** It went to that address. */
function isTo(
  { conversationId, target }: Pick<OwnMessage, 'conversationId' | 'target'>,
  person: number | undefined,
  address: string,
): boolean {
  return conversationId === person || (target !== null && canonicalAddress(target) === address);
}

/** Messages as a person composes them and as the network brings them. */
export function messageWrites(
  db: WriteHandle,
  { ledger, outbox, correspondence, transfers, recipients, people }: MessageParts,
  reads: Reads,
): Calls<Method> {
  const acceptRequest = db.change('UPDATE conversations SET request = 0 WHERE id = :id AND request = 1');
  const setReplyTo = db.change('UPDATE conversations SET reply_to = :replyTo WHERE id = :id');
  const own = db.many<OwnMessage>(
    `SELECT m.id, c.kind, m.conversation_id AS conversationId, m.target
     FROM messages AS m CROSS JOIN conversations AS c ON c.id = m.conversation_id
     WHERE m.imdn_id = :imdnId AND m.direction = 'out'
     UNION ALL SELECT m.id, c.kind, m.conversation_id AS conversationId, m.target FROM legs AS l CROSS JOIN transfers AS t ON t.id = l.transfer_id
       CROSS JOIN messages AS m ON m.id = t.message_id CROSS JOIN conversations AS c ON c.id = m.conversation_id WHERE l.imdn_id = :imdnId`,
  );
  const clearDraft = db.change("UPDATE conversations SET draft = '', draft_quoted_id = NULL WHERE id = :id");

  const shownIn = db.one<{ id: number }>(
    'SELECT id FROM messages WHERE id = :id AND conversation_id = :conversationId AND removed_at IS NULL',
  );
  const quoted = createQuoted(db);

  /** Finds or adds what a peer sent. */
  function receive(row: Incoming, body: { kind: 'text' | 'file'; text: string; line: string; answers?: Answered | undefined }) {
    const group = 'group' in row ? row.group : undefined;
    const { conversation, merged } = group
      ? { conversation: reads.conversation(group.conversationId), merged: [] }
      : correspondence(row, true);
    checkBlocked(conversation);
    outbox.hasten(conversation.id, row.now);
    const known = ledger.find(conversation.id, 'in', row.imdnId, group?.author.address);
    // its sender tries again with a file that was removed here: whoever removed the card is asked once more
    const isRemovedFile = known !== null && body.kind === 'file' && ledger.record(known).removedAt !== null;
    if (isRemovedFile) ledger.forgetOne(known);
    else if (known !== null) return { id: known, duplicate: true, merged };
    const { contributionId, imdnId, sentAt, now, notify } = row;
    const { answers, ...content } = body;
    const id = ledger.add({
      ...content,
      ...(group ? { author: group.author } : {}),
      conversationId: conversation.id,
      direction: 'in',
      transferState: body.kind === 'file' ? 'offered' : null,
      imdnId,
      contributionId,
      cpmConversationId: row.cpmConversationId === conversation.cpmConversationId ? null : row.cpmConversationId,
      sentAt,
      now,
      notify: { ...notify, displayReports: displayReportsOf(reads, conversation.id, notify.displayReports) },
      ...('text' in row ? { replyTo: row.replyTo ?? null, alsoTo: row.alsoTo ?? [], deferred: row.deferred ?? false } : {}),
      quotedId: answers ? quoted(conversation.id, answers) : null,
    });
    if ('text' in row) setReplyTo({ id: conversation.id, replyTo: row.replyTo ?? null });
    return { id, duplicate: false, merged };
  }

  /** Finds or adds what a person composed. */
  function compose(row: Composed, body: Pick<NewMessage, 'kind' | 'text' | 'line' | 'transferState' | 'quotedId'>) {
    const { imdnId, contributionId, now } = row;
    const { id: conversationId, kind, peer, standing, replyTo, blocked } = reads.conversation(row.conversationId);
    const known = ledger.find(conversationId, 'out', imdnId);
    if (known !== null) return { id: ledger.shown(known).id, conversationId, created: false };
    checkBlocked({ blocked });
    checkStanding({ peer, standing });
    if (kind === 'anonymous' && replyTo === null) throw new ParleyError('request.invalid-state', 'nobody knows where an answer could go');
    if (body.kind === 'file' && kind === 'anonymous') throw new ParleyError('request.invalid-state', 'a file goes to somebody with a name');
    // whoever is written to is no stranger
    acceptRequest({ id: conversationId });
    const anonymous = 'text' in row ? row.anonymous : undefined;
    const id = ledger.add({
      ...body,
      conversationId,
      direction: 'out',
      imdnId,
      contributionId,
      cpmConversationId: anonymous?.cpmConversationId ?? null,
      sentAt: now,
      now,
      notify: null,
      anonymous: anonymous !== undefined,
      replyTo: 'text' in row ? (row.replyTo ?? null) : null,
      target: body.kind === 'text' ? replyTo : null,
      reference: 'text' in row ? (row.reference ?? null) : null,
    });
    return { id, conversationId, created: true };
  }

  /** id of the own message to that one person, of which something is told; null: there is none, or the person is blocked */
  function toldOf(peer: string, imdnId: string, now: number): number | null {
    const person = people.find(peer);
    if (person && person.blockedAt !== null) return null;
    if (person) outbox.hasten(person.id, now);
    const message = own({ imdnId }).find(({ kind, ...to }) => kind === 'person' && isTo(to, person?.id, peer));
    return message === undefined || ledger.record(message.id).removedAt !== null ? null : message.id;
  }

  /** Moves the own message of that id which went to whoever reports on it. @returns its id, or null when there is none */
  function reported(
    imdnId: string,
    peer: string,
    recipient: string | null,
    event: 'delivered' | 'displayed' | 'failed',
    now: number,
    error: CodedError | null,
  ): number | null {
    const person = people.find(peer);
    for (const { id, kind, conversationId, target } of own({ imdnId })) {
      if (kind === 'list' || kind === 'group') {
        // a group itself speaks for those of its members who have not got it
        const isOfMember = kind === 'group' && recipient !== null && isTo({ conversationId, target }, person?.id, peer);
        const addresses = isOfMember ? [recipient] : [...new Set([peer, person?.peer ?? peer, recipient ?? peer])];
        if (recipients.move(id, addresses, kind === 'group', event, now, error)) return id;
      } else if (isTo({ conversationId, target }, person?.id, peer)) {
        ledger.move(id, event, now, error);
        return id;
      }
    }
    return null;
  }

  return {
    composeText(row) {
      const { id: into } = reads.conversation(row.conversationId);
      const quotedId = row.quotedId === undefined ? null : (shownIn({ id: row.quotedId, conversationId: into })?.id ?? null);
      const { id, conversationId, created } = compose(row, { kind: 'text', text: row.text, line: row.text, transferState: null, quotedId });
      if (created) {
        recipients.add(id, reads.conversation(row.conversationId).members);
        outbox.queue(ledger.record(id), row.now);
        clearDraft({ id: conversationId });
      }
      return { ...ledger.changed(id), created };
    },

    composeFile(row) {
      const { name, type, size, modifiedAt, path } = row;
      const { id, created } = compose(row, { kind: 'file', text: '', line: name, transferState: 'preparing', quotedId: null });
      if (created) {
        recipients.add(id, reads.conversation(row.conversationId).members);
        transfers.add(id, { state: 'preparing', name, type, size, sourcePath: path, modifiedAt, fileTransferId: null, hash: null });
      }
      return { ...ledger.changed(id), created };
    },

    composePull(row) {
      const { name, type, size, hash } = row;
      if (reads.conversation(row.conversationId).kind !== 'person')
        throw new ParleyError('request.invalid-state', 'one person is asked for a file');
      const { id, created } = compose(row, { kind: 'file', text: '', line: name, transferState: 'queued', quotedId: null });
      if (created) {
        const nothingYet = { sourcePath: null, modifiedAt: null, fileTransferId: null };
        transfers.add(id, { ...nothingYet, state: 'queued', pull: true, name, type: type ?? UNKNOWN_TYPE, size, hash });
        outbox.queue(ledger.record(id), row.now);
      }
      return { ...ledger.changed(id), created };
    },

    retry({ messageId, fileImdnId, recipient, now }) {
      const record = ledger.shown(messageId);
      const conversation = reads.conversation(record.conversationId);
      checkBlocked(conversation);
      checkStanding(conversation);
      if (record.kind === 'text') {
        // what comes of the try that is under way is what came of it for all who wait
        if (recipients.of(messageId).length > 0 && outbox.isLeaving(messageId))
          throw new ParleyError('request.invalid-state', 'it is on its way at this moment');
        // a text to a group leaves for all of it
        const isForAll = ledger.move(messageId, 'retry', now) || conversation.kind === 'list';
        const isForSome = isForAll && recipients.retry(messageId, now, recipient);
        if (isForSome || record.status === 'failed') outbox.queue(record, now);
        return ledger.changed(messageId);
      }
      if (record.direction === 'in') throw new ParleyError('request.invalid-state', 'an incoming file is offered again by its sender');
      transfers.retry(record, fileImdnId, recipient, now);
      return ledger.changed(messageId);
    },

    removeMessage({ messageId, now }) {
      const { kind, conversationId } = ledger.shown(messageId);
      if (outbox.isLeaving(messageId)) throw new ParleyError('request.invalid-state', 'it is on its way at this moment');
      const state = kind === 'file' ? transfers.ofMessage(messageId).state : null;
      if (state !== null && !isFinalTransferState(state)) throw new ParleyError('request.invalid-state', `its file is ${state}`);
      outbox.removeMessage(messageId);
      recipients.clear(messageId);
      ledger.remove(messageId, now);
      return ledger.conversation(conversationId);
    },

    receiveText(row) {
      const { id, duplicate, merged } = receive(row, { kind: 'text', text: row.text, line: row.text, answers: row.answers });
      if (row.error !== undefined) {
        ledger.setError(id, row.error);
        if (row.notify.negativeDelivery) outbox.queueFailed(ledger.record(id), row.now);
      } else {
        if (row.notify.positiveDelivery) outbox.queueDelivered(ledger.record(id), row.now);
        outbox.queueRefusal(ledger.record(id), row.now);
      }
      return { ...ledger.changed(id), duplicate, merged };
    },

    receiveOffer(row) {
      const { name, type, size, hash, fileTransferId, now, notify, pull, source, invitation } = row;
      const { id, duplicate, merged } = receive(row, { kind: 'file', text: '', line: name });
      if (!duplicate) {
        transfers.add(id, {
          sourcePath: source?.path ?? null,
          modifiedAt: source?.modifiedAt ?? null,
          state: 'offered',
          name,
          type,
          size,
          pull: pull === true,
          invitation: invitation ?? null,
          fileTransferId,
          hash,
        });
      } else if (ledger.record(id).kind !== 'file') {
        throw new ParleyError('request.invalid', 'a text of that peer has this imdn.Message-ID');
      }
      const transfer = transfers.ofMessage(id);
      if (duplicate) {
        if (transfer.state === 'quarantined' || (transfer.state !== 'declined' && NOT_ARRIVED.has(transfer.state))) {
          transfers.apply({
            transferId: transfer.id,
            event: 'offered-again',
            now,
            fields: { fileTransferId, invitation: invitation ?? '' },
          });
        }
        if (transfer.state === 'done' && notify.positiveDelivery) outbox.queueDelivered(ledger.record(id), now);
      }
      return { ...ledger.changed(id), transfer: reads.transfer(transfer.id), duplicate, merged };
    },

    applyReceipt({ peer, recipient, imdnId, event, now, error }) {
      const person = people.find(peer);
      if (person && person.blockedAt !== null) return null;
      if (person) outbox.hasten(person.id, now);
      const refused = { code: 'peer.undelivered', detail: 'the other side reported that the message could not be delivered' } as const;
      const told = event === 'failed' ? (error ?? refused) : null;
      const id = reported(imdnId, peer, recipient ?? null, event, now, told);
      if (id === null || ledger.record(id).removedAt !== null) return null;
      // its own answer may be lost; whoever reports on a text has had it, but others may not
      if (ledger.record(id).kind === 'text') {
        if (recipients.of(id).every(({ status }) => status !== 'queued')) outbox.removeMessage(id);
      } else if (event !== 'failed') transfers.confirm(id, [peer, person?.peer ?? peer, recipient ?? peer], now);
      return ledger.changed(id);
    },

    noteReport({ peer, imdnId, about, report, now }) {
      const id = toldOf(peer, imdnId, now);
      return id !== null && ledger.note(id, about, report) ? ledger.changed(id) : null;
    },

    noteLeftBy({ peer, imdnId, leftBy, now }) {
      const id = toldOf(peer, imdnId, now);
      if (id === null) return null;
      ledger.leftBy(id, leftBy);
      return ledger.changed(id);
    },

    withdrawDisplayed() {
      outbox.withdrawDisplayed();
    },
  };
}
