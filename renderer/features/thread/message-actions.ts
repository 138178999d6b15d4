import type { Message } from '../../../shared/model/message.ts';
import type { MessageStatus } from '../../../shared/model/states/message-status.ts';
import { isAtRest, type TransferState } from '../../../shared/model/states/transfer-state.ts';
import type { Row } from './rows.ts';

export type MessageAction = 'reply' | 'replyAll' | 'forward' | 'copy' | 'select' | 'info' | 'retry' | 'remove';

/** What an outgoing file can be sent again from. */
const RETRIABLE: ReadonlySet<TransferState> = new Set(['declined', 'expired', 'cancelled', 'interrupted', 'paused', 'failed']);

/** What can be done with a row, in the order of its menu. A file that is under way is cancelled by its card, and deleted after that. */
export function messageActions({ message, pending }: Pick<Row, 'message' | 'pending'>): readonly MessageAction[] {
  if (message === null) {
    const copy: readonly MessageAction[] = pending?.kind === 'text' ? ['copy'] : [];
    return pending?.error ? [...copy, 'retry', 'remove'] : copy;
  }
  if (message.event !== null) return [];
  const actions: MessageAction[] = ['reply'];
  if (message.alsoTo.length > 0) actions.push('replyAll');
  if (isForwardable(message)) actions.push('forward');
  if (message.kind === 'text') actions.push('copy');
  actions.push('select', 'info');
  if (isRetriable(message)) actions.push('retry');
  if (isRemovable(message)) actions.push('remove');
  return actions;
}

/** What is whole on this device can go to somebody else. */
export function isForwardable({ kind, direction, transfer }: Message): boolean {
  return kind === 'text' || (direction === 'out' && transfer?.pull !== true) || transfer?.state === 'done';
}

export function isRemovableRow({ message, pending }: Pick<Row, 'message' | 'pending'>): boolean {
  return message === null ? pending?.error != null : isRemovable(message);
}

/** Texts and names of files, a line each. */
export function textOfRows(rows: readonly Pick<Row, 'message' | 'pending'>[]): string {
  return rows.map(({ message, pending }) => message?.transfer?.name ?? message?.text ?? pending?.text ?? '').join('\n');
}

function isRetriable({ direction, status, transfer }: Message): boolean {
  if (direction === 'in') return false;
  return transfer === null ? status === 'failed' : RETRIABLE.has(transfer.state) || reportedTrouble({ status, transfer });
}

function isRemovable({ status, transfer }: Message): boolean {
  return transfer === null ? status !== 'sending' : isAtRest(transfer.state);
}

/** A file that was stopped before and goes on by now, or is paused, has not failed. */
export function shownStatus({ status, transfer }: Pick<Message, 'status' | 'transfer'>): MessageStatus {
  const goesOn = transfer !== null && (transfer.state === 'paused' || !isAtRest(transfer.state));
  return status === 'failed' && goesOn ? 'sending' : status;
}

/** All of the file left, and the other side told that it could not keep it. */
export function reportedTrouble({ status, transfer }: Pick<Message, 'status' | 'transfer'>): boolean {
  return status === 'failed' && transfer?.direction === 'out' && transfer.state === 'done';
}
