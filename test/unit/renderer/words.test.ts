import { describe, expect, it } from 'vitest';
import { errorLine } from '../../../renderer/features/error-words.ts';
import { groupWords } from '../../../renderer/features/groups/group-words.ts';
import { words } from '../../../renderer/features/words.ts';
import { ERROR_CODES } from '../../../shared/base/errors.ts';

/** every text, with functions called with something that stands out */
function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'function') return [String((value as (...given: unknown[]) => unknown)('Zoe', 'Zoe'))];
  return Object.values(value as object).flatMap(texts);
}

describe('words', () => {
  it.each(ERROR_CODES)('for %s are plain: sentence case, no code, nobody to blame', (code) => {
    const line = errorLine(code, 'Bob');
    expect(line.length).toBeGreaterThan(5);
    expect(line).toMatch(/^[A-Z]/);
    expect(line).not.toMatch(/[.!:]$|\b\d{3}\b|SIP|MSRP|CPIM|IMDN|SDP|XML|[a-z]+\.[a-z-]+|\b(we|oops|sorry|error|invalid)\b/i);
  });

  it('for an error of another person name that person, also without a name', () => {
    expect(errorLine('peer.timeout', 'Bob')).toBe('No answer from Bob');
    expect(errorLine('peer.declined')).toBe('The other person declined');
  });

  it('are neutral statements everywhere', () => {
    const all = [...texts(words), ...texts(groupWords)];
    expect(all.length).toBeGreaterThan(80);
    for (const text of all) {
      expect(text).not.toMatch(/!|\b(we|our|oops|sorry|please)\b/i);
      expect(text.trim()).toBe(text);
    }
  });
});
