import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openInThread } from '../../unit/store/fixture.ts';

/** few letters, so that words meet; accents, case, and a script without spaces */
const letter = fc.constantFrom('a', 'B', 'c', 'é', 'E', 'ß', 'S', '1');
const word = fc.string({ unit: letter, minLength: 1, maxLength: 5 });
const run = fc.string({ unit: fc.constantFrom('东', '京', '都'), minLength: 1, maxLength: 4 });
const gap = fc.constantFrom(' ', '  ', '-', ', ', '" ', '\n', ' * ');
const text = fc.array(fc.tuple(fc.oneof({ weight: 3, arbitrary: word }, run), gap), { maxLength: 6 }).map((parts) => parts.flat().join(''));
const query = fc.array(fc.oneof(word, run), { minLength: 1, maxLength: 3 });

/** What a search means, without an index: every word begins a word; a run of the other script stands anywhere. */
function naive(content: string, words: readonly string[]): boolean {
  const simple = (one: string) => one.normalize('NFD').replaceAll('\u0301', '').toLowerCase().replaceAll('ß', 'ss');
  const all = simple(content).match(/[a-z0-9]+/g) ?? [];
  return words.map(simple).every((one) => (/[东京都]/.test(one) ? content.includes(one) : all.some((each) => each.startsWith(one))));
}

test('a search finds what looking at every message finds, newest first, in all and in one conversation', () => {
  const message = fc.record({ peer: fc.constantFrom('sip:b@c', 'sip:d@e'), text });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 25 }), fc.array(query, { minLength: 1, maxLength: 8 }), (messages, queries) => {
      const { database, store } = openInThread();
      const rows = messages.map((row, n) => {
        const ids = { cpmConversationId: 'c', contributionId: 'd', imdnId: `i${n}` };
        const { id } = store.openConversation({ peer: row.peer, title: '', cpmConversationId: 'c', now: 1 });
        return { ...row, ...store.composeText({ conversationId: id, text: row.text, now: 1, ...ids }).message };
      });
      for (const words of queries) {
        for (const conversationId of [undefined, 1]) {
          const expected = rows.filter((row) => naive(row.text, words) && (conversationId ?? row.conversationId) === row.conversationId);
          const found = store.searchMessages({ text: words.join(' '), conversationId, limit: 100 });
          expect(found.items.map((hit) => hit.message.id)).toEqual(expected.map(({ id }) => id).reverse());
          if (conversationId !== undefined) expect(found.count).toBe(expected.length);
          for (const { message, ranges, excerpt } of found.items) {
            expect(ranges.length).toBeGreaterThan(0);
            const flat = ranges.flat();
            expect(flat).toEqual([...flat].sort((a, b) => a - b));
            expect(flat.at(-1)).toBeLessThanOrEqual(message.text.length);
            expect(excerpt[0]).toBeLessThanOrEqual(flat[0] as number);
          }
        }
      }
      database.close();
    }),
    { numRuns: 150 },
  );
});

test('whatever is written and whatever is typed, a search answers', () => {
  const { store } = openInThread();
  const { id } = store.openConversation({ peer: 'sip:b@c', title: '', cpmConversationId: 'c', now: 1 });
  let n = 0;
  const anything = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ unit: 'grapheme', maxLength: 60 }), fc.string());
  fc.assert(
    fc.property(anything, anything, (content, typed) => {
      n += 1;
      store.composeText({ conversationId: id, text: content, imdnId: `a${n}`, contributionId: 'd', now: 1 });
      const { items } = store.searchMessages({ text: typed, limit: 20 });
      for (const { message, ranges } of items) for (const [from, to] of ranges) expect(message.text.slice(from, to)).not.toBe('');
      const own = store.searchMessages({ text: content, limit: 20 }).items.map(({ message }) => message.imdnId);
      if (/[a-z0-9]/.test(content)) expect(own).toContain(`a${n}`);
    }),
    { numRuns: 400 },
  );
});
