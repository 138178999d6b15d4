import type { Clock } from '../../../shared/base/clock.ts';
import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import {
  decodeStoredObject,
  encodeStoredObject,
  OBJECT_LIMITS,
  type StoredObject,
} from '../../../shared/protocol/cpm-objects/stored-object.ts';
import type { MailClient } from '../../imap/port.ts';
import { NetworkDatabase, type NetworkDatabases } from '../databases/open.ts';
import type { MessageStore, StoredReference } from '../message-store/port.ts';
import { folderOf, objectKey } from './folders.ts';
import { type Pending, QUEUE_METHODS, type QueueCalls } from './queue-database.ts';

export interface RecorderOptions {
  readonly domain: string;
  readonly databases: NetworkDatabases;
  readonly clock: Clock;
  /** signs in to the mailboxes of that user */
  readonly connect: (owner: string) => Promise<MailClient>;
  readonly log: (line: string) => void;
}

/** owners that are written for at a time */
const AT_ONCE = 4;
/** octets of one owner that wait */
const MOST_WAITING = 536_870_912;
/** times that a mail server may refuse an object before others of its owner go first */
const TRIES = 3;
const FIRST_WAIT = 2_000;
const LONGEST_WAIT = 300_000;

/**
 * Writes objects into their owners' mailboxes over IMAP, whichever server has them. What is taken on is a committed row first, so it survives any end of
 * this process; before each write the folder is asked for its Message-ID, so that it is there once.
 */
export class Recorder implements MessageStore {
  readonly #options: RecorderOptions;
  readonly #queue: NetworkDatabase<QueueCalls>;
  readonly #waiting = new Set<string>();
  readonly #busy = new Map<string, Promise<void>>();
  readonly #failures = new Map<string, number>();
  readonly #taking = new Set<Promise<unknown>>();
  readonly #timers = new Set<() => void>();
  #isClosed = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#queue = new NetworkDatabase<QueueCalls>(options.databases, 'history', QUEUE_METHODS);
  }

  /** Takes up what an earlier run has left. */
  async open(): Promise<void> {
    for (const owner of await this.#queue.calls.owners()) this.#wake(owner);
  }

  keep(owner: string, object: StoredObject): Promise<StoredReference> {
    const taking = this.#keep(owner, object);
    this.#taking.add(taking);
    const over = (): void => void this.#taking.delete(taking);
    taking.then(over, over);
    return taking;
  }

  async #keep(owner: string, object: StoredObject): Promise<StoredReference> {
    const { domain, clock } = this.#options;
    const messageId = `${objectKey(object)}@${domain}`;
    const folder = folderOf(object);
    const octets = encodeStoredObject({ ...object, headers: { ...object.headers, messageId } });
    const pending = { owner, messageId, folder, octets, received: object.headers.date ?? clock.now() };
    if (!(await this.#queue.calls.add(pending, MOST_WAITING)))
      throw new ParleyError('history.full', 'too much waits for the message store');
    this.#wake(owner);
    return { owner, folder, messageId };
  }

  async fetch({ owner, folder, messageId }: StoredReference): Promise<StoredObject> {
    const waiting = await this.#queue.calls.find(owner, messageId);
    if (waiting !== null) return decodeStoredObject(waiting);
    const mail = await this.#options.connect(owner);
    try {
      const [uid] = await mail.withHeader(folder, 'Message-ID', `<${messageId}>`);
      if (uid === undefined) throw new ParleyError('request.not-found', 'no such object');
      return decodeStoredObject(await mail.message(folder, uid, OBJECT_LIMITS.maxOctets));
    } finally {
      await mail.close();
    }
  }

  /** Resolves when everything that was taken on is where it belongs, or has failed once. */
  async settled(): Promise<void> {
    while (this.#taking.size + this.#busy.size > 0) await Promise.allSettled([...this.#taking, ...this.#busy.values()]);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#timers) stop();
    await this.settled();
    await this.#queue.close();
  }

  #wake(owner: string): void {
    if (this.#isClosed) return;
    this.#waiting.add(owner);
    for (const next of this.#waiting) {
      if (this.#busy.size >= AT_ONCE) return;
      if (this.#busy.has(next)) continue;
      this.#waiting.delete(next);
      const work = this.#drain(next).finally(() => {
        this.#busy.delete(next);
        const [other] = this.#waiting;
        if (other !== undefined) this.#wake(other);
      });
      this.#busy.set(next, work);
    }
  }

  async #drain(owner: string): Promise<void> {
    let mail: MailClient | null = null;
    const made = new Set<string>();
    try {
      for (let next = await this.#queue.calls.next(owner); next !== null && !this.#isClosed; next = await this.#queue.calls.next(owner)) {
        mail ??= await this.#options.connect(owner);
        try {
          await write(mail, next, made);
        } catch (thrown) {
          await this.#queue.calls.failed(next.id);
          // what this one object is refused for says nothing of the others
          if (toCodedError(thrown).code === 'history.failed' && next.tries < TRIES) this.#note(owner, thrown);
          else throw thrown;
          continue;
        }
        await this.#queue.calls.done(next.id);
        this.#failures.delete(owner);
      }
    } catch (thrown) {
      this.#note(owner, thrown);
      this.#again(owner);
    } finally {
      await mail?.close();
    }
  }

  #again(owner: string): void {
    if (this.#isClosed) return;
    const failures = (this.#failures.get(owner) ?? 0) + 1;
    this.#failures.set(owner, failures);
    const wait = Math.min(FIRST_WAIT * 2 ** Math.min(failures - 1, 16), LONGEST_WAIT);
    const stop = this.#options.clock.after(wait, () => {
      this.#timers.delete(stop);
      this.#wake(owner);
    });
    this.#timers.add(stop);
  }

  #note(owner: string, thrown: unknown): void {
    const { code, detail } = toCodedError(thrown);
    this.#options.log(`history of ${owner}: ${code}: ${detail}`);
  }
}

async function write(mail: MailClient, { folder, messageId, octets, received }: Pending, made: Set<string>): Promise<void> {
  const path = folder.join('/');
  if (!made.has(path)) await mail.ensure(folder);
  made.add(path);
  const there = await mail.withHeader(folder, 'Message-ID', `<${messageId}>`);
  if (there.length === 0) await mail.append(folder, octets, received);
}
