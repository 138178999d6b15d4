import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { bareType } from '../../../shared/protocol/sdp/file-offer.ts';
import { createFileSink, type FileSink, finishFile, type HashedPrefix, hashPrefix, quarantine } from '../../msrp/file-sink.ts';
import type { IncomingHead, MessageSink, SessionHandlers } from '../../msrp/port.ts';
import type { StoredTransfer } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import { isInterruption, type TransferBook } from './booking.ts';
import { CpimPayload } from './cpim-payload.ts';
import { downloadsOf, type IncomingFolders, makeFolder } from './folders.ts';

/** Where the octets of that transfer are gathered until all are there. */
export function partialPathOf(folders: Pick<IncomingFolders, 'partial'>, transferId: number): string {
  return join(folders.partial, `${transferId}.part`);
}

/**
 * Octets at the beginning of the partial file that need not come again; 0 when there is none. It is never longer than what came without a gap;
 * what is wrong with that all the same, the hash of the whole tells.
 */
export async function arrivedOctets({ partialPath, size, sizeKnown }: StoredTransfer): Promise<number> {
  const there = partialPath === null ? null : await stat(partialPath).catch(() => null);
  if (!there?.isFile()) return 0;
  // a last octet has to come: who sends none ends no message
  return sizeKnown ? Math.max(0, Math.min(there.size, size - 1)) : there.size;
}

export interface RunParts {
  readonly context: ServiceContext;
  readonly folders: IncomingFolders;
  /** of a transfer that is accepted and has its `partialPath` */
  readonly book: TransferBook;
  /** octets at the beginning of the partial file that came before; what comes now follows them */
  readonly start?: number;
  readonly outboxChanged: () => void;
}

/**
 * The octets of one file on their way in, whoever invited: one MSRP session, one message, one partial file, one verdict.
 *
 *     const run = await ReceivingRun.open(parts);
 *     const session = msrp.createSession(run.handlers);   // announce, offer or answer, connect
 *     await run.result;
 */
export class ReceivingRun {
  /** of the MSRP session that the file comes in */
  readonly handlers: SessionHandlers;
  /**
   * Settles once nothing is written any more: the file is in its place, or in quarantine, and that is booked. Rejects with why the octets
   * came to an end before the last of them; {@link bookBroken} writes that down.
   */
  readonly result: Promise<void>;

  readonly #parts: RunParts;
  readonly #prefix: HashedPrefix | null;
  #file: FileSink | null = null;
  #isOver = false;
  /** octets of the file without a gap */
  #arrived = 0;
  #started: Promise<unknown> | null = null;
  #settle!: { readonly done: () => void; readonly broken: (error: CodedError) => void };

  /**
   * What is there of the file is read again first: nobody waits for that yet.
   * @throws ParleyError `file.disk-full`, `file.unwritable`; `file.missing`, `file.unreadable`, `file.changed` for what should be there
   */
  static async open(parts: RunParts): Promise<ReceivingRun> {
    await makeFolder(parts.folders.partial);
    const { start = 0, book } = parts;
    const { partialPath, hash } = book.transfer;
    if (start === 0 || partialPath === null || hash === null) return new ReceivingRun(parts, null);
    return new ReceivingRun(parts, await hashPrefix(partialPath, start, hash));
  }

  private constructor(parts: RunParts, prefix: HashedPrefix | null) {
    this.#parts = parts;
    this.#prefix = prefix;
    const written = new Promise<void>((resolve, reject) => {
      this.#settle = { done: resolve, broken: ({ code, detail }) => reject(new ParleyError(code, detail)) };
    });
    this.result = this.#end(written);
    // who has not got as far as to wait for it hears of the failure by his own
    this.result.catch(() => undefined);
    this.handlers = {
      onMessage: (head) => this.#message(head),
      onClosed: (error) => this.abort(error),
    };
  }

