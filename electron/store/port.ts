import type { CodedError } from '../../shared/base/errors.ts';
import type { ConversationKind, Member } from '../../shared/model/audience.ts';
import type { Conversation } from '../../shared/model/conversation.ts';
import type { LeftBy, Message, MessageInfo, Report } from '../../shared/model/message.ts';
import type { Settings } from '../../shared/model/settings.ts';
import type { MessageEvent } from '../../shared/model/states/message-status.ts';
import type { TransferEvent } from '../../shared/model/states/transfer-state.ts';
import type { ContactCalls, Identities, MergedConversation } from './contact-port.ts';
import type { DeferredCalls } from './deferred-port.ts';
import type { GroupCalls } from './group-port.ts';
import type { OwnCopyCalls } from './own-copies-port.ts';
import type { RecipientCalls } from './recipient-port.ts';
import type {
  Answered,
  FileHash,
  FoundMessage,
  Notify,
  OutboxItem,
  StoredConversation,
  StoredTransfer,
  Thumbnail,
  TransferFields,
} from './records.ts';

export type { DeferredChange, ListedItem, OrderedItem } from './deferred-port.ts';
export type * from './group-port.ts';
export type * from './records.ts';
export type { Identities, MergedConversation };

/**
 * The message store of one account. Every write is one transaction, durable when its promise resolves: what a person did, and
 * what must leave because of it (the outbox), is committed before an octet leaves.
 *
 * Errors: `store.corrupt`, `store.full` (the disk), `store.closed`, `store.newer-version`, `request.not-found`, `request.invalid-state`.
 * Times are milliseconds since the epoch. Peers are canonical addresses; folding is the caller's.
 */
export interface Store extends ContactCalls, DeferredCalls, GroupCalls, OwnCopyCalls, RecipientCalls {
  // --- reading
  conversations(page: {
    /** those that are archived; else those that are not */
    archived?: boolean | undefined;
    /** those that are requests and not blocked; else those that are none */
    requests?: boolean | undefined;
    before?: { pinned: boolean; updatedAt: number; id: number } | undefined;
    limit: number;
  }): Promise<{ items: Conversation[]; more: boolean }>;
  /** also by the id of one that went into another one */
  conversation(id: number): Promise<StoredConversation>;
  messages(page: {
    conversationId: number;
    before?: number | undefined;
    after?: number | undefined;
    /** a message and what stands before and behind it, in equal parts; alone */
    around?: number | undefined;
    limit: number;
  }): Promise<{ items: Message[]; moreBefore: boolean; moreAfter: boolean }>;
  /** also one that was removed, without its text, as long as it is remembered */
  message(id: number): Promise<Message>;
  /**
   * Messages whose text or file name has a word that starts as each of those in `text`, newest first; `before` is the id of the last one
   * of the page before. Case and accents do not count, and nothing in `text` is an operator. `count` is told on
   * the first page of one conversation only, and no further than 1000.
   */
  searchMessages(page: {
    text: string;
    conversationId?: number | undefined;
    before?: number | undefined;
    limit: number;
  }): Promise<{ items: FoundMessage[]; more: boolean; count: number | null }>;
  /** `request.not-found` for one that was removed */
  messageInfo(id: number): Promise<MessageInfo>;
  /** also a leg of one */
  transfer(id: number): Promise<StoredTransfer>;
  /** what is not in a final state, oldest first: transfers, and in place of one that has legs those */
  openTransfers(): Promise<StoredTransfer[]>;
  /** the newest transfers and legs of the file with that SHA-1, whosever and in whatever state, newest first; so a resume is known (cpm.md section 10.7) */
  transfersByHash(sha1: string): Promise<StoredTransfer[]>;
  /** the files of a conversation, newest first; `before` is the last message of the page before */
  filesPage(page: { conversationId: number; before?: number | undefined; limit: number }): Promise<{ items: Message[]; more: boolean }>;
  thumbnail(transferId: number): Promise<Thumbnail | null>;
  setting(key: string): Promise<string | null>;
  /** absolute paths */
  draftFiles(conversationId: number): Promise<string[]>;
  /** paths of all files that are sent, were sent, or wait in a draft */
  filesInUse(): Promise<string[]>;

