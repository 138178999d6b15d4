import type { Conversation } from '../../../shared/model/conversation.ts';
import { words } from '../words.ts';

/** What a row of the list says below the name: a label that comes first, then a text. */
export interface ShownLine {
  readonly label: string;
  readonly text: string;
  readonly tone: 'plain' | 'accent' | 'failed';
}

type Last = NonNullable<Conversation['last']>;

/** A file says what became of it where it did not just come or go; one that waits for this person says so first. */
function fileLine({ direction, text: name, status, transferState, asks }: Last, open: boolean): ShownLine {
  const text = name === '' ? words.file.nameless : name;
  const { states } = words.list;
  if (direction === 'in' && transferState === 'offered') {
    return { label: asks ? states.asks : states.offered, text, tone: open ? 'plain' : 'accent' };
  }
  if (transferState === 'quarantined' || transferState === 'interrupted') return { label: states[transferState], text, tone: 'failed' };
  if (transferState === 'paused') return { label: states.paused, text, tone: 'plain' };
  if (status === 'failed' || (direction === 'in' && transferState === 'failed')) {
    const label = direction === 'in' ? states.failed : transferState === 'declined' ? words.list.declined : words.list.failed;
    return { label, text, tone: 'failed' };
  }
  const shown = `${words.list.file} ${text}`;
  return { label: direction === 'out' ? words.list.you : '', text: shown, tone: 'plain' };
}

/** A draft, then who is typing, and a failure come before the last message; a draft only where the conversation is not open. */
export function lastLine(conversation: Conversation, open: boolean, typing = false): ShownLine {
  const { draft, draftFiles, last } = conversation;
  if (draft.trim() !== '' && !open) return { label: words.list.draft, text: draft, tone: 'accent' };
  if (draftFiles > 0 && !open) return { label: words.list.draft, text: words.list.files(draftFiles), tone: 'accent' };
  // on the tint of the open one the accent would be too faint to read
  if (typing) return { label: words.typing.list, text: '', tone: open ? 'plain' : 'accent' };
  if (last === null) return { label: '', text: words.list.noMessages, tone: 'plain' };
  if (last.kind === 'file') return fileLine(last, open);
  const { text } = last;
  if (last.status === 'failed') return { label: words.list.failed, text, tone: 'failed' };
  return { label: last.direction === 'out' ? words.list.you : '', text, tone: 'plain' };
}
