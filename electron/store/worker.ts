import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase, storeError, suspect } from './database.ts';
import { openHandle } from './handles.ts';
import { createReads } from './reads.ts';
import type { Answer, Request, WorkerOptions } from './worker-protocol.ts';
import { createWrites } from './writes.ts';

/** The thread that has the database: one request after the other, so that a slow query never stalls a socket of the main thread. */
function main(): void {
  if (!parentPort) throw new TypeError('the store runs in a worker thread');
  const port = parentPort;
  const options = workerData as WorkerOptions;
  const answer = (message: Answer) => port.postMessage(message);
  const refuse = (id: number, thrown: unknown) => answer({ id, ok: false, error: storeError(thrown) });

  let database: ReturnType<typeof openDatabase>;
  let calls: Readonly<Record<string, (...args: readonly never[]) => unknown>>;
  try {
    database = openDatabase(options);
    const handle = openHandle(database);
    const reads = createReads(handle);
    calls = { ...reads, ...createWrites(handle, reads) };
  } catch (thrown) {
    refuse(0, thrown);
    port.close();
    return;
  }
  answer({ id: 0, ok: true, value: null });

  port.on('message', ({ id, method, args }: Request) => {
    try {
      const run = method === 'close' ? () => database.close() : calls[method];
      if (!run) throw new TypeError(`no such call: ${method}`);
      const value = run(...(args as readonly never[]));
      answer({ id, ok: true, value: method === 'close' ? null : value });
    } catch (thrown) {
      const error = storeError(thrown);
      if (error.code === 'store.corrupt') suspect(options.path);
      answer({ id, ok: false, error });
    }
    if (method === 'close') port.close();
  });
}

main();
