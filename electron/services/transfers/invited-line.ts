import { type CodedError, type ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { acceptsType, acceptsWrapped, preferredRole, setupRole, takenLine } from '../../../shared/protocol/sdp/file-offer.ts';
import type { FileSelector } from '../../../shared/protocol/sdp/file-selector.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import type { FileOffer } from '../../../shared/protocol/sdp/read-file-offer.ts';
import type { MsrpEngine, MsrpSession } from '../../msrp/port.ts';
import type { StoredTransfer, TransferFields } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import { Unacceptable } from '../session-body.ts';
import { isInterruption, type TransferBook } from './booking.ts';
import type { IncomingFolders } from './folders.ts';
import { bookBroken, causeOf, partialPathOf, ReceivingRun } from './receiving-run.ts';
import { type Refusal, refusalOf, warning } from './refusal.ts';
import { openSource, SendingRun } from './sending-run.ts';
import type { Turns } from './turns.ts';

export interface LineParts {
  readonly context: ServiceContext;
  readonly msrp: MsrpEngine;
  readonly folders: IncomingFolders;
  readonly turns: Turns;
  readonly outboxChanged: () => void;
  /** one that broke off: it waits for its next try where that is this side's to make */
  readonly goOn: (transfer: StoredTransfer, error: CodedError) => Promise<void>;
  /** nothing of it moves any more; that is written down now */
  readonly ending: (line: InvitedLine) => void;
}

export interface LineFile {
  readonly offer: FileOffer;
  /** its m-line */
  readonly media: MsrpMedia;
  readonly book: TransferBook;
  /** octets that are on the receiving side already */
  readonly start: number;
  /** it was decided on before, and goes on */
  readonly isAgain: boolean;
  /** octets of a chunk that its sender takes */
  readonly chunkSize: number;
}

/**
 * One file of a dialog that we were invited to: what was decided on it, its MSRP session, its octets.
 *
 *     open ─► accepted ─► (answer) ─► running ─► over          open ─► refused
 */
export class InvitedLine {
  readonly file: LineFile;
  /** null: the person has not decided; nobody waits for one that is `taken` */
  outcome: 'taken' | Refusal | null = null;
  /** that it is wanted is being written down, or is */
  isWanted = false;
  /** settles once the end of the transfer is written down; never rejects */
  readonly over: Promise<void>;
  readonly #parts: LineParts;
  readonly #changed: () => void;
  readonly #abort = new AbortController();
  #session: MsrpSession | null = null;
  #run: ReceivingRun | null = null;
  #sending: SendingRun | null = null;
  #end: () => void = () => undefined;

  /** @param changed its outcome is another one now */
  constructor(parts: LineParts, file: LineFile, changed: () => void) {
    this.#parts = parts;
    this.file = file;
    this.#changed = changed;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get transferId(): number {
    return this.file.book.transfer.id;
  }

  /** Writes down that the file is wanted. Never rejects: a failure is its outcome. @param fields of the file that is given */
  async accept(fields: Partial<TransferFields> = {}): Promise<void> {
    const { book, offer, start } = this.file;
    const { folders } = this.#parts;
    const own = offer.pull ? {} : { partialPath: partialPathOf(folders, this.transferId) };
    const { transferId: fileTransferId } = offer;
    this.isWanted = true;
    try {
      await book.apply('accept', { fields: { ...own, ...fields, ...(fileTransferId ? { fileTransferId } : {}), transferred: start } });
      this.#abort.signal.throwIfAborted();
      this.#settle('taken');
    } catch (thrown) {
      await this.#broken(thrown);
    }
  }

  /** Nothing of it comes about. What is to be written down of it is so already. */
  refuse(refusal: Refusal): void {
    this.#settle(refusal);
    this.#end();
  }

  /** Ends it, whatever it does. */
  stop(error: ParleyError): void {
    // a loss must not look like a wish
    if (isInterruption(error)) void this.#session?.close(true);
    this.#abort.abort(error);
  }

  /** A session of its own, and the answer's m-line. Null when it came to nothing, which is its outcome then. */
  async prepare(): Promise<MsrpMedia | null> {
    const { offer, media } = this.file;
    const { signal } = this.#abort;
    try {
      this.#session = offer.pull ? await this.#sendingSession() : await this.#receivingSession();
      signal.throwIfAborted();
      const place = await this.#session.announce(offer);
      signal.throwIfAborted();
      const setup = setupRole(offer.setup, preferredRole(offer.remotePath));
      const { maxFileSize } = this.#parts.context.account;
      const { transfer } = this.file.book;
      return takenLine(media, {
        place,
        setup,
        ...(offer.pull ? { selector: selectorOf(transfer) } : {}),
        // as the inviter does not say how much will come
        ...(!offer.pull && !transfer.sizeKnown && maxFileSize > 0 ? { maxSize: maxFileSize } : {}),
      });
    } catch (thrown) {
      await this.#broken(thrown);
      return null;
    }
  }

  /** Once the answer has left: the octets. Never rejects; the end is written down. @param failed why the answer did not get there */
  async run(failed: Promise<unknown>): Promise<void> {
    const { offer } = this.file;
    const session = this.#session as MsrpSession;
    const { signal } = this.#abort;
    const stop = () => this.#run?.abort(toCodedError(signal.reason));
    signal.addEventListener('abort', stop, { once: true });
    try {
      await failed;
      const role = setupRole(offer.setup, preferredRole(offer.remotePath));
      await session.connect({ role, remotePath: offer.remotePath, signal });
      if (this.#run) await this.#run.result;
      else await this.#send(session, signal);
      this.#end();
      await session.close();
    } catch (thrown) {
      await this.#broken(thrown);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async #receivingSession(): Promise<MsrpSession> {
    const { context, folders, msrp, outboxChanged } = this.#parts;
    const { book, start } = this.file;
    this.#run = await ReceivingRun.open({ context, folders, book, start, outboxChanged });
    return msrp.createSession(this.#run.handlers);
  }

  async #sendingSession(): Promise<MsrpSession> {
    const { context, folders, turns, msrp } = this.#parts;
    const { book } = this.file;
    this.#form();
    // nobody is promised a file that is not there any more
    await (await openSource(book.transfer)).close();
    this.#sending = new SendingRun({ context, folders, turns, book });
    return msrp.createSession(this.#sending.handlers);
  }

  async #send(session: MsrpSession, signal: AbortSignal): Promise<void> {
    const { start, chunkSize, offer } = this.file;
    await this.#sending?.send(session, { accepted: { form: this.#form(), maxSize: offer.maxSize }, start, chunkSize, signal });
    this.#parts.outboxChanged();
  }

  /** @throws Unacceptable when whoever asked for it would not take it */
  #form(): 'raw' | 'cpim' {
    const { media, book } = this.file;
    const { type } = book.transfer;
    if (acceptsType(media.acceptTypes, type)) return 'raw';
    if (acceptsWrapped(media, type)) return 'cpim';
    throw new Unacceptable(488, [warning(305, 'Incompatible media format')], `accept-types ${media.acceptTypes.join(' ').slice(0, 200)}`);
  }

  #settle(outcome: 'taken' | Refusal): void {
    this.outcome = outcome;
    this.#changed();
  }

  /** First the other side hears of it, and what filled the disk goes; then it is written down. */
  async #broken(thrown: unknown): Promise<void> {
    const { context, outboxChanged, goOn } = this.#parts;
    this.#run?.abort(toCodedError(this.#abort.signal.aborted ? this.#abort.signal.reason : thrown));
    // the partial file is closed then, and an own failure with it comes to light
    const own = await this.#run?.result.then(
      () => null,
      (failure: unknown) => failure,
    );
    const error = causeOf(own ?? thrown, this.#abort.signal);
    const closed = this.#session?.close(isInterruption(error));
    this.#parts.ending(this);
    this.#settle(thrown instanceof Unacceptable ? thrown : refusalOf(error));
    try {
      await goOn(await bookBroken(this.file.book, error), error);
    } catch (failure) {
      context.log(`transfer ${this.transferId}: ${toCodedError(failure).detail}`);
    }
    this.#end();
    outboxChanged();
    await closed?.catch(() => undefined);
  }
}

function selectorOf({ name, type, size, hash }: StoredTransfer): FileSelector {
  const hashes = [
    { algorithm: 'sha-1', hex: hash?.sha1 ?? null },
    { algorithm: 'sha-256', hex: hash?.sha256 ?? null },
  ];
  return { name, type, size, hashes: hashes.filter((each): each is { algorithm: string; hex: string } => each.hex !== null) };
}
