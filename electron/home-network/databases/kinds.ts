import type { DatabaseKind } from '../../sqlite/database.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import type { Calls } from '../../sqlite/serve.ts';

/** One of the network's databases: a file and a thread of its own. */
export interface NetworkDatabase extends DatabaseKind {
  calls(handle: WriteHandle): Calls;
}

/** By the name of the file in the network's folder, without `.db`. */
export const KINDS: Readonly<Record<string, NetworkDatabase>> = {};
