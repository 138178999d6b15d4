import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandOf } from '../../../renderer/app/shortcuts.ts';
import { formatAmount, formatDay, formatDuration, formatRate, formatSize } from '../../../renderer/features/format.ts';
import { textParts } from '../../../renderer/features/thread/text-parts.ts';
import { isolated } from '../../../renderer/ui/bidi.ts';

describe('links in a text', () => {
  it('are found, and only those that lead outside safely', () => {
    expect(textParts('see https://example.com/a(b), www.example.org or bob@example.com.')).toEqual([
      { text: 'see ', url: null },
      { text: 'https://example.com/a(b)', url: 'https://example.com/a(b)' },
      { text: ', ', url: null },
      { text: 'www.example.org', url: 'http://www.example.org/' },
      { text: ' or ', url: null },
      { text: 'bob@example.com', url: 'mailto:bob@example.com' },
      { text: '.', url: null },
    ]);
    for (const text of ['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'ftp://example.com/x', '//example.com/x']) {
      expect(textParts(text).filter(({ url }) => url !== null && !/^(https?|mailto):/.test(url))).toEqual([]);
    }
  });

  it('never change the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        (text) =>
          textParts(text)
            .map((part) => part.text)
            .join('') === text,
      ),
    );
    const hostile = 'http://a.b/'.repeat(9000);
    expect(
      textParts(hostile)
        .map((part) => part.text)
        .join(''),
    ).toBe(hostile);
  });
});

describe('numbers', () => {
  it('are sizes in decimal units', () => {
    expect([0, 1, 999, 1000, 312_345, 999_951, 64_000_000, 2_147_483_648].map((octets) => formatSize(octets, 'en'))).toEqual([
      '0 bytes',
      '1 byte',
      '999 bytes',
      '1 kB',
      '312 kB',
      '1.0 MB',
      '64.0 MB',
      '2.1 GB',
    ]);
  });

  it('are amounts in the unit of the whole', () => {
    expect(formatAmount(400, 64_000_000, 'en')).toEqual({ done: '0.0', all: '64.0 MB' });
    expect(formatAmount(12_400_000, 64_000_000, 'de')).toEqual({ done: '12,4', all: '64,0 MB' });
  });

  it('are speeds and times left', () => {
    expect([900, 1_440_000, 38_000_000].map((rate) => formatRate(rate, 'en'))).toEqual(['0.9 kB', '1.4 MB', '38 MB']);
    expect([0.2, 2, 59, 300, 4800, 7200].map((seconds) => formatDuration(seconds, 'en'))).toEqual([
      '1 s',
      '2 s',
      '59 s',
      '5 min',
      '1 h 20 min',
      '2 h',
    ]);
  });

  it('are days by the calendar', () => {
    const names = { today: 'Today', yesterday: 'Yesterday' };
    const morning = new Date(2026, 10, 20, 0, 5).getTime();
    expect(formatDay(morning, morning, names)).toBe('Today');
    expect(formatDay(morning - 600_000, morning, names)).toBe('Yesterday');
    expect(formatDay(morning - 3 * 86_400_000, morning, names)).toContain('17');
  });
});

describe('a key press', () => {
  const press = (key: string, more: object = {}) =>
    commandOf({ key, code: '', ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, isComposing: false, ...more }, false);

  it('is a command', () => {
    expect(press('n', { ctrlKey: true })).toBe('create');
    expect(press('N', { ctrlKey: true })).toBe('create');
    expect(press('k', { ctrlKey: true })).toBe('find');
    expect(press('/', { ctrlKey: true })).toBe('sheet');
    expect(press('7', { ctrlKey: true, shiftKey: true, code: 'Slash' })).toBe('sheet');
    expect(press('ArrowUp', { altKey: true })).toBe('previous');
    expect(press('F6', { shiftKey: true })).toBe('pane-back');
    expect(press('Escape')).toBe('leave');
  });

  it('is none where it means something else', () => {
    expect(press('n')).toBeNull();
    expect(press('n', { metaKey: true })).toBeNull();
    expect(press('n', { ctrlKey: true, altKey: true })).toBeNull();
    expect(press('ArrowUp')).toBeNull();
    expect(press('Escape', { isComposing: true })).toBeNull();
  });

  it('takes Command for Control on Apple keyboards', () => {
    expect(
      commandOf({ key: 'n', code: 'KeyN', ctrlKey: false, metaKey: true, altKey: false, shiftKey: false, isComposing: false }, true),
    ).toBe('create');
  });
});

describe('a name within a sentence', () => {
  it('cannot turn the sentence round', () => {
    expect(isolated('Bob Baker')).toBe('Bob Baker');
    expect(isolated('נועה')).toBe('\u2068נועה\u2069');
    expect(isolated('Bob\u202e\u2069 relaB')).toBe('\u2068Bob relaB\u2069');
  });
});
