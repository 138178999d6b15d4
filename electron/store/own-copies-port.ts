import type { Conversation } from '../../shared/model/conversation.ts';
import type { Message } from '../../shared/model/message.ts';
import type { Identities, MergedConversation } from './contact-port.ts';
import type { Answered } from './records.ts';

/** The part of the store's port (`port.ts`) that is about what this person did on another device. */
export interface OwnCopyCalls {
  /** A text that has left by another device: `sent`, and never in the outbox. A known `imdnId` answers with what is there and `created: false`. */
  noteOwnText(
    row: Identities & {
      title: string;
      kind: 'person' | 'group';
      cpmConversationId: string;
      contributionId: string;
      imdnId: string;
      text: string;
      answers: Answered;
      sentAt: number;
      now: number;
    },
  ): Promise<{ message: Message; conversation: Conversation; created: boolean; merged: MergedConversation[] }>;
  /**
   * It was displayed on another device: it is read here, and so is what came before it; nobody is told again. Null where no such message came from
   * that peer.
   */
  noteOwnDisplay(row: { peer: string; imdnId: string; now: number }): Promise<{ conversation: Conversation; messages: Message[] } | null>;
}