  /** No more octets are taken; those that came stay in the partial file. Without effect once the last one is there. */
  abort(error: CodedError): void {
    this.#isOver = true;
    if (this.#file) this.#file.sink.abort(error);
    else this.#settle.broken(error);
  }

  #message(head: IncomingHead): MessageSink | { refuse: 413 } {
    // one file is one message is one session (RFC 5547 section 8.7)
    if (this.#started || this.#isOver) return { refuse: 413 };
    const { book, context, start = 0 } = this.#parts;
    this.#started = book.apply('started');
    // awaited at the end, unless the session breaks before
    this.#started.catch(() => undefined);
    const { size, sizeKnown, hash, type, partialPath } = book.transfer;
    const { maxFileSize } = context.account;
    const meter = book.meter(start);
    this.#file = createFileSink({
      partialPath: partialPath as string,
      size: sizeKnown ? size : null,
      limit: maxFileSize > 0 ? maxFileSize : undefined,
      hash: hash ?? { sha1: null, sha256: null },
      start,
      prefix: this.#prefix,
      onProgress: (octets) => {
        this.#arrived = octets;
        meter.update(octets);
      },
    });
    this.#file.result.finally(() => meter.stop()).then(this.#settle.done, this.#settle.broken);
    const { sink } = this.#file;
    // a file may be one by itself
    const isWrapped = bareType(head.contentType) === CPIM_TYPE && (type !== CPIM_TYPE || head.total !== size - start);
    return isWrapped ? new CpimPayload(sink) : sink;
  }

  async #end(written: Promise<void>): Promise<void> {
    let mismatch: CodedError | null = null;
    try {
      await written;
    } catch (thrown) {
      const error = toCodedError(thrown);
      if (error.code !== 'file.hash-mismatch' && error.code !== 'file.size-mismatch') {
        await this.#noteArrived();
        throw thrown;
      }
      mismatch = error;
    }
    await this.#started;
    await (mismatch === null ? this.#finished() : this.#held(mismatch));
    this.#parts.outboxChanged();
  }

  /** so that it goes on with the next octet */
  async #noteArrived(): Promise<void> {
    const { context, book } = this.#parts;
    if (this.#arrived > 0)
      await context.store
        .checkpointTransfer(book.transfer.id, this.#arrived)
        .catch((thrown) => context.log(`checkpoint of transfer ${book.transfer.id}: ${toCodedError(thrown).detail}`));
  }

  async #finished(): Promise<void> {
    const { book, folders } = this.#parts;
    const partialPath = book.transfer.partialPath as string;
    await book.apply('all-received', { fields: await sizeOf(book, partialPath) });
    const finalPath = await finishFile(partialPath, await downloadsOf(folders), book.transfer.name);
    await book.apply('verified', { fields: { finalPath } });
  }

  async #held(error: CodedError): Promise<void> {
    const { book, folders } = this.#parts;
    await book.apply('all-received');
    await quarantine(book.transfer.partialPath as string, folders.quarantine);
    await book.apply('mismatch', { error });
  }
}

/** One that was offered without its size has it now. */
async function sizeOf({ transfer }: TransferBook, partialPath: string): Promise<{ size?: number; transferred: number }> {
  if (transfer.sizeKnown) return { transferred: transfer.size };
  const { size } = await stat(partialPath);
  return { size, transferred: size };
}

/**
 * Writes down why a file did not come. What came of it is kept where it can be taken up again, and goes otherwise: first, as it may be what
 * filled the disk on which the end is to be written down.
 */
export async function bookBroken(book: TransferBook, error: CodedError): Promise<StoredTransfer> {
  const { partialPath } = book.transfer;
  if (partialPath !== null && !isResumable(error)) await rm(partialPath, { force: true }).catch(() => undefined);
  return book.applyFailure(error);
}

function isResumable(error: CodedError): boolean {
  // `#` may be a pause on the other side, which goes on from here later
  return isInterruption(error) || error.code === 'file.paused' || error.code === 'msrp.stopped';
}

/** Trouble with the own disk is what the person must hear of, also where the other side has gone away because of it. */
export function causeOf(thrown: unknown, signal: AbortSignal): CodedError {
  const error = toCodedError(thrown);
  const isOwn = error.code.startsWith('file.') && error.code !== 'file.cancelled' && error.code !== 'file.paused';
  // `#` says more than the BYE that follows it
  const isGivenUp = error.code === 'msrp.stopped';
  return signal.aborted && !isOwn && !isGivenUp ? toCodedError(signal.reason) : error;
}
