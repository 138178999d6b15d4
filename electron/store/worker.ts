import { parentPort, workerData } from 'node:worker_threads';
import type { DatabaseFile } from '../sqlite/database.ts';
import { serveDatabase } from '../sqlite/serve.ts';
import { STORE } from './database.ts';
import { createReads } from './reads.ts';
import { createWrites } from './writes.ts';

if (!parentPort) throw new TypeError('the store runs in a worker thread');
serveDatabase(parentPort, workerData as DatabaseFile, STORE, (handle) => {
  const reads = createReads(handle);
  return { ...reads, ...createWrites(handle, reads) };
});
