import { type CodedError, type ErrorCode, ParleyError } from '../../../shared/base/errors.ts';
import type { MessageStatus } from '../../../shared/model/states/message-status.ts';
import {
  isFinalTransferState,
  nextTransferState,
  type TransferEvent,
  type TransferState,
} from '../../../shared/model/states/transfer-state.ts';
import type { Value, WriteHandle } from '../../sqlite/handles.ts';
import type { Calls } from '../calls.ts';
import type { FileHash, StoredTransfer, TransferFields } from '../port.ts';
import { found, type Reads } from '../reads.ts';
import { displayReportsOf } from './conversations.ts';
import { errorColumns, type Ledger, lawful, type MessageRecord } from './ledger.ts';
import { createLegs, type TransferChange } from './legs.ts';
import type { OutboxRows } from './outbox-rows.ts';
import type { Recipients } from './recipients.ts';

/** A repeated event finds the state that it leads to. */
const LEADS_TO: Record<TransferEvent, readonly TransferState[]> = {
  prepared: ['queued'],
  offer: ['offering'],
  postponed: ['queued'],
  accept: ['accepting'],
  started: ['transferring'],
  'all-sent': ['finishing'],
  'all-received': ['verifying'],
  verified: ['done'],
  mismatch: ['quarantined'],
  declined: ['declined'],
  expired: ['expired'],
  cancelled: ['cancelled'],
  lost: ['interrupted', 'expired'],
  failed: ['failed'],
  pause: ['paused'],
  // again while it waits: it waits no longer
  resume: ['offering', 'transferring'],
  retry: ['queued'],
  'offered-again': ['offered'],
  confirmed: ['done'],
};

/** What an end means where the caller gives no error of its own. */
const DEFAULT_ERROR: Partial<Record<TransferEvent, ErrorCode>> = {
  declined: 'peer.declined',
  expired: 'peer.timeout',
  cancelled: 'file.cancelled',
  mismatch: 'file.hash-mismatch',
  failed: 'internal',
};

export interface NewTransfer {
  readonly state: 'preparing' | 'offered' | 'queued';
  readonly name: string;
  readonly type: string;
  /** null: not known */
  readonly size: number | null;
  readonly pull?: boolean;
  readonly invitation?: string | null;
  readonly sourcePath: string | null;
  readonly modifiedAt: number | null;
  readonly fileTransferId: string | null;
  readonly hash: FileHash | null;
}

export interface TransferLedger {
  add(messageId: number, transfer: NewTransfer): void;
  ofMessage(messageId: number): { readonly id: number; readonly state: TransferState };
  apply(change: TransferChange): void;
  /** see `0016-legs.ts` */
  spread(transferId: number, now: number): void;
  /** Somebody tells that he has the file: nothing of it needs to leave for him. What is on its way comes to its end by itself. @param addresses his */
  confirm(messageId: number, addresses: readonly string[], now: number): void;
  /** One that did not arrive is queued again, as what may be a new offer; of a list for those who have not got it, or `recipient` alone. */
  retry(message: Pick<MessageRecord, 'id' | 'status'>, fileImdnId: string, recipient: string | undefined, now: number): void;
}

/** ended or stopped without the file */
export const NOT_ARRIVED: ReadonlySet<TransferState> = new Set(['interrupted', 'declined', 'expired', 'cancelled', 'failed']);

/** at rest, and not known to have arrived */
const CONFIRMABLE: ReadonlySet<TransferState> = new Set(['queued', 'interrupted', 'failed', 'expired']);

