import type { Conversation } from '../../../shared/model/conversation.ts';

export type ConversationAction = 'pin' | 'unpin' | 'archive' | 'unarchive' | 'markUnread' | 'markRead' | 'remove';

/** What can be done with a conversation of the list, in the order of its menu. */
export function conversationActions({ pinned, archived, markedUnread, unread, last }: Conversation): readonly ConversationAction[] {
  const actions: ConversationAction[] = [pinned ? 'unpin' : 'pin', archived ? 'unarchive' : 'archive'];
  if (markedUnread) actions.push('markRead');
  else if (unread === 0 && last !== null) actions.push('markUnread');
  return [...actions, 'remove'];
}

/** The change that an action asks of the core; null for one that is no such change. */
export function arrangement(action: ConversationAction): Partial<Pick<Conversation, 'pinned' | 'archived' | 'markedUnread'>> | null {
  switch (action) {
    case 'pin':
      return { pinned: true };
    case 'unpin':
      return { pinned: false };
    case 'archive':
      return { archived: true };
    case 'unarchive':
      return { archived: false };
    case 'markUnread':
      return { markedUnread: true };
    case 'markRead':
      return { markedUnread: false };
    case 'remove':
      return null;
  }
}
