import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openHandle } from '../../../electron/sqlite/handles.ts';
import { openDatabase } from '../../../electron/store/database.ts';
import { initial } from '../../../electron/store/migrations/0001-initial.ts';
import { prefixes } from '../../../electron/store/migrations/0009-prefixes.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import { createReads } from '../../../electron/store/reads.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { BOB, CAROL, composeFile, type InThread, NOTHING_ASKED, offer, openInThread, openWith } from './fixture.ts';

const folder = temporaryFolder();
type Store = InThread['store'];

let written = 0;
function say(store: Store, text: string, peer = BOB): number {
  written += 1;
  const row = { peer, title: peer, cpmConversationId: 'c', contributionId: 'd', imdnId: `say ${written}`, sentAt: 1, now: 1 };
  return store.receiveText({ ...row, text, notify: NOTHING_ASKED }).message.id;
}

const texts = (store: Store, text: string, conversationId?: number) =>
  store.searchMessages({ text, conversationId, limit: 50 }).items.map(({ message }) => message.transfer?.name ?? message.text);

/** the marked pieces of each hit */
const marks = (store: Store, text: string) =>
  store.searchMessages({ text, limit: 50 }).items.map(({ message, ranges }) => {
    const whole = message.transfer?.name ?? message.text;
    return ranges.map(([from, to]) => whole.slice(from, to));
  });

describe('what is found', () => {
  test('words by their start, all of them, in any order, newest first', () => {
    const { store } = openInThread();
    for (const text of ['Lunch on Friday', 'friday: the lunchroom', 'Monday', 'lunch']) say(store, text);
    expect(texts(store, 'lun')).toEqual(['lunch', 'friday: the lunchroom', 'Lunch on Friday']);
    expect(texts(store, 'fri LUNCH')).toEqual(['friday: the lunchroom', 'Lunch on Friday']);
    expect(texts(store, 'room')).toEqual([]);
    expect(texts(store, 'm')).toEqual(['Monday']);
  });

  test.each([
    ['Grüße aus Łódź', 'grusse lodz', ['Grüße', 'Łódź']],
    ['Crème brûlée', 'creme BRU', ['Crème', 'brû']],
    ['de\u0301ja\u0300 vu', 'déjà', ['de\u0301ja\u0300']],
    ['ΟΔΟΣ', 'οδός', ['ΟΔΟΣ']],
    ['שָׁלוֹם', 'שלום', ['שָׁלוֹם']],
    ['ﬁne print', 'fin', ['ﬁn']],
    ['नमस्ते दुनिया', 'दुनि', ['दुनि']],
  ])('%s by %s: case and accents do not count', (text, query, marked) => {
    const { store } = openInThread();
    say(store, text);
    expect(marks(store, query)).toEqual([marked]);
  });

  test.each([
    ['我在东京都工作', '东京', ['东京']],
    ['我在东京都工作', '京都工', ['京都工']],
    ['我在东京都工作', '作', ['作']],
    ['打ち合わせはカフェで', 'カフェ', ['カフェ']],
    ['カ\u3099ラス', 'ガラス', ['カ\u3099ラス']],
    ['서울대학교에서', '대학교', ['대학교']],
    ['각각'.normalize('NFD'), '각', [...['각', '각'].map((each) => each.normalize('NFD'))]],
    ['สวัสดีครับ', 'ครับ', ['ครับ']],
    ['会议room三', 'room 三', ['room', '三']],
    ['𠮷野家', '野家', ['野家']],
  ])('%s by %s: scripts without spaces by any part', (text, query, marked) => {
    const { store } = openInThread();
    say(store, text);
    say(store, '完全不同 другое');
    expect(marks(store, query).map((pieces) => pieces.join(' '))).toEqual([marked.join(' ')]);
  });

  test('parts that do not stand together are not one', () => {
    const { store } = openInThread();
    say(store, '东 京, 京东');
    expect(texts(store, '东京')).toEqual([]);
  });

  test('emoji, whatever their skin, and flags', () => {
    const { store } = openInThread();
    say(store, 'well done 👍🏽 🇪🇺');
    for (const query of ['👍', '👍🏽', '🇪🇺 well']) expect(texts(store, query), query).toHaveLength(1);
    expect(texts(store, '👎')).toEqual([]);
  });

  test('file names, sent and offered', () => {
    const { store } = openInThread();
    composeFile(store, openWith(store).id, 'holiday_photo-2026');
    offer(store, 'o');
    expect(texts(store, 'photo')).toEqual(['holiday_photo-2026.png']);
    expect(texts(store, 'png')).toEqual(['a.png', 'holiday_photo-2026.png']);
  });

  test('in one conversation, with how many there are', () => {
    const { store } = openInThread();
    for (let n = 0; n < 5; n++) say(store, `hello ${n}`, n % 2 === 0 ? BOB : CAROL);
    const { id } = openWith(store, CAROL);
    const page = store.searchMessages({ text: 'hello', conversationId: id, limit: 1 });
    expect(page).toMatchObject({ items: [{ message: { text: 'hello 3' }, peer: CAROL }], more: true, count: 2 });
    expect(store.searchMessages({ text: 'hello', limit: 9 })).toMatchObject({ more: false, count: null });
    // the conversation's own word is nobody's to type
    expect(texts(store, `\uE000${id}`)).toEqual(texts(store, `${id}`));
  });

  test('page by page, without a gap or a row twice', () => {
    const { store } = openInThread();
    const ids = Array.from({ length: 25 }, (_, n) => say(store, `needle ${n}`));
    const seen: number[] = [];
    let page = store.searchMessages({ text: 'nee', limit: 10 });
    while (page.items.length > 0) {
      seen.push(...page.items.map(({ message }) => message.id));
      expect(page.more).toBe(seen.length < 25);
      page = store.searchMessages({ text: 'nee', before: seen.at(-1), limit: 10 });
    }
    expect(seen).toEqual(ids.reverse());
  });
});