/** Transfers, and what each of their events means for the message and the outbox. */
export function createTransferLedger(
  db: WriteHandle,
  { ledger, outbox, recipients }: { ledger: Ledger; outbox: OutboxRows; recipients: Recipients },
  reads: Reads,
): TransferLedger {
  const insert = db.change(
    `INSERT INTO transfers (id, message_id, state, name, type, pull, size, size_known, invitation, source_path, modified_at, file_transfer_id, sha1, sha256)
     VALUES ((SELECT ifnull(max(seq), 0) + 1 FROM sqlite_sequence WHERE name IN ('transfers', 'legs')), :messageId, :state, :name, :type, :pull, ifnull(:size, 0), :size IS NOT NULL, :invitation, :sourcePath, :modifiedAt, :fileTransferId, :sha1, :sha256)`,
  );
  const legs = createLegs(db, { ledger, outbox, recipients }, reads);
  const setImdnId = db.change('UPDATE messages SET imdn_id = :imdnId WHERE id = :id');
  const byMessage = db.one<{ id: number; state: TransferState }>('SELECT id, state FROM transfers WHERE message_id = :messageId');
  const update = db.change(
    `UPDATE transfers SET state = :state, error_code = :code, error_detail = :detail,
       sha1 = ifnull(:sha1, sha1), sha256 = ifnull(:sha256, sha256), size = ifnull(:size, size),
       size_known = size_known OR :size IS NOT NULL, name = ifnull(:name, name), type = ifnull(:type, type),
       invitation = nullif(ifnull(:invitation, invitation), ''),
       source_path = ifnull(:sourcePath, source_path), modified_at = ifnull(:modifiedAt, modified_at),
       file_transfer_id = ifnull(:fileTransferId, file_transfer_id), partial_path = ifnull(:partialPath, partial_path),
       final_path = ifnull(:finalPath, final_path), transferred = ifnull(:transferred, transferred)
     WHERE id = :id`,
  );

  function follow(
    event: TransferEvent,
    before: TransferState,
    message: MessageRecord,
    change: TransferChange,
    error: CodedError | null,
  ): void {
    const { now } = change;
    const outgoing = message.direction === 'out';
    switch (event) {
      case 'prepared':
        outbox.queue(message, now);
        return;
      case 'offer':
        outbox.takeMessage(message);
        if (outgoing) ledger.move(message.id, 'attempt', now);
        return;
      case 'postponed':
        outbox.queue(message, now, change.notBefore ?? now);
        if (outgoing) ledger.move(message.id, 'postponed', now, error);
        else ledger.setError(message.id, error);
        return;
      case 'resume':
        outbox.queue(message, now, change.notBefore ?? now);
        ledger.setError(message.id, error);
        return;
      case 'started':
      case 'pause':
        outbox.removeMessage(message.id);
        return;
      case 'accept':
        outbox.removeMessage(message.id);
        if (outgoing) {
          ledger.move(message.id, 'attempt', now);
          ledger.left(message.id, now);
        }
        return;
      case 'verified':
        outbox.removeMessage(message.id);
        if (outgoing) {
          recipients.moveAll(message.id, 'accepted', now, null);
          ledger.move(message.id, 'accepted', now);
          ledger.taken(message.id, now);
        } else {
          if (message.notifyDelivery) outbox.queueDelivered(message, now);
          outbox.queueRefusal(message, now);
        }
        return;
      case 'lost':
        outbox.removeMessage(message.id);
        if (outgoing) ledger.move(message.id, 'postponed', now, error);
        else ledger.setError(message.id, error);
        return;
      case 'declined':
      case 'expired':
      case 'cancelled':
      case 'failed':
      case 'mismatch':
        outbox.removeMessage(message.id);
        if (outgoing) {
          recipients.moveAll(message.id, 'failed', now, error);
          ledger.move(message.id, 'failed', now, error);
        } else {
          ledger.setError(message.id, error);
          // until then the sender hears of it in the session
          if (message.notifyFailure && before === 'verifying')
            outbox.queueFailed(message, now, error?.code === 'internal' ? 'error' : null);
        }
        return;
      case 'confirmed':
        outbox.removeMessage(message.id);
        return;
      case 'retry':
        recipients.retry(message.id, now);
        ledger.move(message.id, 'retry', now);
        outbox.queue(message, now);
        return;
      case 'offered-again':
        ledger.setError(message.id, null);
        return;
      case 'all-sent':
      case 'all-received':
        return;
    }
  }

  const ofMessage = (messageId: number) => found(byMessage({ messageId }), 'transfer of message', messageId);

  function apply(change: TransferChange): void {
    const { transferId, fields = {} } = change;
    const before = reads.transfer(transferId);
    const status = before.whole === null ? reads.message(before.messageId).status : legs.statusOf(before);
    const event = arrived(change.event, status) ? 'confirmed' : change.event;
    if (LEADS_TO[event].includes(before.state)) return;
    const state = lawful(() => nextTransferState(before.state, event));
    const error = event === 'confirmed' ? null : (change.error ?? defaultError(event, before));
    if (before.whole !== null) return legs.apply(before, event, state, octetsAfter(event, before.size), change, error);
    const message = ledger.record(before.messageId);
    update({ id: transferId, state, ...columnsOf(fields, event, before), ...errorColumns(error) });
    ledger.showTransfer(message.id, message.conversationId, state);
    follow(event, before.state, message, change, error);
  }

  return {
    add(messageId, { hash, modifiedAt, pull = false, invitation = null, ...columns }) {
      insert({ messageId, ...columns, modifiedAt, invitation, pull: pull ? 1 : 0, sha1: hash?.sha1 ?? null, sha256: hash?.sha256 ?? null });
    },

    ofMessage,
    apply,

    spread(transferId, now) {
      const { audience, state } = reads.transfer(transferId);
      if (audience !== 'list' || state !== 'offering')
        throw new ParleyError('request.invalid-state', `a transfer to a ${audience} that is ${state}`);
      legs.spread(transferId, now);
    },

    confirm(messageId, addresses, now) {
      const { id, state } = ofMessage(messageId);
      const all = reads.transferLegs(id);
      const told = all.length === 0 ? [{ id, state }] : all.filter(({ peer }) => addresses.includes(peer));
      for (const each of told) if (CONFIRMABLE.has(each.state)) apply({ transferId: each.id, event: 'confirmed', now });
    },

    retry({ id: messageId, status }, fileImdnId, recipient, now) {
      const { id, state } = ofMessage(messageId);
      const isForSome = recipient !== undefined || (state === 'done' && status !== 'failed');
      const isSpread = reads.transferLegs(id).length > 0;
      if (!isSpread && isForSome && reads.transfer(id).audience === 'list' && isFinalTransferState(state)) legs.spread(id, now);
      if (isSpread || isForSome) {
        for (const leg of legs.toRetry(id, recipient)) {
          legs.askAnew(leg);
          apply({ transferId: leg.id, event: 'retry', now });
        }
        return;
      }
      // one that the other side could not keep after all was `done` here
      if (!NOT_ARRIVED.has(state) && (state !== 'done' || status !== 'failed')) return;
      setImdnId({ id: messageId, imdnId: fileImdnId });
      apply({ transferId: id, event: 'retry', now });
    },
  };
}

