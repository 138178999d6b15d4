import { describe, expect, it } from 'vitest';
import { findEmoji, isEmojiAlone, RecentEmoji } from '../../../renderer/features/emoji/emoji.ts';
import { emojiGroups } from '../../../renderer/features/emoji/emoji-data.ts';
import { words } from '../../../renderer/features/words.ts';
import { MapStorage } from './core-bridge.ts';

describe('emoji', () => {
  it('are found by name first, by keyword after, by the starts of several words', () => {
    expect(findEmoji(emojiGroups, 'pizza')[0]?.emoji).toBe('🍕');
    expect(findEmoji(emojiGroups, 'red hea')[0]?.emoji).toBe('❤️');
    expect(findEmoji(emojiGroups, 'lol').map(({ emoji }) => emoji)).toContain('😂');
    expect(findEmoji(emojiGroups, 'no such thing at all')).toEqual([]);
    expect(findEmoji(emojiGroups, 'a').length).toBeLessThanOrEqual(60);
  });

  it('of each group have a heading in words', () => {
    expect(emojiGroups.map(({ slug }) => slug).filter((slug) => !(slug in words.emoji.groups))).toEqual([]);
    expect(emojiGroups.flatMap(({ emojis }) => emojis).length).toBeGreaterThan(1500);
  });

  it('used last come first, once each, and nothing but emoji comes out of a damaged storage', () => {
    const storage = new MapStorage();
    const recent = new RecentEmoji(storage);
    for (const emoji of ['🍕', '👍🏽', '🍕']) recent.use(emoji);
    expect(new RecentEmoji(storage).all).toEqual(['🍕', '👍🏽']);
    storage.setItem('recent-emoji', '<script> 🍕 9 👨‍👩‍👧‍👦');
    expect(recent.all).toEqual(['🍕', '👨‍👩‍👧‍👦']);
  });

  it.each([
    ['👍', true],
    ['👍🏽 🎉\n❤️', true],
    ['👨‍👩‍👧‍👦🇩🇪1️⃣', true],
    ['👍👍👍👍', false],
    ['👍 yes', false],
    ['12', false],
    ['', false],
    ['👍'.repeat(5000), false],
  ])('%s alone: %s', (text, large) => {
    expect(isEmojiAlone(text)).toBe(large);
  });
});
