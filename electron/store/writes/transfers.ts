import type { CodedError, ErrorCode } from '../../../shared/base/errors.ts';
import type { MessageStatus } from '../../../shared/model/states/message-status.ts';
import {
  isFinalTransferState,
  nextTransferState,
  type TransferEvent,
  type TransferState,
} from '../../../shared/model/states/transfer-state.ts';
import type { Value, WriteHandle } from '../handles.ts';
import type { FileHash, Store, StoredTransfer, TransferFields } from '../port.ts';
import { found, type Reads } from '../reads.ts';
import type { Calls } from '../worker-protocol.ts';
import { displayReportsOf } from './conversations.ts';
import { errorColumns, type Ledger, lawful, type MessageRecord } from './ledger.ts';
import type { OutboxRows } from './outbox-rows.ts';

export type TransferChange = Parameters<Store['applyTransfer']>[0];

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
  readonly state: 'preparing' | 'offered';
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly sourcePath: string | null;
  readonly modifiedAt: number | null;
  readonly fileTransferId: string | null;
  readonly hash: FileHash | null;
}

export interface TransferLedger {
  add(messageId: number, transfer: NewTransfer): void;
  ofMessage(messageId: number): { readonly id: number; readonly state: TransferState };
  apply(change: TransferChange): void;
}

/** Transfers, and what each of their events means for the message and the outbox. */
export function createTransferLedger(db: WriteHandle, ledger: Ledger, outbox: OutboxRows, reads: Reads): TransferLedger {
  const insert = db.change(
    `INSERT INTO transfers (message_id, state, name, type, size, source_path, modified_at, file_transfer_id, sha1, sha256)
     VALUES (:messageId, :state, :name, :type, :size, :sourcePath, :modifiedAt, :fileTransferId, :sha1, :sha256)`,
  );
  const byMessage = db.one<{ id: number; state: TransferState }>('SELECT id, state FROM transfers WHERE message_id = :messageId');
  const update = db.change(
    `UPDATE transfers SET state = :state, error_code = :code, error_detail = :detail,
       sha1 = ifnull(:sha1, sha1), sha256 = ifnull(:sha256, sha256), size = ifnull(:size, size),
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
        ledger.move(message.id, 'attempt', now);
        return;
      case 'postponed':
        outbox.queue(message, now, change.notBefore ?? now);
        ledger.move(message.id, 'postponed', now, error);
        return;
      case 'started':
        outbox.removeMessage(message.id);
        return;
      case 'verified':
        outbox.removeMessage(message.id);
        if (outgoing) ledger.move(message.id, 'accepted', now);
        else {
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
        if (outgoing) ledger.move(message.id, 'failed', now, error);
        else {
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
        ledger.move(message.id, 'retry', now);
        outbox.queue(message, now);
        return;
      case 'offered-again':
        ledger.setError(message.id, null);
        return;
      case 'accept':
      case 'all-sent':
      case 'all-received':
        return;
    }
  }

  return {
    add(messageId, { hash, modifiedAt, ...columns }) {
      insert({ messageId, ...columns, modifiedAt, sha1: hash?.sha1 ?? null, sha256: hash?.sha256 ?? null });
    },

    ofMessage: (messageId) => found(byMessage({ messageId }), 'transfer of message', messageId),

    apply(change) {
      const { transferId, fields = {} } = change;
      const before = reads.transfer(transferId);
      const event = arrived(change.event, reads.message(before.messageId).status) ? 'confirmed' : change.event;
      if (LEADS_TO[event].includes(before.state)) return;
      const state = lawful(() => nextTransferState(before.state, event));
      const message = ledger.record(before.messageId);
      const error = event === 'confirmed' ? null : (change.error ?? defaultError(event, before));
      update({ id: transferId, state, ...columnsOf(fields, event, before), ...errorColumns(error) });
      ledger.showTransfer(message.id, message.conversationId, state);
      follow(event, before.state, message, change, error);
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
    transferred: fields.transferred ?? octetsAfter(event, fields.size ?? transfer.size),
  };
}

/** Nothing of an earlier try is taken up again. */
function octetsAfter(event: TransferEvent, size: number): number | null {
  if (event === 'verified' || event === 'confirmed') return size;
  return event === 'retry' || event === 'offered-again' ? 0 : null;
}

/** The person here who declined or missed an offer, or whose sender took it back, has no error to be told of. */
function defaultError(event: TransferEvent, { direction, name }: StoredTransfer): CodedError | null {
  const code = DEFAULT_ERROR[event];
  if (code === undefined) return null;
  return direction === 'out' || event === 'mismatch' || event === 'failed' ? { code, detail: name } : null;
}

type Method = 'applyTransfer' | 'checkpointTransfer' | 'fileOpened';

export function transferWrites(
  db: WriteHandle,
  { ledger, outbox, transfers }: { ledger: Ledger; outbox: OutboxRows; transfers: TransferLedger },
  reads: Reads,
): Calls<Method> {
  const checkpoint = db.change('UPDATE transfers SET transferred = :transferred WHERE id = :id');

  return {
    applyTransfer(change) {
      transfers.apply(change);
      const transfer = reads.transfer(change.transferId);
      return { ...ledger.changed(transfer.messageId), transfer };
    },
    checkpointTransfer(id, transferred) {
      if (!isFinalTransferState(reads.transfer(id).state)) checkpoint({ id, transferred });
    },
    fileOpened(id, now, displayReports) {
      const { state, direction, messageId } = reads.transfer(id);
      if (direction === 'out' || state !== 'done') return;
      const message = ledger.record(messageId);
      if (message.notifyDisplay === 1 && displayReportsOf(reads, message.conversationId, displayReports) === 'send')
        outbox.queueDisplayed(message, now);
    },
  };
}