/** The other side has told that it has the file: what it answers to another offer of it changes nothing. */
function arrived(event: TransferEvent, status: MessageStatus): boolean {
  return event === 'postponed' && (status === 'delivered' || status === 'displayed');
}

function columnsOf(fields: Partial<TransferFields>, event: TransferEvent, transfer: StoredTransfer): Record<keyof TransferFields, Value> {
  return {
    sha1: fields.sha1 ?? null,
    sha256: fields.sha256 ?? null,
    size: fields.size ?? null,
    fileTransferId: fields.fileTransferId ?? null,
    partialPath: fields.partialPath ?? null,
    finalPath: fields.finalPath ?? null,
    transferred: octetsAfter(event, fields.size ?? transfer.size) ?? fields.transferred ?? null,
    sourcePath: fields.sourcePath ?? null,
    modifiedAt: fields.modifiedAt ?? null,
    name: fields.name ?? null,
    type: fields.type ?? null,
    invitation: fields.invitation ?? null,
  };
}

/** `resume` alone goes on where the try before it ended. */
function octetsAfter(event: TransferEvent, size: number): number | null {
  if (event === 'verified' || event === 'confirmed') return size;
  return event === 'retry' || event === 'offered-again' ? 0 : null;
}

/** The person here who declined or missed an offer, or whose sender took it back, has no error to be told of. */
function defaultError(event: TransferEvent, { direction, pull, name }: StoredTransfer): CodedError | null {
  const code = DEFAULT_ERROR[event];
  if (code === undefined) return null;
  const invitedHere = (direction === 'out') !== pull;
  return invitedHere || event === 'mismatch' || event === 'failed' ? { code, detail: name } : null;
}

type Method = 'applyTransfer' | 'spreadTransfer' | 'checkpointTransfer' | 'fileOpened' | 'setThumbnail';

export function transferWrites(
  db: WriteHandle,
  { ledger, outbox, transfers }: { ledger: Ledger; outbox: OutboxRows; transfers: TransferLedger },
  reads: Reads,
): Calls<Method> {
  const checkpoint = db.change('UPDATE transfers SET transferred = :transferred WHERE id = :id');
  const checkpointLeg = db.change('UPDATE legs SET transferred = :transferred WHERE id = :id');
  const messageOf = db.one<{ messageId: number }>('SELECT message_id AS messageId FROM transfers WHERE id = :id');
  const setThumbnail = db.change(
    `INSERT INTO thumbnails (transfer_id, type, width, height, octets) VALUES (:id, :type, :width, :height, :octets)
     ON CONFLICT (transfer_id) DO UPDATE SET type = excluded.type, width = excluded.width, height = excluded.height, octets = excluded.octets`,
  );

  return {
    applyTransfer(change) {
      transfers.apply(change);
      const transfer = reads.transfer(change.transferId);
      return { ...ledger.changed(transfer.messageId), transfer };
    },
    spreadTransfer({ transferId, now }) {
      transfers.spread(transferId, now);
      return ledger.changed(reads.transfer(transferId).messageId);
    },
    checkpointTransfer(id, transferred) {
      const { state, whole } = reads.transfer(id);
      if (!isFinalTransferState(state)) (whole === null ? checkpoint : checkpointLeg)({ id, transferred });
    },
    fileOpened(id, now, displayReports) {
      const { state, direction, messageId } = reads.transfer(id);
      if (direction === 'out' || state !== 'done') return;
      const message = ledger.record(messageId);
      if (message.notifyDisplay === 1 && displayReportsOf(reads, message.conversationId, displayReports) === 'send')
        outbox.queueDisplayed(message, now);
    },
    setThumbnail(id, { type, width, height, octets }) {
      const message = messageOf({ id });
      if (message === undefined) return null;
      setThumbnail({ id, type, width, height, octets });
      return ledger.changed(message.messageId);
    },
  };
}