  // --- what the person does
  setSetting(key: string, value: string): Promise<void>;
  /** Finds or makes the one with that peer; there, `title` replaces a bare address only, and `cpmConversationId` nothing. */
  openConversation(
    row: Identities & {
      title: string;
      cpmConversationId: string;
      now: number;
      /** 'group' for an address that stands for several people; what a key stands for is known by itself */
      kind?: ConversationKind | undefined;
      /** of a list */
      members?: readonly Member[] | undefined;
    },
  ): Promise<StoredConversation>;
  /** The next message goes to the peer again, whatever was asked for. */
  forgetReplyTo(conversationId: number): Promise<Conversation>;
  /** What is not given stays as it is. Reading takes the mark away, the next message brings an archived one back. */
  arrangeConversation(row: {
    conversationId: number;
    pinned?: boolean | undefined;
    archived?: boolean | undefined;
    markedUnread?: boolean | undefined;
  }): Promise<Conversation>;
  /**
   * Removes all of its messages as {@link removeMessage} does, and the conversation from the list until something is written or received
   * there again. A text that is on its way at this moment leaves unseen. `request.invalid-state` while a transfer is not over.
   */
  removeConversation(conversationId: number, now: number): Promise<void>;
  /** `quotedId` as in {@link composeText}; `files` are absolute paths */
  saveDraft(row: {
    conversationId: number;
    text: string;
    quotedId?: number | undefined;
    files?: readonly string[] | undefined;
  }): Promise<Conversation>;
  /**
   * Message, conversation and outbox row; a known `imdnId` answers with what is there and `created: false`. Clears the draft. It goes to where
   * the conversation's answers go; one to a list has a state for each of its members. `request.invalid-state` in a conversation with somebody
   * who gave no address.
   */
  composeText(row: {
    conversationId: number;
    text: string;
    imdnId: string;
    contributionId: string;
    /** the message it answers; passed over when it is not, or no longer, in this conversation */
    quotedId?: number | undefined;
    now: number;
    /** without the person's name; then with a Conversation-ID of its own, or it would tell by that */
    anonymous?: { readonly cpmConversationId: string } | undefined;
    /** where the person wants answers to go */
    replyTo?: string | null | undefined;
    /** URL of what the network keeps and sends in the place of the text, which is shown here alone */
    reference?: string | undefined;
  }): Promise<{ message: Message; conversation: Conversation; created: boolean }>;
  /** The transfer begins in `preparing`; it enters the outbox by {@link applyTransfer} with `prepared`. */
  composeFile(row: {
    conversationId: number;
    imdnId: string;
    contributionId: string;
    path: string;
    name: string;
    type: string;
    size: number;
    /** modification time of the file, ms, so that a change before or while sending is noticed */
    modifiedAt: number;
    now: number;
  }): Promise<{ message: Message; conversation: Conversation; created: boolean }>;
  /** Asks the peer for a file: in the outbox at once, as a transfer whose octets flow in. What is not known is null, the name empty. */
  composePull(row: {
    conversationId: number;
    imdnId: string;
    contributionId: string;
    name: string;
    type: string | null;
    size: number | null;
    hash: FileHash | null;
    now: number;
  }): Promise<{ message: Message; conversation: Conversation; created: boolean }>;
  /**
   * Unread falls; each text that asked for a display notification gets one into the outbox, in the same transaction, in place of a delivery
   * notification that has not left yet (displayed implies delivered); a request or a blocked person gets none. A file's comes with {@link fileOpened}. `messages` are those
   * that changed.
   */
  markRead(row: {
    conversationId: number;
    upTo: number;
    now: number;
    /** the account's; the conversation's own comes before it; without either they are sent */
    displayReports?: Settings['displayReports'] | undefined;
  }): Promise<{ conversation: Conversation; messages: Message[] }>;
  /**
   * A failed text, or an outgoing file that did not arrive, is queued and enters the outbox again, at the place of its composition.
   * A file gets the given imdn.Message-ID, which may be the one it had (the peer's end takes that as the same offer again) or a new
   * one (another offer to the peer). A text keeps its own, so that it can never be there twice. What waits already or went out is
   * answered as it is. A file that failed while it was prepared comes back without its hashes. Of a message to a list those get it again who have
   * not got it, or `recipient` alone; `request.invalid-state` while it is on its way to others at this moment. A leg that was answered gets an
   * imdn.Message-ID of its own.
   */
  retry(row: {
    messageId: number;
    fileImdnId: string;
    recipient?: string | undefined;
    now: number;
  }): Promise<{ message: Message; conversation: Conversation }>;

  /**
   * Takes a message out of its conversation, and out of the outbox when it waits there. What must still be known of it is remembered for
   * {@link REMEMBERED_MS}: a repetition of it stays unseen, notifications about it leave. `request.invalid-state` for a text that is on its
   * way at this moment, and for a file whose transfer is not over.
   */
  removeMessage(row: { messageId: number; now: number }): Promise<Conversation>;

