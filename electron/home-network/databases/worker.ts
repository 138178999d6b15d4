import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { inTransactions } from '../../sqlite/handles.ts';
import { serveDatabase } from '../../sqlite/serve.ts';
import { KINDS } from './kinds.ts';
import type { NetworkWorkerData } from './open.ts';

if (!parentPort) throw new TypeError('a database of the network runs in a worker thread');
const { kind: name, ...file } = workerData as NetworkWorkerData;
const kind = KINDS[name];
if (kind === undefined) throw new TypeError(`no such database: ${basename(name)}`);
serveDatabase(parentPort, file, kind, (handle) => inTransactions(handle, kind.calls(handle)));
