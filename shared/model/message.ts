import type { CodedError } from '../base/errors.ts';
import type { MessageStatus } from './states/message-status.ts';
import type { Transfer } from './transfer.ts';

/** One entry of a thread. `id` grows in the order of arrival and is the order of the thread. */
export interface Message {
  readonly id: number;
  readonly conversationId: number;
  readonly direction: 'in' | 'out';
  readonly kind: 'text' | 'file';
  readonly text: string;
  readonly status: MessageStatus;
  /** when its author sent it (CPIM DateTime), ms since the epoch */
  readonly sentAt: number;
  /** when this device stored it, ms since the epoch */
  readonly storedAt: number;
  readonly deliveredAt: number | null;
  readonly displayedAt: number | null;
  /** imdn.Message-ID (RFC 5438); for an own message also the id its author's window gave it */
  readonly imdnId: string;
  readonly error: CodedError | null;
  readonly transfer: Transfer | null;
}

/** What somebody who looks into one message is told beside it. */
export interface MessageInfo {
  readonly message: Message;
  /** address of the other person */
  readonly peer: string;
  /** CPM Conversation-ID and Contribution-ID (cpm.md section 2.3) */
  readonly cpmConversationId: string;
  readonly contributionId: string;
  /** while it is in the outbox; `nextTryAt` may lie in the past, ms since the epoch */
  readonly waiting: { readonly attempts: number; readonly nextTryAt: number } | null;
}
