import type { MessageStatus } from './states/message-status.ts';
import type { TransferState } from './states/transfer-state.ts';

/** A row of the conversation list. Times are milliseconds since the epoch. */
export interface Conversation {
  readonly id: number;
  /** canonical address of the other person */
  readonly peer: string;
  readonly title: string;
  readonly unread: number;
  /** the oldest unread message, null where there is none */
  readonly firstUnreadId: number | null;
  readonly updatedAt: number;
  readonly draft: string;
  /** stands above those that are not */
  readonly pinned: boolean;
  /** in a list of its own, until the next message */
  readonly archived: boolean;
  /** the person wants to come back to it; until it is read */
  readonly markedUnread: boolean;
  readonly last: LastLine | null;
}

/** What the conversation list shows of the newest message. */
export interface LastLine {
  readonly direction: 'in' | 'out';
  readonly kind: 'text' | 'file';
  /** at most 200 characters; for a file its name */
  readonly text: string;
  readonly status: MessageStatus;
  readonly transferState: TransferState | null;
}
