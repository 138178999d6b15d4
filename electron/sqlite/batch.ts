import type { Database } from 'better-sqlite3';
import { databaseError } from './database.ts';
import type { Answer, Request } from './worker-protocol.ts';

/**
 * Runs what waits together in one transaction, so that a flood pays for one flush of the disk and not for one a message. A request
 * that fails takes back its own changes only. The answers are for after the commit.
 */
export function runBatch(database: Database, run: (request: Request) => unknown, requests: readonly Request[]): Answer[] {
  const answer = (request: Request): Answer => {
    try {
      return { id: request.id, ok: true, value: run(request) };
    } catch (thrown) {
      return { id: request.id, ok: false, error: databaseError(thrown) };
    }
  };
  if (requests.length > 1) {
    const together = database.transaction(() =>
      requests.map((request) => {
        const answered = answer(request);
        // a full disk can make SQLite take back the whole transaction, with what was done before this request
        if (!database.inTransaction) throw new Error('taken back');
        return answered;
      }),
    );
    try {
      return together.immediate();
    } catch {
      // nothing is kept and nobody was answered: each on its own finds out what can still be done
    }
  }
  return requests.map(answer);
}
