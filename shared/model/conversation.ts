import type { ConversationKind, Member } from './audience.ts';
import type { Standing } from './group.ts';
import type { LeftBy, MessageKind } from './message.ts';
import type { DISPLAY_REPORTS, MESSAGE_MODES, NOTIFICATION_LEVELS } from './settings.ts';
import type { MessageStatus } from './states/message-status.ts';
import type { TransferState } from './states/transfer-state.ts';

/** A row of the conversation list. Times are milliseconds since the epoch. */
export interface Conversation {
  readonly id: number;
  readonly kind: ConversationKind;
  /** canonical address of the other person or of the group; for the other kinds a key that is no address (`audience.ts`) */
  readonly peer: string;
  readonly title: string;
  readonly unread: number;
  /** the oldest unread message, null where there is none */
  readonly firstUnreadId: number | null;
  readonly updatedAt: number;
  readonly draft: string;
  /** the message that the draft answers, null where it answers none */
  readonly draftQuoteId: number | null;
  /** how many files wait with the draft */
  readonly draftFiles: number;
  /** stands above those that are not */
  readonly pinned: boolean;
  /** in a list of its own, until the next message */
  readonly archived: boolean;
  /** the person wants to come back to it; until it is read */
  readonly markedUnread: boolean;
  /** whom a list goes to; empty for the other kinds */
  readonly members: readonly Member[];
  /** where the next message goes instead of the peer, because the last one from there asked for it */
  readonly replyTo: string | null;
  /** no notification and no place in the sum of unread messages until then */
  readonly mutedUntil: number | null;
  /** from somebody whom this person never wrote to: nothing is given away before it is accepted */
  readonly request: boolean;
  /** nothing of this person is let in */
  readonly blocked: boolean;
  /** of a group that talks in a session: where this person stands in it; else null */
  readonly standing: Standing | null;
  readonly last: LastLine | null;
}

/** Later than any clock shows: a conversation that is muted for as long as nobody says otherwise. */
export const UNTIL_UNMUTED = 8_640_000_000_000_000;

export function isMuted({ mutedUntil }: Pick<Conversation, 'mutedUntil'>, now: number): boolean {
  return mutedUntil !== null && mutedUntil > now;
}

/** What was decided for one conversation alone; null is as the account's settings have it. */
export interface ConversationSettings {
  readonly notifications: (typeof NOTIFICATION_LEVELS)[number] | null;
  readonly displayReports: (typeof DISPLAY_REPORTS)[number] | null;
  readonly mode: (typeof MESSAGE_MODES)[number] | null;
}

/** What somebody who looks into a conversation is told beside its row. */
export interface ConversationDetails extends ConversationSettings {
  readonly conversation: Conversation;
  /** all that lead here, the one that is written to first */
  readonly addresses: readonly string[];
  /** as the network calls the person */
  readonly networkName: string;
  /** as this person calls them; null where nothing was given */
  readonly givenName: string | null;
}

/** What the conversation list shows of the newest message. */
export interface LastLine {
  readonly direction: 'in' | 'out';
  readonly kind: MessageKind;
  /** in a group: who wrote it, a name; '' for this person and elsewhere */
  readonly author: string;
  /** at most 200 characters; for a file its name */
  readonly text: string;
  readonly status: MessageStatus;
  readonly transferState: TransferState | null;
  /** for a file that waits for an answer: it is asked for, not brought */
  readonly asks: boolean;
  /** see {@link Message.leftBy} */
  readonly leftBy?: LeftBy | undefined;
}
