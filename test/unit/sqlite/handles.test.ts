import SqliteDatabase from 'better-sqlite3';
import { expect, test } from 'vitest';
import { inTransactions, openHandle } from '../../../electron/sqlite/handles.ts';

test('of a call that does two things and fails between them nothing stays', () => {
  const database = new SqliteDatabase(':memory:');
  database.exec('CREATE TABLE things (name TEXT)');
  const handle = openHandle(database);
  const insert = handle.change('INSERT INTO things VALUES (:name)');
  const calls = inTransactions(handle, {
    both(second: () => string): string {
      insert({ name: 'first' });
      // as it is where the process ends
      expect(database.inTransaction).toBe(true);
      insert({ name: second() });
      return 'done';
    },
  });
  const fails = (): string => {
    throw new Error('halfway');
  };
  expect(() => calls.both(fails)).toThrow('halfway');
  expect(database.prepare('SELECT * FROM things').all()).toEqual([]);
  expect(calls.both(() => 'second')).toBe('done');
  expect(database.prepare('SELECT name FROM things').pluck().all()).toEqual(['first', 'second']);
  database.close();
});
