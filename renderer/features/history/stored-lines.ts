import type { StoredItem } from '../../../shared/ipc/history-contract.ts';
import { formatSize, startOf } from '../format.ts';
import { historyWords as w } from './history-words.ts';

/** what the listing gives of a text at most, UTF-16 code units */
const PREVIEW = 300;
/** of a line that is read out as the name of a button */
const NAMED = 60;

const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** What is shown of one stored item. */
export interface StoredLine {
  readonly what: string;
  readonly about: string;
  /** what the other conversation shows of it; null for what cannot be forwarded */
  readonly forwarded: string | null;
  /** of its button */
  readonly name: string;
}

/** @param person of whom it is stored */
export function storedLine({ kind, text, direction, sentAt, octets }: StoredItem, person: string): StoredLine {
  const cut = text.length >= PREVIEW ? `${text}…` : text;
  const what = { text: cut, file: text || w.file, session: w.chat, missed: w.missed, other: w.other }[kind];
  const size = kind === 'file' ? ` · ${formatSize(octets)}` : '';
  const forwarded = { text: cut || null, file: text || w.file, session: w.chatOf(day.format(sentAt)), missed: null, other: null }[kind];
  return {
    ...{ what, forwarded },
    about: `${w.by[direction](person)} · ${moment.format(sentAt)}${size}`,
    name: w.forwardOne(startOf(what, NAMED)),
  };
}
