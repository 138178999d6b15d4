import type { WriteHandle } from '../../sqlite/handles.ts';
import type { NetworkDatabaseKind } from '../databases/kind.ts';
import type { DocumentKey, StoredDocument } from './documents.ts';

/** A row a document: what its owner wrote, and no more. */
export const XDM: NetworkDatabaseKind = {
  // `PrlX`
  applicationId: 0x50726c58,
  migrations: [
    {
      version: 1,
      sql: `CREATE TABLE document (
  user TEXT NOT NULL,
  auid TEXT NOT NULL,
  name TEXT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (user, auid, name)
) STRICT, WITHOUT ROWID;`,
    },
  ],
  calls: documentCalls,
};

export type DocumentCalls = ReturnType<typeof documentCalls>;

function documentCalls({ many, change }: WriteHandle) {
  const all = many<StoredDocument>('SELECT user, auid, name, text FROM document');
  const put = change(
    'INSERT INTO document (user, auid, name, text) VALUES (:user, :auid, :name, :text) ON CONFLICT DO UPDATE SET text = excluded.text',
  );
  const remove = change('DELETE FROM document WHERE user = :user AND auid = :auid AND name = :name');
  return {
    all: () => all({}),
    put: (document: StoredDocument) => void put({ ...document }),
    remove: (key: DocumentKey) => void remove({ ...key }),
  };
}
