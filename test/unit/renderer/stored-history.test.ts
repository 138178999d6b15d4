import { expect, test } from 'vitest';
import type { Bridge } from '../../../renderer/bridge/bridge.ts';
import { historyWords } from '../../../renderer/features/history/history-words.ts';
import { StoredHistory } from '../../../renderer/features/history/stored-history.svelte.ts';
import { storedLine } from '../../../renderer/features/history/stored-lines.ts';
import { ParleyError } from '../../../shared/base/errors.ts';

const BOB = { peer: 'sip:bob@parley.example', name: 'Bob', items: 3, lastAt: 1 };

function view(answers: Partial<Record<string, () => unknown>>): StoredHistory {
  const call = async (method: string): Promise<unknown> => answers[method]?.();
  return new StoredHistory({ call } as unknown as Bridge);
}

test('R-PF-03 what is fetched is told, and what is deleted leaves the list', async () => {
  const history = view({
    'history.people': () => ({ items: [BOB] }),
    'history.fetch': () => ({ conversationId: 1, fetched: 2, known: 1, left: 1 }),
    'history.remove': () => ({ removed: 3 }),
  });
  await history.load();
  expect(history.people).toEqual([BOB]);
  await history.fetch(BOB.peer);
  expect(history.fetched).toMatchObject({ peer: BOB.peer, fetched: 2 });
  expect(historyWords.fetched(2, 1, 1)).toBe('2 texts are here now, 1 was here already. 1 other item stays in the archive.');
  history.asked = BOB.peer;
  await history.remove(BOB.peer);
  expect([history.people, history.asked, history.busy]).toEqual([[], null, null]);
});

test('an archive that does not answer is told, one that is not there is not shown', async () => {
  const away = view({
    'history.people': () => {
      throw new ParleyError('history.unreachable', 'down');
    },
  });
  await away.load();
  expect(away.error?.code).toBe('history.unreachable');
  const none = view({
    'history.people': () => {
      throw new ParleyError('request.invalid-state', 'none');
    },
  });
  await none.load();
  expect([none.isMissing, none.error]).toEqual([true, null]);
});

test('R-PF-21 what is stored is shown and hidden; what can be forwarded has what the conversation shows of it', async () => {
  const item = { id: 'c1;UID=1', peer: BOB.peer, direction: 'in', sentAt: Date.UTC(2026, 2, 2, 9), octets: 4_200_000 } as const;
  const found = { items: [{ ...item, kind: 'text', text: 'hello' }], more: false } as const;
  const history = view({ 'history.items': () => found });
  await history.show(BOB.peer);
  expect(history.shown).toEqual({ peer: BOB.peer, items: found });
  await history.show(BOB.peer);
  expect(history.shown).toBeNull();
  const forwarded = (kind: 'text' | 'file' | 'session' | 'missed' | 'other', text: string) =>
    storedLine({ ...item, kind, text }, 'Bob').forwarded;
  expect(forwarded('text', 'x'.repeat(300))).toBe(`${'x'.repeat(300)}…`);
  expect([forwarded('file', 'ridge.jpg'), forwarded('file', '')]).toEqual(['ridge.jpg', 'File']);
  expect(forwarded('session', '')).toContain('2026');
  expect([forwarded('missed', ''), forwarded('other', '')]).toEqual([null, null]);
});

test('R-PF-21 where the archive does not answer nothing stays open', async () => {
  const history = view({
    'history.items': () => {
      throw new ParleyError('history.unreachable', 'down');
    },
  });
  await history.show(BOB.peer);
  expect([history.shown, history.error?.code]).toEqual([null, 'history.unreachable']);
});