  // --- what the network brings; a peer that is heard from can be reached, so what was postponed for it may leave at once
  /**
   * A text of a peer. The key of duplicates is (peer, imdnId); without an imdnId the caller gives another stable key.
   * With `positiveDelivery` a delivery notification enters the outbox in the same transaction. A duplicate queues it again only
   * when none waits and none was accepted, nor one of display: at most one a disposition and message (RFC 5438 section 8). The
   * conversation of a peer that nothing was exchanged with yet takes over `cpmConversationId`; later ones count for their own
   * message and its notifications only. The first message makes a request with `asRequest`. `aliases` and `route`: {@link Identities}.
   */
  receiveText(row: {
    peer: string;
    aliases?: readonly string[] | undefined;
    route?: string | null | undefined;
    asRequest?: boolean | undefined;
    title: string;
    cpmConversationId: string;
    contributionId: string;
    imdnId: string;
    text: string;
    /** what it answers, by its imdn.Message-ID or its Contribution-ID; passed over when no such message is there */
    answers?: Answered | undefined;
    sentAt: number;
    now: number;
    notify: Notify;
    /** where its author wants the answer (Reply-To); it holds until the next text from there */
    replyTo?: string | null | undefined;
    /** who else got it */
    alsoTo?: readonly string[] | undefined;
    /** the network had kept it: it takes the place in the thread where it was sent */
    deferred?: boolean | undefined;
    /** it cannot be read: a notification of failure, where one was asked for, takes the place of the one of delivery */
    error?: CodedError | undefined;
  }): Promise<{ message: Message; conversation: Conversation; duplicate: boolean; merged: MergedConversation[] }>;
  /**
   * Texts of a conversation that happened on other devices, with their own ids and times, each at its place. What is known, also what was removed here,
   * stays as it is; nothing counts as unread and nothing leaves. `peer.blocked` for somebody who is.
   */
  importTexts(row: {
    peer: string;
    title: string;
    cpmConversationId: string;
    now: number;
    texts: readonly ImportedText[];
  }): Promise<{ conversation: Conversation; imported: number }>;
  /**
   * As {@link receiveText}; the delivery notification waits until the file was verified. An offer again of a file that did not
   * arrive (expired, cancelled, interrupted, failed) makes the same transfer `offered`, with the new `fileTransferId`; one of a file
   * that was removed here is a new message; any other duplicate changes nothing. `pull`: the peer asks for the file, so octets flow out; a `size` that it does not name is null.
   */
  receiveOffer(row: {
    /** a file into a group: it stands there, and `peer` is its author */
    group?: { readonly conversationId: number; readonly author: Member } | undefined;
    peer: string;
    aliases?: readonly string[] | undefined;
    route?: string | null | undefined;
    asRequest?: boolean | undefined;
    title: string;
    cpmConversationId: string;
    contributionId: string;
    imdnId: string;
    fileTransferId: string;
    name: string;
    type: string;
    size: number | null;
    pull?: boolean | undefined;
    /** of a pull: the file of this person that is meant, to be proposed */
    source?: { readonly path: string; readonly modifiedAt: number } | undefined;
    /** the same for all files of one INVITE with several */
    invitation?: string | null | undefined;
    hash: FileHash | null;
    sentAt: number;
    now: number;
    notify: Notify;
  }): Promise<{
    message: Message;
    conversation: Conversation;
    transfer: StoredTransfer;
    duplicate: boolean;
    merged: MergedConversation[];
  }>;
  /**
   * A notification about an own message, from whoever it went to; of a message to several the state of one recipient changes, and with it that of
   * the whole (`states/reach.ts`). Null when no such message went to that peer, or it was removed here. Never backwards. A message that still waited for its
   * answer has arrived then, and leaves the outbox. `displayed` fills `deliveredAt` too.
   */
  applyReceipt(row: {
    peer: string;
    imdnId: string;
    event: Extract<MessageEvent, 'delivered' | 'displayed' | 'failed'>;
    /** whom it says it is about, for a list whose members report by way of somebody else */
    recipient?: string | null | undefined;
    now: number;
    /** for `failed`; without it `peer.undelivered` */
    error?: CodedError | undefined;
  }): Promise<{ message: Message; conversation: Conversation } | null>;

  /**
   * What came in place of a notification about an own message to one person: kept until the real one comes. Null when no such message went to
   * that peer, it was removed here, or more is known of it.
   */
  noteReport(row: {
    peer: string;
    imdnId: string;
    about: 'delivery' | 'display';
    report: Report;
    now: number;
  }): Promise<{ message: Message; conversation: Conversation } | null>;
  /** What the network says beside its notification, or alone. Null as in {@link noteReport}. */
  noteLeftBy(row: {
    peer: string;
    imdnId: string;
    leftBy: LeftBy;
    now: number;
  }): Promise<{ message: Message; conversation: Conversation } | null>;
  /** The person does not want to tell any more what was displayed: notifications of it that have not left never do. */
  withdrawDisplayed(): Promise<void>;

