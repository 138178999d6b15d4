import type { Conversation, ConversationDetails, ConversationSettings } from '../../shared/model/conversation.ts';
import type { Settings } from '../../shared/model/settings.ts';

/** The part of the store's port (`port.ts`) that is about who is who, and what the person decided about them. */
export interface ContactCalls {
  conversationDetails(id: number): Promise<ConversationDetails>;
  /** whoever is kept out, last blocked first */
  blockedConversations(): Promise<BlockedConversation[]>;
  /** the peer of every conversation, for folding them anew */
  addresses(): Promise<{ conversationId: number; peer: string }[]>;
  /** further addresses of people, and the one that their conversation is under; `known`: it is no request, and not kept out */
  aliases(): Promise<{ address: string; peer: string; known: boolean }[]>;
  /** what whoever has this address, folded, is called here; null for somebody nothing was exchanged with */
  nameOf(address: string): Promise<string | null>;
  /** unread messages of all conversations but for muted ones, blocked ones and requests */
  unreadSum(now: number): Promise<number>;

  /** What is not given stays as it is. An empty name takes the given one away. */
  configureConversation(row: {
    conversationId: number;
    givenName?: string | undefined;
    mutedUntil?: number | null | undefined;
    settings?: { readonly [K in keyof ConversationSettings]?: ConversationSettings[K] | undefined } | undefined;
  }): Promise<Conversation>;
  /**
   * A request is one no more; the display notifications that its read messages asked for enter the outbox. Nothing happens to what is
   * no request.
   */
  acceptConversation(row: {
    conversationId: number;
    now: number;
    /** the account's; without it they are sent */
    displayReports?: Settings['displayReports'] | undefined;
  }): Promise<Conversation>;
  /**
   * Nothing of that person, by whatever address, is stored any more: {@link receiveText} and {@link receiveOffer} fail with
   * `peer.blocked`, so do composing and retrying. Notifications that wait are dropped.
   */
  blockConversation(row: { conversationId: number; blocked: boolean; now: number }): Promise<Conversation>;
  /** What the network asserts of somebody, if that is known here: the conversation, and those that went into it. */
  learnAliases(row: Identities): Promise<{ conversation: Conversation; merged: MergedConversation[] } | null>;
  /** The rules of folding have changed: what is the peer's address now. */
  refoldConversation(row: { conversationId: number; before: string; peer: string; route: string | null }): Promise<MergedConversation[]>;
}

/** The addresses by which one person was heard of at once. */
export interface Identities {
  /** folded; the one that is written to, unless there is a route */
  readonly peer: string;
  /** further ones, folded, that the network asserts to be the same person's (RFC 3325 section 9.1) */
  readonly aliases?: readonly string[] | undefined;
  /** where requests to a number go: the sip URI that stood for it */
  readonly route?: string | null | undefined;
}

/** All of the conversation `id` is in the conversation `into` now. */
export interface MergedConversation {
  readonly id: number;
  readonly into: number;
}

export interface BlockedConversation {
  readonly conversation: Conversation;
  /** all that are kept out */
  readonly addresses: readonly string[];
}
