import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { databaseError, suspect } from '../../../electron/sqlite/database.ts';
import { openHandle } from '../../../electron/sqlite/handles.ts';
import type { Migration } from '../../../electron/sqlite/migration.ts';
import { APPLICATION_ID, openDatabase } from '../../../electron/store/database.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { BOB, compose, openInThread, openWith } from './fixture.ts';

const folder = temporaryFolder();
let files = 0;
const newPath = () => {
  files += 1;
  return join(folder, `store-${files}.db`);
};
const open = (path: string, migrations: readonly Migration[] = MIGRATIONS) => openDatabase({ path, nativeBinding: null, migrations });

describe('opening', () => {
  test('sets what a commit and a reference are worth', () => {
    const database = open(newPath());
    const pragma = (name: string) => database.pragma(name, { simple: true });
    expect(pragma('journal_mode')).toBe('wal');
    expect(pragma('synchronous')).toBe(2);
    expect(pragma('foreign_keys')).toBe(1);
    expect(pragma('application_id')).toBe(APPLICATION_ID);
    expect(pragma('user_version')).toBe(MIGRATIONS.at(-1)?.version);
    database.close();
  });

  test('one process at a time', () => {
    const path = newPath();
    const first = open(path);
    const second = new SqliteDatabase(path, { timeout: 0 });
    expect(() => second.pragma('user_version')).toThrow(expect.objectContaining({ code: 'SQLITE_BUSY' }));
    second.close();
    first.close();
    open(path).close();
  });

  test('an empty file becomes a store', () => {
    const path = newPath();
    writeFileSync(path, '');
    open(path).close();
    expect(readFileSync(path).length).toBeGreaterThan(0);
  });
});

describe('a damaged file is set aside, never deleted', () => {
  test('what is no database', () => {
    const path = newPath();
    for (const [count, content] of [`not a database ${'x'.repeat(5000)}`, 'nor this'].entries()) {
      writeFileSync(path, content);
      expect(() => open(path)).toThrow(
        expect.objectContaining({ code: 'store.corrupt', detail: expect.stringContaining(`.corrupt-${count + 1}`) }),
      );
      expect(readFileSync(`${path}.corrupt-${count + 1}`, 'utf8')).toBe(content);
      expect(existsSync(path)).toBe(false);
    }
    open(path).close();
  });

  test('a database of somebody else', () => {
    const path = newPath();
    new SqliteDatabase(path).exec('CREATE TABLE theirs (a)').close();
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'store.corrupt' }));
    expect(existsSync(`${path}.corrupt-1`)).toBe(true);
  });

  test('its log goes with it', () => {
    const path = newPath();
    writeFileSync(path, 'x'.repeat(4096));
    writeFileSync(`${path}-wal`, 'the log');
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'store.corrupt' }));
    expect(readFileSync(`${path}.corrupt-1-wal`, 'utf8')).toBe('the log');
  });

  test('a log without its database is kept, too', () => {
    const path = newPath();
    writeFileSync(`${path}-wal`, 'the log');
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'store.corrupt' }));
    expect(readFileSync(`${path}.corrupt-1-wal`, 'utf8')).toBe('the log');
    open(path).close();
  });

  test('damage met while at work is looked for at the next opening', () => {
    const path = newPath();
    const { database, store } = openInThread(path);
    const { id } = openWith(store);
    for (let n = 0; n < 200; n++) compose(store, id, `i${n}`);
    database.close();
    const content = readFileSync(path);
    const page = Math.floor(content.indexOf('text i100') / 4096);
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(4096, 0x5a), 0, 4096, page * 4096);
    closeSync(file);

    const damaged = openInThread(path);
    let met: unknown;
    try {
      for (let n = 1; n <= 200; n++) damaged.store.message(n);
    } catch (thrown) {
      met = thrown;
    }
    expect(databaseError(met).code).toBe('store.corrupt');
    damaged.database.close();
    suspect(path);
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'store.corrupt' }));
    expect(readFileSync(`${path}.corrupt-1`).length).toBe(content.length);
    open(path).close();
    expect(readdirSync(folder).filter((name) => name.endsWith('.suspect'))).toEqual([]);
  });

  test('a suspicion that proves wrong goes away', () => {
    const path = newPath();
    open(path).close();
    suspect(path);
    open(path).close();
    expect(existsSync(`${path}.suspect`)).toBe(false);
    expect(existsSync(`${path}.corrupt-1`)).toBe(false);
  });
});

describe('migrations', () => {
  const more = (sql: string): Migration[] => [...MIGRATIONS, { version: (MIGRATIONS.at(-1)?.version ?? 0) + 1, sql }];

  test('are numbered without gaps', () => {
    expect(MIGRATIONS.map((migration) => migration.version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });

  test('1: an empty file, the version before the first, becomes a store that works', () => {
    const path = newPath();
    const before = new SqliteDatabase(path);
    expect(before.pragma('user_version', { simple: true })).toBe(0);
    before.close();
    const { database, store } = openInThread(path);
    compose(store, openWith(store).id, 'i');
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(database.pragma('foreign_key_check')).toEqual([]);
    database.close();
  });

  test('the next one runs once and keeps what is there', () => {
    const path = newPath();
    const { database, store } = openInThread(path);
    compose(store, openWith(store).id, 'i');
    database.close();
    for (let n = 0; n < 2; n++) {
      const next = open(path, more('ALTER TABLE messages ADD COLUMN extra TEXT'));
      expect(next.prepare('SELECT imdn_id, extra FROM messages').all()).toEqual([{ imdn_id: 'i', extra: null }]);
      next.close();
    }
  });

  test('one that fails leaves the version before it', () => {
    const path = newPath();
    open(path).close();
    expect(() => open(path, more('CREATE TABLE half (a); SELECT * FROM nowhere'))).toThrow(expect.objectContaining({ code: 'internal' }));
    const database = open(path);
    expect(database.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length);
    expect(database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'half'").get()).toEqual({ n: 0 });
    database.close();
  });

  test('a file of a newer version is refused and left as it is', () => {
    const path = newPath();
    open(path, more('CREATE TABLE newer (a)')).close();
    const before = readFileSync(path);
    expect(() => open(path)).toThrow(expect.objectContaining({ code: 'store.newer-version' }));
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

test('a handle for reading prepares no write, and one for writing no read', () => {
  const database = open(newPath());
  const handle = openHandle(database);
  expect(() => handle.one('DELETE FROM messages RETURNING id')).toThrow(TypeError);
  expect(() => handle.change('SELECT 1')).toThrow(TypeError);
  database.close();
});

test('a write that fails halfway leaves nothing', () => {
  const { database, store } = openInThread();
  const { id } = openWith(store);
  database.exec("CREATE TRIGGER stop BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'stop'); END");
  expect(() => compose(store, id, 'i')).toThrow();
  expect(store.messages({ conversationId: id, limit: 5 }).items).toEqual([]);
  expect(store.conversation(id)).toMatchObject({ peer: BOB, last: null });
});
