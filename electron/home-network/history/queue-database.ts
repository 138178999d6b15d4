import type { WriteHandle } from '../../sqlite/handles.ts';
import type { NetworkDatabaseKind } from '../databases/kind.ts';

/** One object on its way into its owner's mailboxes. */
export interface Pending {
  readonly id: number;
  readonly folder: readonly string[];
  readonly messageId: string;
  readonly octets: Uint8Array;
  /** ms since the epoch */
  readonly received: number;
  readonly tries: number;
}

export interface NewPending extends Omit<Pending, 'id' | 'tries'> {
  readonly owner: string;
}

export interface QueueCalls {
  /** @returns false when there is no room for more of this owner's */
  add(pending: NewPending, most: number): boolean;
  owners(): string[];
  /** the one that was tried least, of those the oldest */
  next(owner: string): Pending | null;
  find(owner: string, messageId: string): Uint8Array | null;
  done(id: number): void;
  failed(id: number): void;
}

const METHODS: Readonly<Record<keyof QueueCalls, true>> = { add: true, owners: true, next: true, find: true, done: true, failed: true };
export const QUEUE_METHODS = Object.keys(METHODS) as (keyof QueueCalls)[];

/** The file `history.db`: what has been taken on to be recorded and is not in the message store yet. */
export const HISTORY: NetworkDatabaseKind = {
  // `Phst`
  applicationId: 0x50687374,
  migrations: [
    {
      version: 1,
      sql: `
CREATE TABLE pending (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  message_id TEXT NOT NULL,
  folder TEXT NOT NULL,
  octets BLOB NOT NULL,
  received INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  UNIQUE (owner, message_id)
) STRICT;
CREATE INDEX pending_in_order ON pending (owner, tries, id);
`,
    },
  ],
  calls: (handle) => ({ ...queueCalls(handle) }),
};

function queueCalls(handle: WriteHandle): QueueCalls {
  const used = handle.one<{ octets: number }>('SELECT ifnull(sum(length(octets)), 0) AS octets FROM pending WHERE owner = :owner');
  const insert = handle.change(
    'INSERT INTO pending (owner, message_id, folder, octets, received) VALUES (:owner, :messageId, :folder, :octets, :received) ON CONFLICT DO NOTHING',
  );
  const owners = handle.many<{ owner: string }>('SELECT DISTINCT owner FROM pending');
  const next = handle.one<Omit<Pending, 'folder'> & { folder: string }>(
    'SELECT id, folder, message_id AS messageId, octets, received, tries FROM pending WHERE owner = :owner ORDER BY tries, id LIMIT 1',
  );
  const found = handle.one<{ octets: Uint8Array }>('SELECT octets FROM pending WHERE owner = :owner AND message_id = :messageId');
  const done = handle.change('DELETE FROM pending WHERE id = :id');
  const failed = handle.change('UPDATE pending SET tries = tries + 1 WHERE id = :id');
  return {
    add({ owner, messageId, folder, octets, received }, most) {
      if ((used({ owner })?.octets ?? 0) + octets.length > most) return false;
      insert({ owner, messageId, folder: JSON.stringify(folder), octets, received });
      return true;
    },
    owners: () => owners({}).map(({ owner }) => owner),
    next(owner) {
      const row = next({ owner });
      return row === undefined ? null : { ...row, folder: JSON.parse(row.folder) as string[] };
    },
    find: (owner, messageId) => found({ owner, messageId })?.octets ?? null,
    done: (id) => void done({ id }),
    failed: (id) => void failed({ id }),
  };
}