describe('what a person types is never an instruction', () => {
  test.each([
    '"',
    '"""',
    "'; DROP TABLE messages; --",
    'a AND',
    'NOT a',
    'a OR b',
    'NEAR(a b, 2)',
    '^a',
    'a*',
    '*',
    '-a',
    'words:a',
    '{words}:a',
    'a + b',
    '(a',
    '\\',
    '\0',
    '\uD800',
    '',
    '   ',
    '\uE0001',
  ])('%j', (text) => {
    const { store } = openInThread();
    say(store, 'nothing of that');
    expect(() => store.searchMessages({ text, limit: 5 })).not.toThrow();
  });

  test('operators are words', () => {
    const { store } = openInThread();
    say(store, 'black and white');
    say(store, 'black');
    expect(texts(store, 'black AND white')).toEqual(['black and white']);
    expect(texts(store, 'black OR')).toEqual([]);
    expect(texts(store, '"white')).toEqual(['black and white']);
    expect(texts(store, 'NOT black')).toEqual([]);
  });

  test('10 000 characters, words as long as that, and marks without end', () => {
    const { store } = openInThread();
    const long = 'a'.repeat(10_000);
    say(store, long);
    say(store, `z${'\u0301'.repeat(50_000)}algo`);
    expect(texts(store, long)).toHaveLength(1);
    expect(texts(store, 'zalgo')).toHaveLength(1);
    expect(texts(store, Array.from({ length: 3000 }, (_, n) => `w${n}`).join(' '))).toEqual([]);
    expect(texts(store, '东'.repeat(10_000))).toEqual([]);
  });
});

describe('what is shown of a hit', () => {
  test('ranges of the original text, without overlaps', () => {
    const { store } = openInThread();
    say(store, 'Meet me: meeting <b>');
    expect(marks(store, 'me meet b')).toEqual([['Meet', 'me', 'meet', 'b']]);
    say(store, 'straße, STRASSE');
    expect(marks(store, 'stras')).toEqual([['straß', 'STRAS']]);
  });

  test('an excerpt that holds the first of them and cuts no character', () => {
    const { store } = openInThread();
    const text = `${'word '.repeat(100)}needle ${'😀'.repeat(300)}`;
    say(store, text);
    const hit = store.searchMessages({ text: 'need', limit: 1 }).items[0];
    const [from, to] = hit?.excerpt ?? [0, 0];
    expect(text.slice(from, to)).toMatch(/^word( word)* needle 😀+$/u);
    expect(to - from).toBeLessThan(170);
    say(store, 'needle at once');
    expect(store.searchMessages({ text: 'need', limit: 1 }).items[0]?.excerpt).toEqual([0, 14]);
  });
});

