import type { Message } from '../../../shared/model/message.ts';
import { isFinalTransferState, type TransferState } from '../../../shared/model/states/transfer-state.ts';
import type { Row } from './rows.ts';

export type MessageAction = 'reply' | 'copy' | 'info' | 'retry' | 'remove';

/** What an outgoing file can be sent again from. */
const RETRIABLE: ReadonlySet<TransferState> = new Set(['declined', 'expired', 'cancelled', 'interrupted', 'failed']);

/** What can be done with a row, in the order of its menu. A file that is under way is cancelled by its card, and deleted after that. */
export function messageActions({ message, pending }: Pick<Row, 'message' | 'pending'>): readonly MessageAction[] {
  if (message === null) {
    const copy: readonly MessageAction[] = pending?.kind === 'text' ? ['copy'] : [];
    return pending?.error ? [...copy, 'retry', 'remove'] : copy;
  }
  const actions: MessageAction[] = message.kind === 'text' ? ['reply', 'copy', 'info'] : ['reply', 'info'];
  if (isRetriable(message)) actions.push('retry');
  if (isRemovable(message)) actions.push('remove');
  return actions;
}

function isRetriable({ direction, status, transfer }: Message): boolean {
  if (direction === 'in') return false;
  return transfer === null ? status === 'failed' : RETRIABLE.has(transfer.state) || reportedTrouble({ status, transfer });
}

function isRemovable({ status, transfer }: Message): boolean {
  return transfer === null ? status !== 'sending' : isFinalTransferState(transfer.state) || transfer.state === 'interrupted';
}

/** All of the file left, and the other side told that it could not keep it. */
export function reportedTrouble({ status, transfer }: Pick<Message, 'status' | 'transfer'>): boolean {
  return status === 'failed' && transfer?.direction === 'out' && transfer.state === 'done';
}
