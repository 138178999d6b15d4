import type { CodedError } from '../../shared/base/errors.ts';
import type { Conversation } from '../../shared/model/conversation.ts';
import type { Message } from '../../shared/model/message.ts';
import type { MessageEvent } from '../../shared/model/states/message-status.ts';
import type { StoredTransfer } from './records.ts';

/** The part of the store's port (`port.ts`) that is about a message to a list that goes to each of its recipients by himself. */
export interface RecipientCalls {
  /** What became of a text to a list at one recipient, where each gets it by himself. Null where the message is gone. */
  recipientUpdate(row: {
    messageId: number;
    address: string;
    event: Extract<MessageEvent, 'accepted' | 'failed'>;
    now: number;
    error?: CodedError | undefined;
  }): Promise<{ message: Message; conversation: Conversation } | null>;

  /**
   * A transfer to a list, which is being offered, gets a leg for each recipient who has not got it, and these wait in the outbox in its place. From
   * then on events are those of the legs (`applyTransfer` with the id of one), and the transfer is where they are (`wholeTransferState`).
   */
  spreadTransfer(row: { transferId: number; now: number }): Promise<{ message: Message; conversation: Conversation }>;
  /** in the order in which the recipients were named; none where it goes to all of them at once */
  transferLegs(transferId: number): Promise<StoredTransfer[]>;
}
