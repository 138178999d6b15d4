import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { type CodedError, ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { migrate, schemaVersion } from './migrate.ts';
import type { Migration } from './migration.ts';

/** how every SQLite file begins */
const MAGIC = Buffer.from('SQLite format 3\0', 'latin1');
/** how long another process may hold the file before it counts as in use, ms */
const BUSY_MS = 5000;
/** pages in memory, KiB, taken up as they are read: the messages of one conversation stand among those of all others */
const CACHE_KIB = 32 * 1024;
/** after a checkpoint the write-ahead log shrinks to this many octets */
const LOG_LIMIT = 8 * 1024 * 1024;

export interface DatabaseFile {
  readonly path: string;
  /** a better-sqlite3 addon built for this runtime, where the package's own does not load in it */
  readonly nativeBinding: string | null;
}

/** What one kind of database is. */
export interface DatabaseKind {
  /** four octets in the file's head: tells file(1), and us, whose it is */
  readonly applicationId: number;
  /** in order, without gaps, from 1 */
  readonly migrations: readonly Migration[];
  /** functions that the schema's triggers call */
  readonly prepare?: (database: Database) => void;
}

/**
 * Opens a database of that kind, or makes it. A file that is no sound one is set aside with its log as `<name>.corrupt-<n>`, never
 * deleted; opening again begins a new one.
 * @throws ParleyError `store.corrupt`, `store.newer-version`, `store.full`, `internal` (in use by another process, no access)
 */
export function openDatabaseFile({ path, nativeBinding }: DatabaseFile, kind: DatabaseKind): Database {
  let database: Database | null = null;
  try {
    refuseForeign(path);
    database = new SqliteDatabase(path, { timeout: BUSY_MS, ...(nativeBinding === null ? {} : { nativeBinding }) });
    configure(database, path, kind);
    return database;
  } catch (thrown) {
    database?.close();
    const error = databaseError(thrown);
    if (error.code !== 'store.corrupt') throw new ParleyError(error.code, error.detail, { cause: thrown });
    throw new ParleyError('store.corrupt', `${error.detail}; set aside as ${basename(setAside(path))}`, { cause: thrown });
  }
}

/**
 * SQLite throws a log away that it finds beside no database, or beside what is none: whatever can still be read in it would be lost. So
 * both are looked at before SQLite is.
 */
function refuseForeign(path: string): void {
  const size = sizeOf(path);
  if (size === 0 && sizeOf(`${path}-wal`) > 0) throw new ParleyError('store.corrupt', 'a log without its database');
  if (size === 0) return;
  const first = Buffer.alloc(MAGIC.length);
  const file = openSync(path, 'r');
  try {
    readSync(file, first, 0, first.length, 0);
  } finally {
    closeSync(file);
  }
  if (!first.equals(MAGIC)) throw new ParleyError('store.corrupt', 'not a database');
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function configure(database: Database, path: string, { applicationId: ours, migrations, prepare }: DatabaseKind): void {
  // two processes that empty the same outbox would send everything twice
  database.pragma('locking_mode = EXCLUSIVE');
  const { applicationId, tables } = database
    .prepare('SELECT (SELECT application_id FROM pragma_application_id) AS applicationId, (SELECT count(*) FROM sqlite_schema) AS tables')
    .get() as { applicationId: number; tables: number };
  if (tables > 0 && applicationId !== ours) throw new ParleyError('store.corrupt', 'a database of another kind');
  if (existsSync(suspicion(path))) {
    const found = database.pragma('quick_check(1)', { simple: true }) as string;
    if (found !== 'ok') throw new ParleyError('store.corrupt', found);
    rmSync(suspicion(path));
  }
  prepare?.(database);
  schemaVersion(database, migrations);
  database.pragma('journal_mode = WAL');
  // an answer means that it survives a loss of power, not only of the process
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  database.pragma('temp_store = MEMORY');
  database.pragma(`cache_size = -${CACHE_KIB}`);
  database.pragma(`journal_size_limit = ${LOG_LIMIT}`);
  migrate(database, ours, migrations);
}

/** A thrown value as a coded error: SQLite's result codes become ours. */
export function databaseError(thrown: unknown): CodedError {
  if (!(thrown instanceof SqliteDatabase.SqliteError)) return toCodedError(thrown);
  const { code, message } = thrown;
  const detail = `${code} ${message}`;
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return { code: 'store.corrupt', detail };
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE') return { code: 'store.full', detail };
  return { code: 'internal', detail };
}

/** Damage was met while at work: the next opening looks through the whole file, which is too slow to do every time. */
export function suspect(path: string): void {
  writeFileSync(suspicion(path), '');
}

function suspicion(path: string): string {
  return `${path}.suspect`;
}

function setAside(path: string): string {
  let count = 1;
  while (['', '-wal', '-shm'].some((suffix) => existsSync(`${path}.corrupt-${count}${suffix}`))) count += 1;
  const aside = `${path}.corrupt-${count}`;
  // the log first: SQLite deletes one that it finds beside no database
  for (const suffix of ['-wal', '-shm', '']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  rmSync(suspicion(path), { force: true });
  return aside;
}