describe('the index follows the messages', () => {
  test('one that moves or goes is not found where it was', () => {
    const { database, store } = openInThread();
    const id = say(store, 'needle');
    const carol = openWith(store, CAROL).id;
    database.prepare('UPDATE messages SET conversation_id = ? WHERE id = ?').run(carol, id);
    expect(texts(store, 'needle', carol)).toEqual(['needle']);
    expect(texts(store, 'needle', openWith(store).id)).toEqual([]);
    database.prepare('DELETE FROM conversations WHERE id = ?').run(carol);
    expect(texts(store, 'needle')).toEqual([]);
    expect(database.prepare("SELECT count(*) AS n FROM message_search WHERE message_search MATCH 'needle'").get()).toEqual({ n: 0 });
  });

  test('2: a store of version 1 with messages and files is searched whole', () => {
    const path = join(folder, 'one.db');
    const old = openDatabase({ path, nativeBinding: null, migrations: [initial] });
    old.exec(`
      INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at) VALUES (1, 'sip:b@c', 'Bob', 'c', 1);
      INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
        VALUES (1, 1, 'in', 'text', 'Grüße aus 东京', 'read', 1, 1, 'a', 'a'), (2, 1, 'in', 'file', '', 'read', 1, 1, 'b', 'b');
      INSERT INTO transfers (message_id, state, name, type, size) VALUES (2, 'done', 'report.pdf', 'application/pdf', 5);
    `);
    old.close();
    const database = openDatabase({ path, nativeBinding: null });
    const reads = createReads(openHandle(database));
    const ids = (text: string) => reads.searchMessages({ text, conversationId: 1, limit: 5 }).items.map(({ message }) => message.id);
    expect([ids('grus'), ids('东京'), ids('report pdf'), ids('nothing')]).toEqual([[1], [1], [2], []]);
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    database.close();
  });
});

test('a store of the version before is found in as it was, and goes on being indexed', () => {
  const path = join(folder, 'without-four.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, MIGRATIONS.indexOf(prefixes)) });
  before.exec(`
    INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at) VALUES (1, '${BOB}', 'Bob', 'c', 1);
    INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id) VALUES
      (1, 1, 'in', 'text', 'the bridges of Königsberg', 'read', 1, 1, 'm1', 'd'), (2, 1, 'in', 'file', '', 'read', 2, 2, 'm2', 'd');
    INSERT INTO transfers (message_id, state, name, type, size) VALUES (2, 'done', 'bridge plan.pdf', 'application/pdf', 5);
  `);
  before.close();
  const { database, store } = openInThread(path);
  expect(texts(store, 'brid')).toEqual(['bridge plan.pdf', 'the bridges of Königsberg']);
  expect(texts(store, 'konigsb', 1)).toEqual(['the bridges of Königsberg']);
  const added = say(store, 'a bridge too far');
  expect(texts(store, 'brid', 1)).toHaveLength(3);
  store.removeMessage({ messageId: added, now: 5 });
  expect(texts(store, 'brid')).toHaveLength(2);
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  database.close();
});

test('a page around a message', () => {
  const { store } = openInThread();
  const ids = Array.from({ length: 20 }, (_, n) => say(store, `text ${n}`));
  const { id: conversationId } = openWith(store);
  const around = (at: number) => {
    const page = store.messages({ conversationId, around: ids[at] as number, limit: 6 });
    return [page.items.map(({ id }) => ids.indexOf(id)), page.moreBefore, page.moreAfter];
  };
  expect(around(10)).toEqual([[8, 9, 10, 11, 12, 13], true, true]);
  expect(around(0)).toEqual([[0, 1, 2, 3, 4, 5], false, true]);
  expect(around(19)).toEqual([[17, 18, 19], true, false]);
  expect(() => store.messages({ conversationId: 9, around: 1, limit: 6 })).toThrow();
});
