import type { Database } from 'better-sqlite3';

export type Value = string | number | Uint8Array | null;
/** by name, without the colon of the SQL text */
export type Params = Readonly<Record<string, Value>>;

/** A database as queries see it: nothing that is prepared through it can write. */
export interface ReadHandle {
  one<Row>(sql: string): (params: Params) => Row | undefined;
  many<Row>(sql: string): (params: Params) => Row[];
}

/** A database as writers see it. */
export interface WriteHandle extends ReadHandle {
  change(sql: string): (params: Params) => { readonly changes: number; readonly id: number };
  /** Commits when `run` returns, and leaves nothing of it when it throws. */
  atomically<T>(run: () => T): T;
}

/** @param onPrepare sees every SQL text once, so that a test can ask for its plan */
export function openHandle(database: Database, onPrepare: (sql: string) => void = () => undefined): WriteHandle {
  const prepare = <Row>(sql: string, writes: boolean) => {
    onPrepare(sql);
    const statement = database.prepare<[Params], Row>(sql);
    if (statement.readonly === writes) throw new TypeError(`${writes ? 'does not write' : 'writes'}: ${sql}`);
    return statement;
  };
  return {
    one<Row>(sql: string) {
      const statement = prepare<Row>(sql, false);
      return (params) => statement.get(params);
    },
    many<Row>(sql: string) {
      const statement = prepare<Row>(sql, false);
      return (params) => statement.all(params);
    },
    change(sql) {
      const statement = prepare(sql, true);
      return (params) => {
        const { changes, lastInsertRowid } = statement.run(params);
        return { changes, id: Number(lastInsertRowid) };
      };
    },
    // the lock is taken at once: a transaction that only finds out at its first write that it cannot have it would fail halfway
    atomically: (run) => database.transaction(run).immediate(),
  };
}

/** The same calls, each whole or not at all: whatever ends the process, nothing stays of one half. */
export function inTransactions<C extends object>(handle: WriteHandle, calls: C): C {
  const wrapped = Object.entries(calls).map(([name, call]) => {
    const run = call as (...args: readonly unknown[]) => unknown;
    return [name, (...args: readonly unknown[]) => handle.atomically(() => run(...args))];
  });
  return Object.fromEntries(wrapped) as C;
}
