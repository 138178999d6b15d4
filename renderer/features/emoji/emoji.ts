export interface Emoji {
  readonly emoji: string;
  readonly name: string;
  /** what it is found by, in lower case */
  readonly words: readonly string[];
}

export interface EmojiGroup {
  /** a key of `words.emoji.groups` */
  readonly slug: string;
  readonly emojis: readonly Emoji[];
}

const MOST_FOUND = 60;
const MOST_RECENT = 18;
const KEY = 'recent-emoji';

/** Those with a word for each of the typed ones that begins so: by name first, then by what else they are known for. */
export function findEmoji(groups: readonly EmojiGroup[], typed: string): readonly Emoji[] {
  const wanted = typed.toLowerCase().trim().split(/\s+/).filter(Boolean);
  const all = groups.flatMap(({ emojis }) => emojis);
  const begins = (texts: readonly string[]): boolean => wanted.every((start) => texts.some((text) => text.startsWith(start)));
  const byName = all.filter(({ name }) => begins(name.toLowerCase().split(' ')));
  const byWord = all.filter((each) => !byName.includes(each) && begins(each.words));
  return [...byName, ...byWord].slice(0, MOST_FOUND);
}

/** What was used last, newest first; whatever else stands in the storage counts as nothing. */
export class RecentEmoji {
  readonly #storage: Pick<Storage, 'getItem' | 'setItem'>;

  constructor(storage: Pick<Storage, 'getItem' | 'setItem'>) {
    this.#storage = storage;
  }

  get all(): readonly string[] {
    return (this.#storage.getItem(KEY) ?? '').split(' ').filter(isEmoji).slice(0, MOST_RECENT);
  }

  use(emoji: string): void {
    this.#storage.setItem(KEY, [emoji, ...this.all.filter((each) => each !== emoji)].slice(0, MOST_RECENT).join(' '));
  }
}

function isEmoji(text: string): boolean {
  return text.length <= 32 && /^\p{RGI_Emoji}$/v.test(text);
}

/** A message of one to three emoji and nothing else is shown large. */
export function isEmojiAlone(text: string): boolean {
  return text.length <= 96 && /^(?:\p{RGI_Emoji}\s*){1,3}$/v.test(text);
}
