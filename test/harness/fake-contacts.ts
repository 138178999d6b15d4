import type { EventName, EventPayload, Handlers } from '../../shared/ipc/contract.ts';
import type { Conversation, ConversationSettings } from '../../shared/model/conversation.ts';

/** what a fake core has of a conversation */
export interface FakeConversations {
  readonly conversations: Map<number, Conversation>;
  tell<E extends EventName>(event: E, payload: EventPayload<E>): void;
}

type Kept = ConversationSettings & { readonly networkName: string; readonly givenName: string | null };

/** What a core in memory answers about people: names, settings of one conversation, requests, blocks. */
export function contactHandlers({ conversations, tell }: FakeConversations) {
  const kept = new Map<number, Kept>();
  const keptOf = (conversation: Conversation): Kept =>
    kept.get(conversation.id) ?? {
      notifications: null,
      displayReports: null,
      mode: null,
      networkName: conversation.title,
      givenName: null,
    };
  const of = (id: number): Conversation => {
    const found = conversations.get(id);
    if (found === undefined) throw new Error(`no conversation ${id}`);
    return found;
  };
  const change = (id: number, changes: Partial<Conversation>): Record<string, never> => {
    conversations.set(id, { ...of(id), ...changes });
    tell('conversation.changed', of(id));
    return {};
  };
  return {
    'conversations.arrange': async ({ conversationId, pinned, archived, markedUnread }) => {
      const before = of(conversationId);
      return change(conversationId, {
        pinned: pinned ?? before.pinned,
        archived: archived ?? before.archived,
        markedUnread: markedUnread ?? before.markedUnread,
      });
    },
    'conversations.details': async ({ conversationId }) => {
      const conversation = of(conversationId);
      return { conversation, addresses: [conversation.peer], ...keptOf(conversation) };
    },
    'conversations.configure': async ({ conversationId, givenName, mutedUntil, settings = {} }) => {
      const conversation = of(conversationId);
      const before = keptOf(conversation);
      const given = Object.entries(settings).filter(([, value]) => value !== undefined);
      const name = givenName === undefined ? before.givenName : givenName || null;
      const after: Kept = { ...before, ...Object.fromEntries(given), givenName: name };
      kept.set(conversationId, after);
      return change(conversationId, {
        title: after.givenName ?? after.networkName,
        mutedUntil: mutedUntil === undefined ? conversation.mutedUntil : mutedUntil,
      });
    },
    'conversations.accept': async ({ conversationId }) => change(conversationId, { request: false }),
    'conversations.block': async ({ conversationId, blocked }) => change(conversationId, { blocked }),
    'blocked.list': async () => ({
      items: [...conversations.values()]
        .filter(({ blocked }) => blocked)
        .map((conversation) => ({ conversation, addresses: [conversation.peer] })),
    }),
  } satisfies Partial<Handlers>;
}
