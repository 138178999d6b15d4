import type { Conversation } from '../../../shared/model/conversation.ts';
import { isolated } from '../../ui/bidi.ts';
import { groupWords } from '../groups/group-words.ts';
import { words } from '../words.ts';

/** What a row of the list says below the name: a label that comes first, then a text. */
export interface ShownLine {
  readonly label: string;
  readonly text: string;
  readonly tone: 'plain' | 'accent' | 'failed';
}

type Last = NonNullable<Conversation['last']>;

/** A file says what became of it where it did not just come or go; one that waits for this person says so first. */
function fileLine({ direction, author, text: name, status, transferState, asks }: Last, open: boolean): ShownLine {
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
  return { label: labelOf(direction, author), text: shown, tone: 'plain' };
}

/** Who said it: this person, or in a group somebody. */
function labelOf(direction: Last['direction'], author: string): string {
  if (direction === 'out') return words.list.you;
  return author === '' ? '' : `${isolated(author)}:`;
}

/** Nothing was written: where the person stands. The kind of the event is in place of its text. */
function eventText({ standing }: Conversation, { text }: Last): string {
  const { list } = groupWords;
  if (standing === 'left' || standing === 'removed' || standing === 'over' || standing === 'declined') return list[standing];
  return text === 'extended' && standing === null ? list.extended : words.list.noMessages;
}

/** Where the person does not stand in the group as in any conversation, this comes before all that was said. */
function standingLine({ standing, last }: Conversation, open: boolean): ShownLine | null {
  const text = groupWords.list;
  if (standing === 'failed') return { label: text.failed, text: '', tone: 'failed' };
  if (standing !== 'invited') return null;
  const label = last === null || last.author === '' ? text.invitation : text.invitationFrom(isolated(last.author));
  return { label, text: '', tone: open ? 'plain' : 'accent' };
}

/**
 * A draft, then who is typing, and a failure come before the last message; a draft only where the conversation is not open.
 * @param typing what is said of whoever is typing; '' while nobody is
 */
export function lastLine(conversation: Conversation, open: boolean, typing = ''): ShownLine {
  const { draft, draftFiles, last } = conversation;
  const standing = standingLine(conversation, open);
  if (standing !== null) return standing;
  if (draft.trim() !== '' && !open) return { label: words.list.draft, text: draft, tone: 'accent' };
  if (draftFiles > 0 && !open) return { label: words.list.draft, text: words.list.files(draftFiles), tone: 'accent' };
  // on the tint of the open one the accent would be too faint to read
  if (typing !== '') return { label: typing, text: '', tone: open ? 'plain' : 'accent' };
  if (last === null) return { label: '', text: words.list.noMessages, tone: 'plain' };
  if (last.kind === 'file') return fileLine(last, open);
  if (last.kind === 'event') return { label: '', text: eventText(conversation, last), tone: 'plain' };
  const { text } = last;
  if (last.status === 'failed') return { label: words.list.failed, text, tone: 'failed' };
  const label = last.leftBy === undefined ? labelOf(last.direction, last.author) : words.list.youBy[last.leftBy];
  return { label, text, tone: 'plain' };
}
