import type { CodedError } from '../base/errors.ts';
import type { Member } from './audience.ts';
import type { GroupEvent } from './group.ts';
import type { MessageStatus } from './states/message-status.ts';
import type { Reach } from './states/reach.ts';
import type { Transfer } from './transfer.ts';

/** `event`: a line about the group, written by nobody */
export const MESSAGE_KINDS = ['text', 'file', 'event'] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** One entry of a thread. `id` is the order of the thread: that of arrival, but for what the network had kept, which stands where it was sent. */
export interface Message {
  readonly id: number;
  readonly conversationId: number;
  readonly direction: 'in' | 'out';
  readonly kind: MessageKind;
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
  /** of a received text: it could not be read */
  readonly error: CodedError | null;
  /** an own one went out without the name */
  readonly anonymous: boolean;
  /** where answers to it go instead of its author (Reply-To) */
  readonly replyTo: string | null;
  /** a received one: who else got it, as far as it says */
  readonly alsoTo: readonly string[];
  /** an own one to several; else null */
  readonly reach: Reach | null;
  /** an own one to several: whom it did not get to, their names '' where none is known */
  readonly failedTo: readonly Member[];
  readonly transfer: Transfer | null;
  /** a received one: the network kept it until this device was there */
  readonly deferred: boolean;
  /** of a received one in a group: who wrote it; else null, it is the other person of the conversation */
  readonly author: Member | null;
  /** null unless the kind says so */
  readonly event: GroupEvent | null;
  /** the message of the same conversation that it answers */
  readonly quote: Quote | null;
  /** an own one: the network sent it on by that service, so nobody's Parley has it */
  readonly leftBy?: LeftBy | undefined;
}

export interface Quote {
  readonly messageId: number;
  readonly direction: 'in' | 'out';
  readonly kind: MessageKind;
  /** who wrote it, in a group; null: this person, or the other one of the conversation */
  readonly author: Member | null;
  /** the start of its text, or the name of its file; null when it was deleted here */
  readonly text: string | null;
}

/** of what is quoted this much is shown, UTF-16 code units */
export const LONGEST_QUOTE = 300;

/** What is shown of a message that is about to be answered. */
export function quoteOf({ id, direction, kind, author, text, transfer }: Message): Quote {
  return { messageId: id, direction, kind, author, text: (transfer?.name ?? text).slice(0, LONGEST_QUOTE) };
}

export const REPORTS = ['forbidden', 'error', 'stored'] as const;
/** What came in place of a disposition notification (RFC 5438 section 5): nobody is to know, nobody can know, the network keeps it for later. */
export type Report = (typeof REPORTS)[number];

export const LEFT_BY = ['sms', 'mms', 'email', 'other'] as const;
export type LeftBy = (typeof LEFT_BY)[number];

/** What somebody who looks into one message is told beside it. */
export interface MessageInfo {
  readonly message: Message;
  /** address of the other person, or where an own one went instead; see {@link Conversation.peer} for the other kinds */
  readonly peer: string;
  /** of an own one to several, in the order in which they were named */
  readonly recipients: readonly RecipientState[];
  /** of an own one to one person: what came in place of a notification of delivery, of display */
  readonly deliveryReport: Report | null;
  readonly displayReport: Exclude<Report, 'stored'> | null;
  /**
   * Of an own one that left this device: when its last try began (of a file: when it was accepted), and when that was answered as taken; ms since
   * the epoch. `kept`: by a 202 to a message for one person, so the network has it and passes it on (RFC 3428 section 7).
   */
  readonly leftAt: number | null;
  readonly takenAt: number | null;
  readonly kept: boolean;
  /** by which service that is not CPM the network sent it on; null: nobody says so */
  readonly leftBy: LeftBy | null;
  /** CPM Conversation-ID and Contribution-ID (cpm.md section 2.3) */
  readonly cpmConversationId: string;
  readonly contributionId: string;
  /** while it is in the outbox; `nextTryAt` may lie in the past, ms since the epoch */
  readonly waiting: { readonly attempts: number; readonly nextTryAt: number } | null;
}

/** What became of an own message at one of its recipients. */
export interface RecipientState {
  readonly address: string;
  /** '' where none is known */
  readonly name: string;
  readonly status: MessageStatus;
  readonly deliveredAt: number | null;
  readonly displayedAt: number | null;
  readonly error: CodedError | null;
}
