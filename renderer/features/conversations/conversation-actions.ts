import { type Conversation, isMuted } from '../../../shared/model/conversation.ts';
import type { Standing } from '../../../shared/model/group.ts';
import { MUTE_TIMES, type MuteFor } from '../people/mute.ts';

type Arranging = 'pin' | 'unpin' | 'archive' | 'unarchive' | 'markUnread' | 'markRead';
type Grouping = 'addPeople' | 'extend' | 'join' | 'decline' | 'leave';
type Deciding = 'files' | 'askFile' | 'details' | 'rename' | 'accept' | 'unmute' | 'block' | 'unblock' | 'remove';
export type ConversationAction = Arranging | Deciding | Grouping | MuteFor;
/** `mute` asks for how long */
export type MenuAction = ConversationAction | 'mute';

/** where a group can be entered that this person is not in */
const JOINABLE: ReadonlySet<Standing> = new Set(['outside', 'declined', 'left']);

/** What can be done with a conversation of the list, in the order of its menu. */
export function conversationActions(conversation: Conversation, now: number): readonly MenuAction[] {
  const { pinned, archived, markedUnread, unread, last, request, blocked, kind, standing } = conversation;
  if (standing === 'invited') return ['join', 'decline', 'details', 'remove'];
  if (request) return blocked ? ['unblock', 'details', 'remove'] : ['accept', 'details', 'block', 'remove'];
  const actions: MenuAction[] = [pinned ? 'unpin' : 'pin', archived ? 'unarchive' : 'archive'];
  if (markedUnread) actions.push('markRead');
  else if (unread === 0 && last !== null) actions.push('markUnread');
  if (kind !== 'anonymous') actions.push('files');
  if (kind === 'person' && !blocked) actions.push('askFile', 'extend');
  if (standing === 'member') actions.push('addPeople');
  actions.push(isMuted(conversation, now) ? 'unmute' : 'mute', 'details', 'rename');
  // several people at once are not one that could be kept out
  if (kind === 'person') actions.push(blocked ? 'unblock' : 'block');
  if (standing === 'member') actions.push('leave');
  if (standing !== null && JOINABLE.has(standing)) actions.push('join');
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
    default:
      return null;
  }
}

export function isMuteTime(action: ConversationAction): action is MuteFor {
  return (MUTE_TIMES as readonly string[]).includes(action);
}
