import type { CodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import type { MessageEvent, MessageStatus } from '../../../shared/model/states/message-status.ts';
import { isFinalTransferState, type TransferEvent, type TransferState } from '../../../shared/model/states/transfer-state.ts';
import { wholeTransferState } from '../../../shared/model/states/whole-transfer.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import type { Store, StoredTransfer } from '../port.ts';
import type { Reads } from '../reads.ts';
import { errorColumns, type Ledger } from './ledger.ts';
import { IMDN_ID_LENGTH, type OutboxRows } from './outbox-rows.ts';
import type { Recipients } from './recipients.ts';

export type TransferChange = Parameters<Store['applyTransfer']>[0];

/** What an event of a leg means to its recipient. */
const FOR_RECIPIENT: Partial<Record<TransferEvent, Exclude<MessageEvent, 'read'>>> = {
  offer: 'attempt',
  accept: 'attempt',
  started: 'attempt',
  postponed: 'postponed',
  resume: 'postponed',
  pause: 'postponed',
  lost: 'postponed',
  verified: 'accepted',
  declined: 'failed',
  expired: 'failed',
  cancelled: 'failed',
  failed: 'failed',
  retry: 'retry',
};

/** it is over, but for a retry: the recipient did not get it */
const NOT_ARRIVED: ReadonlySet<TransferState> = new Set(['declined', 'expired', 'cancelled', 'failed', 'interrupted']);

const ON_ITS_WAY: ReadonlySet<MessageStatus> = new Set(['queued', 'sending']);

/** The legs of a transfer to a list, and what follows from them for it, its message and the outbox. */
export function createLegs(
  db: WriteHandle,
  { ledger, outbox, recipients }: { ledger: Ledger; outbox: OutboxRows; recipients: Recipients },
  reads: Reads,
) {
  const insert = db.change(
    `INSERT INTO legs (id, transfer_id, address, state, transferred)
     VALUES ((SELECT max(seq) + 1 FROM sqlite_sequence WHERE name IN ('transfers', 'legs')), :transferId, :address, :state, :transferred)`,
  );
  const update = db.change(
    `UPDATE legs SET state = :state, file_transfer_id = ifnull(:fileTransferId, file_transfer_id), transferred = ifnull(:transferred, transferred),
       error_code = :code, error_detail = :detail WHERE id = :id`,
  );
  const askAnew = db.change('UPDATE legs SET imdn_id = :imdnId WHERE id = :id');
  const updateWhole = db.change(
    'UPDATE transfers SET state = :state, transferred = :transferred, error_code = :code, error_detail = :detail WHERE id = :id',
  );
  const errorOf = db.one<{ code: CodedError['code']; detail: string }>(
    `SELECT error_code AS code, error_detail AS detail FROM legs
     WHERE transfer_id = :transferId AND state = :state AND error_code IS NOT NULL ORDER BY id LIMIT 1`,
  );

  const mean = (legs: readonly StoredTransfer[]) => Math.floor(legs.reduce((sum, { transferred }) => sum + transferred, 0) / legs.length);

  /** The whole is what its legs are, and the message as far as that tells; what single recipients have is told by `recipients`. */
  function sumUp(transferId: number, now: number): void {
    const { state: before, messageId, conversationId } = reads.transfer(transferId);
    const legs = reads.transferLegs(transferId);
    const state = wholeTransferState(legs.map((leg) => leg.state));
    const error = state === 'done' ? null : (errorOf({ transferId, state }) ?? null);
    updateWhole({ id: transferId, state, transferred: mean(legs), ...errorColumns(error) });
    ledger.showTransfer(messageId, conversationId, state);
    if (state === 'transferring' || state === 'offering') ledger.move(messageId, 'attempt', now);
    else if (!isFinalTransferState(state)) ledger.move(messageId, 'postponed', now, error);
    else if (state === 'done') {
      ledger.move(messageId, 'accepted', now);
      if (before !== 'done') ledger.taken(messageId, now);
    }
  }

  function moveOutbox(
    event: TransferEvent,
    leg: StoredTransfer,
    { now, notBefore = now }: Pick<TransferChange, 'now' | 'notBefore'>,
  ): void {
    const message = ledger.record(leg.messageId);
    if (event === 'offer') outbox.takeMessage(message, leg.peer);
    else if (event === 'postponed' || event === 'resume') outbox.queue(message, now, notBefore, leg.peer);
    else if (event === 'retry') outbox.queue(message, now, 0, leg.peer);
    else if (event !== 'all-sent') outbox.removeLeg(message.id, leg.peer);
  }

  return {
    /** A leg for each recipient, as far as he is: those who wait for it wait in the outbox, each by himself. */
    spread(transferId: number, now: number): void {
      const { messageId, size } = reads.transfer(transferId);
      outbox.removeMessage(messageId);
      for (const { address, status } of recipients.of(messageId)) {
        const state = ON_ITS_WAY.has(status) ? 'queued' : status === 'failed' ? 'failed' : 'done';
        insert({ transferId, address, state, transferred: state === 'done' ? size : 0 });
        if (state === 'queued') outbox.queue(ledger.record(messageId), now, now, address);
      }
      sumUp(transferId, now);
    },

    /** One whose event was found lawful. @param change as it came, `fields` of the transfer are not the leg's */
    apply(
      leg: StoredTransfer,
      event: TransferEvent,
      state: TransferState,
      octets: number | null,
      change: TransferChange,
      error: CodedError | null,
    ): void {
      const { fileTransferId = null, transferred = null } = change.fields ?? {};
      update({ id: leg.id, state, fileTransferId, transferred: octets ?? transferred, ...errorColumns(error) });
      moveOutbox(event, leg, change);
      const told = FOR_RECIPIENT[event];
      if (told === 'retry') ledger.move(leg.messageId, 'retry', change.now);
      if (told !== undefined) recipients.move(leg.messageId, [leg.peer], false, told, change.now, error);
      if (leg.whole !== null) sumUp(leg.whole, change.now);
    },

    /** Those that did not get there. @param recipient of him alone */
    toRetry(transferId: number, recipient: string | undefined): StoredTransfer[] {
      const legs = reads.transferLegs(transferId);
      const messageId = legs[0]?.messageId;
      if (messageId === undefined) return [];
      const failed = new Set(recipients.of(messageId).flatMap(({ address, status }) => (status === 'failed' ? [address] : [])));
      return legs.filter(
        ({ peer, state }) =>
          (recipient === undefined || recipient === peer) && (NOT_ARRIVED.has(state) || (state === 'done' && failed.has(peer))),
      );
    },

    /** Who was asked and has answered is not reminded of that, but asked anew. */
    askAnew: ({ id, state }: StoredTransfer) => {
      if (state === 'declined' || state === 'done') askAnew({ id, imdnId: randomToken(IMDN_ID_LENGTH) });
    },

    statusOf: ({ messageId, peer }: StoredTransfer): MessageStatus =>
      recipients.of(messageId).find(({ address }) => address === peer)?.status ?? 'queued',
  };
}
