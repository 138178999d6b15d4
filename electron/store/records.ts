import type { ConversationKind } from '../../shared/model/audience.ts';
import type { Conversation, ConversationSettings } from '../../shared/model/conversation.ts';
import type { Message, RecipientState } from '../../shared/model/message.ts';
import type { Settings } from '../../shared/model/settings.ts';
import type { TransferState } from '../../shared/model/states/transfer-state.ts';

/** What the store takes and gives: rows of its tables as its callers know them. */

/** which dispositions the author of a message asked for (RFC 5438) and the device that is to hear of it */
export interface Notify {
  readonly positiveDelivery: boolean;
  readonly negativeDelivery: boolean;
  readonly display: boolean;
  /** `+sip.instance` of the originating device: `urn:uuid:…` */
  readonly originInstance: string | null;
  /** CPIM DateTime of the message, verbatim, to be repeated in the notification */
  readonly dateTime: string;
  /**
   * The account's; the conversation's own comes before it. Who refuses to tell owes `forbidden` as soon as the message is there, which says
   * nothing of when it is seen.
   */
  readonly displayReports?: Settings['displayReports'] | undefined;
  /** IMDN-Record-Route, top first (RFC 5438 section 7.2.1) */
  readonly route?: readonly string[] | undefined;
  /** Original-To: whom a message was for before a list server passed it on */
  readonly originalTo?: string | null | undefined;
}

/** How a message on the wire names the one it answers. */
export interface Answered {
  readonly imdnId: string | null;
  readonly contributionId: string | null;
}

/** A message that a search found. */
export interface FoundMessage {
  readonly message: Message;
  /** of its conversation */
  readonly peer: string;
  readonly title: string;
  /** what was found, in the text or, for a file, its name: UTF-16 offsets, from and up to but without, in order, without overlaps */
  readonly ranges: [number, number][];
  /** the part of it that shows the first of them */
  readonly excerpt: [number, number];
}

export interface StoredConversation extends Conversation {
  /** CPM Conversation-ID (cpm.md section 2.3) */
  readonly cpmConversationId: string;
  /** where requests go, where that is not the peer's address itself */
  readonly route: string | null;
  /** how texts leave here; null: as the account's settings have it */
  readonly mode: ConversationSettings['mode'];
}

export interface FileHash {
  readonly sha1: string | null;
  readonly sha256: string | null;
}

/** columns of a transfer that the network code fills in as it goes */
export interface TransferFields {
  readonly sha1: string;
  readonly sha256: string;
  readonly size: number;
  readonly fileTransferId: string;
  readonly partialPath: string;
  readonly finalPath: string;
  readonly transferred: number;
  readonly sourcePath: string;
  readonly modifiedAt: number;
  readonly name: string;
  readonly type: string;
  /** empty: offered by itself */
  readonly invitation: string;
}

export interface StoredTransfer {
  readonly id: number;
  /** the transfer to a list that this is the leg of: then `peer` is one recipient, and the audience a person */
  readonly whole: number | null;
  readonly messageId: number;
  readonly conversationId: number;
  readonly audience: ConversationKind;
  readonly peer: string;
  /** which way the octets flow */
  readonly direction: 'in' | 'out';
  /** the message asks for the file: who wrote it gets the octets */
  readonly pull: boolean;
  readonly state: TransferState;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly sizeKnown: boolean;
  readonly transferred: number;
  readonly invitation: string | null;
  readonly fileTransferId: string | null;
  readonly hash: FileHash | null;
  /** outgoing: the person's file; null for a pull that nobody has answered with one */
  readonly sourcePath: string | null;
  readonly modifiedAt: number | null;
  /** incoming: where octets are gathered, and where the finished file is */
  readonly partialPath: string | null;
  readonly finalPath: string | null;
  readonly imdnId: string;
  readonly contributionId: string;
  readonly cpmConversationId: string;
}

export type OutboxItem =
  | {
      readonly id: number;
      readonly kind: 'text';
      readonly attempts: number;
      /** when it entered the outbox: composed, or retried */
      readonly createdAt: number;
      readonly peer: string;
      readonly audience: ConversationKind;
      /** where it goes: the peer, or where answers were asked to go; of a list nothing that could be written to */
      readonly target: string;
      /** of a list */
      readonly recipients: readonly RecipientState[];
      readonly message: Message;
      readonly cpmConversationId: string;
      readonly contributionId: string;
      /** how texts leave in that conversation; null: as the account's settings have it */
      readonly mode: ConversationSettings['mode'];
      /** what it answers */
      readonly answers: { readonly imdnId: string; readonly contributionId: string } | null;
      /** URL of what the network sends in its place */
      readonly reference: string | null;
    }
  | {
      readonly id: number;
      readonly kind: 'file';
      readonly attempts: number;
      readonly createdAt: number;
      readonly peer: string;
      readonly audience: ConversationKind;
      /** of a list */
      readonly recipients: readonly RecipientState[];
      readonly message: Message;
      readonly transfer: StoredTransfer;
    }
  | {
      readonly id: number;
      readonly kind: 'notification';
      readonly attempts: number;
      /** who is to hear of it: in a group the author */
      readonly peer: string;
      readonly audience: ConversationKind;
      readonly conversationId: number;
      readonly disposition: 'delivered' | 'displayed' | 'failed';
      /** what is told instead of it */
      readonly report: 'forbidden' | 'error' | null;
      /** IMDN-Record-Route of the message it is about, top first: the way it takes */
      readonly route: readonly string[];
      readonly originalTo: string | null;
      /** imdn.Message-ID and CPIM DateTime of the message it is about */
      readonly about: string;
      readonly aboutDateTime: string;
      readonly originInstance: string | null;
      readonly service: 'msg' | 'filetransfer';
      readonly cpmConversationId: string;
      readonly contributionId: string;
      /** own imdn.Message-ID of the notification, the same in every attempt */
      readonly imdnId: string;
      readonly createdAt: number;
    };

/** A picture of a file, small enough to be sent with the offer: JPEG or PNG, checked before it was stored. */
export interface Thumbnail {
  readonly type: 'image/jpeg' | 'image/png';
  /** pixels */
  readonly width: number;
  readonly height: number;
  readonly octets: Uint8Array;
}
