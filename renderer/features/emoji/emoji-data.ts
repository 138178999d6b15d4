import keywords from 'emojilib';
import groups from 'unicode-emoji-json/data-by-group.json';
import type { EmojiGroup } from './emoji.ts';

/** All of them as one module, which is loaded when the first person asks for it. Newer ones than a system's font knows are left out. */
const NEWEST = 15;

export const emojiGroups: readonly EmojiGroup[] = groups.map(({ slug, emojis }) => ({
  slug,
  emojis: emojis
    .filter(({ emoji_version }) => Number(emoji_version) <= NEWEST)
    .map(({ emoji, name }) => ({
      emoji,
      name,
      words: [...name.toLowerCase().split(/[^\p{L}\p{N}]+/u), ...(keywords[emoji] ?? []).map((word) => word.replaceAll('_', ' '))],
    })),
}));