  // --- the outbox
  /**
   * Takes up what may leave at `now`: texts and files in the order in which they were composed, then notifications, no more than `notifications` of
   * these. Texts and notifications are in work then, an attempt is counted, `changed` are the texts with their conversations; a file is
   * taken by {@link applyTransfer} with `offer`. The texts of one conversation leave one at a time in the order in which they were composed,
   * and so do its files, beside its texts: a row in work or postponed holds back the later ones of its kind. Its notifications leave one
   * at a time in the order of what they are about, never beside a text, and not before one that is due. A file holds back later files until its
   * invitation is accepted or over, never a text; one that was taken before (`fileTransferId`) only others of that sort. `nextAt`: the earliest time at which a row is due that nothing else holds back, after `now`.
   */
  outboxTake(row: { now: number; limit: number; notifications: number }): Promise<{
    items: OutboxItem[];
    changed: { message: Message; conversation: Conversation }[];
    nextAt: number | null;
  }>;
  /**
   * Called once at start, before anything else: forgets what was removed long ago, and takes up what was at work when the process stopped. Rows in work are ready again and their
   * messages queued; an offer to this person is `expired`; every other transfer under way is `interrupted`. One that was being
   * prepared stays so.
   */
  outboxRecover(now: number): Promise<void>;
  /**
   * Applies the event to the message and moves or removes the row, in one transaction; for texts and notifications only, a file's
   * row is moved by {@link applyTransfer}. Null for a notification, and for a row that is gone.
   * The error of a postponed message stays with it as the reason of the last try until it is taken up again.
   */
  outboxUpdate(row: {
    outboxId: number;
    event: Extract<MessageEvent, 'postponed' | 'accepted' | 'failed'>;
    now: number;
    /** for `postponed`; at most {@link LONGEST_POSTPONE_MS} ahead */
    notBefore?: number | undefined;
    /** of an accepted text: see {@link MessageInfo.kept} */
    kept?: boolean | undefined;
    error?: CodedError | undefined;
  }): Promise<{ message: Message; conversation: Conversation } | null>;

  // --- transfers
  /**
   * Applies the event to the transfer and to its message: `prepared` puts an outgoing one into the outbox; `verified` of an incoming one
   * queues the delivery notification that was asked for, `mismatch`, and `failed` once all octets had come, the negative one; `declined`, `failed`, `expired`, `cancelled`, `mismatch` give the message its end.
   * An outgoing message is `sent` when its file is `done`.
   * It also moves the outbox row of an outgoing file: `offer` takes it in work and counts an attempt, `postponed` gives it back
   * with `notBefore`, `resume` and `retry` put it there, `accept`, `started`, `pause`, `lost` and every end remove it. An event that leads to the state that is there already changes
   * nothing; any other pair that the states do not know is `request.invalid-state`.
   */
  applyTransfer(row: {
    transferId: number;
    event: TransferEvent;
    now: number;
    fields?: Partial<TransferFields> | undefined;
    /** with `postponed`: when the outbox may take it up again */
    notBefore?: number | undefined;
    error?: CodedError | undefined;
  }): Promise<{ message: Message; conversation: Conversation; transfer: StoredTransfer }>;
  /** a checkpoint of the octets that are surely there; not an event; too late for a transfer that is over */
  checkpointTransfer(transferId: number, transferred: number): Promise<void>;
  /** display notification of a file that the person opened (cpm.md section 6); nothing when none was asked or it is already out */
  fileOpened(transferId: number, now: number, displayReports?: Settings['displayReports'] | undefined): Promise<void>;
  /** takes the place of the one before; nothing for a transfer that is gone */
  setThumbnail(transferId: number, thumbnail: Thumbnail): Promise<{ message: Message; conversation: Conversation } | null>;

  close(): Promise<void>;
}

/** See {@link Store.importTexts}. */
export interface ImportedText {
  readonly direction: 'in' | 'out';
  readonly imdnId: string;
  readonly contributionId: string;
  readonly text: string;
  readonly sentAt: number;
  /** of one that was sent: what is known to have become of it */
  readonly reached: 'delivered' | 'displayed' | null;
}

/** Nothing in the outbox waits longer for its next try, whatever a server asks for, ms. */
export const LONGEST_POSTPONE_MS = 3_600_000;

/** How long the store remembers that there was a message which the person removed, ms: longer than anybody repeats one. */
export const REMEMBERED_MS = 30 * 24 * 3_600_000;
