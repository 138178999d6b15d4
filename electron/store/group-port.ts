import type { CodedError } from '../../shared/base/errors.ts';
import type { Member } from '../../shared/model/audience.ts';
import type { Conversation } from '../../shared/model/conversation.ts';
import type { GroupEvent, Participant, Standing } from '../../shared/model/group.ts';
import type { Message } from '../../shared/model/message.ts';
import type { Answered, Notify } from './records.ts';

/** The part of the store's port (`port.ts`) that is about groups which talk in a session. */
export interface GroupCalls {
  /** null where that conversation is none with a group; one of a group whose session was never entered is `outside` */
  group(conversationId: number): Promise<StoredGroup | null>;
  /** by what stays of it: its Contribution-ID, or the key of its conversation. The newest where a hostile network gave two the same id */
  groupBy(which: { contributionId: string } | { peer: string } | GroupFile): Promise<StoredGroup | null>;
  /** those that are being made, and those that this person is in */
  openGroups(): Promise<StoredGroup[]>;
  /**
   * A group that there was none of, with its conversation and a first line in it; one under that key is answered as it is. `asRequest`: it is a
   * request, unless this person writes with who invited.
   */
  beginGroup(row: {
    /** see `groupKey`; the address of a group that has one */
    peer: string;
    title: string;
    cpmConversationId: string;
    asRequest?: boolean | undefined;
    fields: Partial<GroupFields> & Pick<GroupFields, 'contributionId' | 'standing'>;
    participants?: readonly StoredParticipant[] | undefined;
    event?: GroupLine | undefined;
    now: number;
  }): Promise<GroupChanged>;
  /** What is not named stays. `participants` take the place of those there were. Lines of the same kind that follow each other are one. */
  changeGroup(row: {
    conversationId: number;
    fields?: Partial<GroupFields> | undefined;
    cpmConversationId?: string | undefined;
    title?: string | undefined;
    participants?: readonly StoredParticipant[] | undefined;
    events?: readonly GroupLine[] | undefined;
    now: number;
  }): Promise<GroupChanged>;
  /** A line in any conversation: the chat with one person went over into a group. */
  noteEvent(row: { conversationId: number; event: GroupLine; now: number }): Promise<{ message: Message; conversation: Conversation }>;
  /**
   * What somebody wrote in a group; the key of duplicates is (conversation, author, imdnId), for the rest see {@link Store.receiveText}. What
   * comes from somebody whom this person blocked is there, unread by nobody, and nobody hears of it.
   */
  receiveInGroup(row: {
    conversationId: number;
    author: Member;
    contributionId: string;
    imdnId: string;
    text: string;
    answers: Answered;
    sentAt: number;
    now: number;
    notify: Notify;
    error?: CodedError | undefined;
  }): Promise<{ message: Message; conversation: Conversation; duplicate: boolean }>;
  /** This person's own text comes back: another device wrote it, or the answer to it was lost. It is `sent`, and not in the outbox any more. */
  noteOwnInGroup(row: {
    conversationId: number;
    contributionId: string;
    imdnId: string;
    text: string;
    answers: Answered;
    sentAt: number;
    now: number;
  }): Promise<{ message: Message; conversation: Conversation; created: boolean }>;
}

/**
 * A file that somebody who is in it sends into a group this person is in or asked into: by the Contact of its focus, or where the network kept it, by the
 * Conversation-ID, unless that is the one of the conversation with him.
 */
export interface GroupFile {
  /** canonical address */
  readonly author: string;
  readonly identity: string | null;
  readonly cpmConversationId: string;
}

export interface GroupFields {
  readonly contributionId: string;
  /** where it is reached now (`isfocus`); null before the network has said so */
  readonly identity: string | null;
  /** of a group that the network has by a name */
  readonly address: string | null;
  readonly subject: string;
  readonly standing: Standing;
  /** people in it, this one included; null: as the account has it */
  readonly limit: number | null;
  readonly closed: boolean;
  readonly takesFiles: boolean;
  readonly anonymous: boolean;
  /** the next invitation is answered 603: it was left, or declined, where nobody could be told */
  readonly refusesNext: boolean;
  readonly invitedBy: Member | null;
  /** the conversation with one person whose chat goes over into it, until it has */
  readonly extendsId: number | null;
  readonly error: CodedError | null;
}

export type StoredParticipant = Omit<Participant, 'blocked'>;

export interface StoredGroup extends GroupFields {
  readonly conversationId: number;
  readonly peer: string;
  readonly cpmConversationId: string;
  readonly participants: readonly Participant[];
}

/** A line of the thread. `notice`: this person is told of it as of a message. */
export interface GroupLine extends GroupEvent {
  readonly notice?: boolean;
}

export interface GroupChanged {
  readonly group: StoredGroup;
  readonly conversation: Conversation;
  /** the lines that are new, or say more than before */
  readonly messages: Message[];
}
