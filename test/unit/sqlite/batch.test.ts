import SqliteDatabase from 'better-sqlite3';
import { expect, test } from 'vitest';
import { runBatch } from '../../../electron/sqlite/batch.ts';
import type { Request } from '../../../electron/sqlite/worker-protocol.ts';

const requests: Request[] = [1, 2, 3].map((id) => ({ id, method: 'setting', args: [] }));

function open() {
  const database = new SqliteDatabase(':memory:');
  database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY)');
  const add = database.transaction((id: number) => database.prepare('INSERT INTO t VALUES (?)').run(id).lastInsertRowid);
  return { database, add, ids: () => database.prepare('SELECT id FROM t').pluck().all() };
}

test('requests that wait together share a transaction; one that fails takes back its own changes only', () => {
  const { database, add, ids } = open();
  const shared: boolean[] = [];
  const answers = runBatch(
    database,
    ({ id }) => {
      shared.push(database.inTransaction);
      return database.transaction(() => {
        add(id);
        if (id === 2) throw new TypeError('no');
        return id;
      })();
    },
    requests,
  );
  expect(shared).toEqual([true, true, true]);
  expect(answers.map((answer) => answer.ok)).toEqual([true, false, true]);
  expect(ids()).toEqual([1, 3]);
});

test('a transaction that SQLite takes back is done again, one request after the other', () => {
  const { database, add, ids } = open();
  const answers = runBatch(
    database,
    ({ id }) => {
      if (id === 2) {
        if (database.inTransaction) database.exec('ROLLBACK');
        throw new SqliteDatabase.SqliteError('database or disk is full', 'SQLITE_FULL');
      }
      return add(id);
    },
    requests,
  );
  expect(answers).toMatchObject([{ ok: true }, { ok: false, error: { code: 'store.full' } }, { ok: true }]);
  expect(ids()).toEqual([1, 3]);
});

test('a commit that fails is found out request by request', () => {
  const { database, add, ids } = open();
  database.pragma('foreign_keys = ON');
  database.exec('CREATE TABLE child (id REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)');
  const orphan = database.transaction(() => database.prepare('INSERT INTO child VALUES (99)').run());
  const answers = runBatch(database, ({ id }) => (id === 2 ? orphan() : add(id)), requests);
  expect(answers.map((answer) => answer.ok)).toEqual([true, false, true]);
  expect(ids()).toEqual([1, 3]);
});
