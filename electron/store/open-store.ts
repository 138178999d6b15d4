import { Worker } from 'node:worker_threads';
import { type CodedError, ParleyError } from '../../shared/base/errors.ts';
import type { Store } from './port.ts';
import { type Answer, type Request, STORE_METHODS, type StoreMethod, type WorkerOptions } from './worker-protocol.ts';

export interface OpenStoreOptions extends WorkerOptions {
  /** the module of the worker: `worker.ts`, or what it was built to */
  readonly worker: URL;
}

/**
 * Opens the store in a thread of its own.
 * @throws ParleyError `store.corrupt` (the file was set aside; opening again begins a new one), `store.newer-version`,
 * `store.full`, `internal`
 */
export async function openStore({ worker: module, path, nativeBinding }: OpenStoreOptions): Promise<Store> {
  const workerData: WorkerOptions = { path, nativeBinding };
  const client = new WorkerClient(new Worker(module, { workerData, name: 'parley-store' }));
  await client.opened;
  const calls = STORE_METHODS.map((method) => [method, (...args: readonly unknown[]) => client.call(method, args)]);
  return { ...(Object.fromEntries(calls) as Pick<Store, StoreMethod>), close: () => client.close() };
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: ParleyError) => void;
}

/** The main thread's end: one small message a call, and its answer by number. */
class WorkerClient {
  readonly opened: Promise<unknown>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #closing: Promise<void> | null = null;
  /** why no call can be answered any more */
  #end: CodedError | null = null;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.opened = new Promise((resolve, reject) => this.#waiting.set(0, { resolve, reject }));
    worker.on('message', (answer: Answer) => this.#settle(answer));
    worker.on('messageerror', (error) => this.#giveUp(`an answer of the store could not be read: ${error.message}`));
    worker.on('error', (error) => this.#giveUp(`the store's thread failed: ${error instanceof Error ? error.message : String(error)}`));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        this.#giveUp(`the store's thread ended with code ${code}`);
        resolve();
      });
    });
  }

  call(method: Request['method'], args: readonly unknown[]): Promise<unknown> {
    if (this.#closing) return Promise.reject(new ParleyError('store.closed', method));
    return this.#post(method, args);
  }

  /** Waits for the calls before it; the file is free when it resolves. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (!this.#end) await this.#post('close', []);
    await this.#exited;
  }

  #post(method: Request['method'], args: readonly unknown[]): Promise<unknown> {
    const end = this.#end;
    if (end) return Promise.reject(new ParleyError(end.code, end.detail));
    return new Promise((resolve, reject) => {
      this.#lastId += 1;
      this.#worker.postMessage({ id: this.#lastId, method, args });
      this.#waiting.set(this.#lastId, { resolve, reject });
    });
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.ok) waiting?.resolve(answer.value);
    else waiting?.reject(new ParleyError(answer.error.code, answer.error.detail));
  }

  #giveUp(detail: string): void {
    this.#end ??= { code: 'internal', detail };
    for (const { reject } of this.#waiting.values()) reject(new ParleyError(this.#end.code, this.#end.detail));
    this.#waiting.clear();
  }
}
