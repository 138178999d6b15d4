import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { runBatch } from './batch.ts';
import { openDatabase, storeError, suspect } from './database.ts';
import { openHandle } from './handles.ts';
import { createReads } from './reads.ts';
import type { Answer, Request, WorkerOptions } from './worker-protocol.ts';
import { createWrites } from './writes.ts';

/** how many waiting requests share one commit; the first of them waits for the last */
const MOST_AT_ONCE = 64;

/** The thread that has the database: one request after the other, so that a slow query never stalls a socket of the main thread. */
function main(): void {
  if (!parentPort) throw new TypeError('the store runs in a worker thread');
  const port = parentPort;
  const options = workerData as WorkerOptions;
  const answer = (message: Answer) => port.postMessage(message);

  let database: ReturnType<typeof openDatabase>;
  let calls: Readonly<Record<string, (...args: readonly never[]) => unknown>>;
  try {
    database = openDatabase(options);
    const handle = openHandle(database);
    const reads = createReads(handle);
    calls = { ...reads, ...createWrites(handle, reads) };
  } catch (thrown) {
    answer({ id: 0, ok: false, error: storeError(thrown) });
    port.close();
    return;
  }
  answer({ id: 0, ok: true, value: null });

  const run = ({ method, args }: Request) => {
    const call = calls[method];
    if (!call) throw new TypeError(`no such call: ${method}`);
    return call(...(args as readonly never[]));
  };

  port.on('message', (first: Request) => {
    const requests = [first];
    while (requests.length < MOST_AT_ONCE && requests.at(-1)?.method !== 'close') {
      const next = receiveMessageOnPort(port) as { message: Request } | undefined;
      if (!next) break;
      requests.push(next.message);
    }
    const closing = requests.at(-1)?.method === 'close' ? requests.pop() : undefined;
    for (const message of runBatch(database, run, requests)) {
      if (!message.ok && message.error.code === 'store.corrupt') suspect(options.path);
      answer(message);
    }
    if (!closing) return;
    database.close();
    answer({ id: closing.id, ok: true, value: null });
    port.close();
  });
}

main();
