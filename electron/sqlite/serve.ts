import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { runBatch } from './batch.ts';
import { type DatabaseFile, type DatabaseKind, databaseError, openDatabaseFile, suspect } from './database.ts';
import { openHandle, type WriteHandle } from './handles.ts';
import type { Answer, Request } from './worker-protocol.ts';

/** how many waiting requests share one commit; the first of them waits for the last */
const MOST_AT_ONCE = 64;

/** Methods by name, answered at once. */
export type Calls = Readonly<Record<string, (...args: never[]) => unknown>>;

/** The thread's end of a database: one request after the other, so that a slow query never stalls a socket of the main thread. */
export function serveDatabase(port: MessagePort, file: DatabaseFile, kind: DatabaseKind, callsOf: (handle: WriteHandle) => Calls): void {
  const answer = (message: Answer) => port.postMessage(message);

  let database: ReturnType<typeof openDatabaseFile>;
  let calls: Calls;
  try {
    database = openDatabaseFile(file, kind);
    calls = callsOf(openHandle(database));
  } catch (thrown) {
    answer({ id: 0, ok: false, error: databaseError(thrown) });
    port.close();
    return;
  }
  answer({ id: 0, ok: true, value: null });

  const run = ({ method, args }: Request) => {
    const call = Object.hasOwn(calls, method) ? calls[method] : undefined;
    if (!call) throw new TypeError(`no such call: ${method}`);
    return call(...(args as never[]));
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
      if (!message.ok && message.error.code === 'store.corrupt') suspect(file.path);
      answer(message);
    }
    if (!closing) return;
    database.close();
    answer({ id: closing.id, ok: true, value: null });
    port.close();
  });
}
