import { Worker } from 'node:worker_threads';
import { type CodedError, ParleyError } from '../../shared/base/errors.ts';
import type { DatabaseFile } from './database.ts';
import type { Answer, Request } from './worker-protocol.ts';

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: ParleyError) => void;
}

/** The main thread's end of a database in a thread of its own: one small message a call, and its answer by number. */
export class DatabaseThread {
  /**
   * @throws ParleyError `store.corrupt` (the file was set aside; opening again begins a new one), `store.newer-version`,
   * `store.full`, `internal`
   */
  readonly opened: Promise<unknown>;
  readonly #worker: Worker;
  readonly #name: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #closing: Promise<void> | null = null;
  /** why no call can be answered any more */
  #end: CodedError | null = null;

  /** @param module of the worker, which calls `serveDatabase` with its `workerData` */
  constructor(module: URL, name: string, workerData: DatabaseFile) {
    this.#name = name;
    const worker = new Worker(module, { workerData, name: `parley-${name}` });
    this.#worker = worker;
    this.opened = new Promise((resolve, reject) => this.#waiting.set(0, { resolve, reject }));
    worker.on('message', (answer: Answer) => this.#settle(answer));
    worker.on('messageerror', (error) => this.#giveUp(`an answer of the ${name} could not be read: ${error.message}`));
    worker.on('error', (error) => this.#giveUp(`the ${name}'s thread failed: ${error instanceof Error ? error.message : String(error)}`));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        this.#giveUp(`the ${name}'s thread ended with code ${code}`);
        resolve();
      });
    });
  }

  call(method: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#closing) return Promise.reject(new ParleyError('store.closed', `${this.#name}: ${method}`));
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
    // a database that did not open answers nothing else
    if (answer.id === 0 && !answer.ok) this.#fail(answer.error);
  }

  #giveUp(detail: string): void {
    this.#fail({ code: 'internal', detail });
  }

  #fail(error: CodedError): void {
    this.#end ??= error;
    for (const { reject } of this.#waiting.values()) reject(new ParleyError(this.#end.code, this.#end.detail));
    this.#waiting.clear();
  }
}
