import type { Conversation } from '../../../shared/model/conversation.ts';
import { words } from '../words.ts';

/** What a row of the list says below the name: a label that comes first, then a text. */
export interface ShownLine {
  readonly label: string;
  readonly text: string;
  readonly tone: 'plain' | 'accent' | 'failed';
}

/** A draft, then who is typing, and a failure come before the last message; a draft only where the conversation is not open. */
export function lastLine(conversation: Conversation, open: boolean, typing = false): ShownLine {
  const { draft, draftFiles, last } = conversation;
  if (draft.trim() !== '' && !open) return { label: words.list.draft, text: draft, tone: 'accent' };
  if (draftFiles > 0 && !open) return { label: words.list.draft, text: words.list.files(draftFiles), tone: 'accent' };
  // on the tint of the open one the accent would be too faint to read
  if (typing) return { label: words.typing.list, text: '', tone: open ? 'plain' : 'accent' };
  if (last === null) return { label: '', text: words.list.noMessages, tone: 'plain' };
  const text = last.kind === 'file' ? `${words.list.file} ${last.text}` : last.text;
  if (last.status === 'failed') {
    const label = last.transferState === 'declined' ? words.list.declined : words.list.failed;
    return { label, text, tone: 'failed' };
  }
  return { label: last.direction === 'out' ? words.list.you : '', text, tone: 'plain' };
}
