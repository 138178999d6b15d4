import type { DatabaseKind } from '../../sqlite/database.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import type { Calls } from '../../sqlite/serve.ts';

/** One of the network's databases: a file and a thread of its own. */
export interface NetworkDatabaseKind extends DatabaseKind {
  calls(handle: WriteHandle): Calls;
}
