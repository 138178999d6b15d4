import type { Database } from 'better-sqlite3';
import { ParleyError } from '../../shared/base/errors.ts';
import type { Migration } from './migration.ts';

/**
 * @returns the schema's version
 * @throws ParleyError `store.newer-version`
 */
export function schemaVersion(database: Database, migrations: readonly Migration[]): number {
  const version = database.pragma('user_version', { simple: true }) as number;
  const newest = migrations.at(-1)?.version ?? 0;
  if (version > newest) throw new ParleyError('store.newer-version', `schema version ${version}; this Parley knows up to ${newest}`);
  return version;
}

/**
 * Brings the schema to the newest version, each step in a transaction of its own, so that a step that fails leaves the version before it.
 * @throws ParleyError `store.newer-version`, before anything is touched
 */
export function migrate(database: Database, applicationId: number, migrations: readonly Migration[]): void {
  const version = schemaVersion(database, migrations);
  for (const migration of migrations) {
    if (migration.version <= version) continue;
    const step = database.transaction(() => {
      database.exec(migration.sql);
      database.pragma(`application_id = ${applicationId}`);
      database.pragma(`user_version = ${migration.version}`);
    });
    step.exclusive();
  }
}
