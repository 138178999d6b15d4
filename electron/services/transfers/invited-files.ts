import { stat } from 'node:fs/promises';
import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { cleanFileName } from '../../../shared/model/file-name.ts';
import { bareType, type FileAnswer } from '../../../shared/protocol/sdp/file-offer.ts';
import { selectorHash } from '../../../shared/protocol/sdp/file-selector.ts';
import type { MsrpMedia, MsrpPlace } from '../../../shared/protocol/sdp/msrp-media.ts';
import type { MsrpSession, SessionHandlers } from '../../msrp/port.ts';
import type { Header } from '../../sip/port.ts';
import type { StoredTransfer, TransferFields } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import type { TransferBook } from './booking.ts';
import { chunkSizeFor } from './chunk-size.ts';
import type { FileOfSession } from './file-session.ts';
import { checkRoom, type IncomingFolders } from './folders.ts';
import type { IconToSend } from './icons.ts';
import { type FileToNotify, fileMedia } from './invitation.ts';
import { partialPathOf, ReceivingRun } from './receiving-run.ts';
import { hashesOf, openSource, SendingRun } from './sending-run.ts';
import type { Turns } from './turns.ts';

/** What both kinds need of whoever invites. */
export interface InvitedFileParts {
  readonly context: ServiceContext;
  readonly folders: IncomingFolders;
  readonly book: TransferBook;
  readonly abort: AbortController;
  readonly outboxChanged: () => void;
  /** books the end; see {@link FileOfSession.over} */
  readonly over: (file: InvitedFile, error: CodedError | null) => Promise<void>;
}

type SendingFileParts = InvitedFileParts & { readonly turns: Turns };

/** A transfer that we invite to. */
export interface InvitedFile extends FileOfSession {
  readonly book: TransferBook;
  /** the first octet that is offered, from 0: not 0, it goes on where it was */
  readonly start: number;
  /** octets of it have flowed before, so the other side took it once */
  readonly wasTaken: boolean;
}

/** Octets that are offered again after an interruption, at least: one, so that there is something to offer. */
const LEAST = 1;

/** One whose octets we send (RFC 5547 section 8.2.1). */
export class PushedFile implements InvitedFile {
  readonly book: TransferBook;
  readonly start: number;
  readonly wasTaken: boolean;
  readonly abort: AbortController;
  readonly notify: FileToNotify | null;
  readonly icon: IconToSend['part'] | null;
  readonly #parts: SendingFileParts;
  readonly #iconId: string | undefined;
  readonly #run: SendingRun;
  /** a fresh one for every attempt: the same one again would be a repetition that starts nothing (RFC 5547 section 8.1) */
  readonly #fileTransferId = randomToken(32);
  #form: Pick<FileAnswer, 'form' | 'maxSize'> = { form: 'raw', maxSize: null };

  /**
   * Looks at the file, and takes it out of the outbox as offered. @param wishes with whom its person wants to be told of it, and what is shown of it
   * @throws ParleyError `file.*` it is not the one any more that was chosen
   */
  static async offer(
    parts: SendingFileParts,
    wishes: { readonly sentAt: number | null; readonly icon: (transfer: StoredTransfer) => Promise<IconToSend | null> },
  ): Promise<PushedFile> {
    const { book, abort } = parts;
    // a retry of one that failed while it was prepared comes without
    const hashes = book.transfer.hash ? {} : await hashesOf(book.transfer, abort.signal);
    // nobody is asked about a file that is not there any more
    await (await openSource(book.transfer)).close();
    await book.apply('offer', { fields: hashes });
    abort.signal.throwIfAborted();
    const icon = await wishes.icon(book.transfer);
    abort.signal.throwIfAborted();
    return new PushedFile(parts, wishes.sentAt, icon);
  }

  private constructor(parts: SendingFileParts, sentAt: number | null, icon: IconToSend | null) {
    const { transfer } = parts.book;
    this.#parts = parts;
    this.book = parts.book;
    this.abort = parts.abort;
    this.wasTaken = transfer.fileTransferId !== null;
    this.start = transfer.transferred === 0 ? 0 : Math.max(0, Math.min(transfer.transferred, transfer.size - LEAST));
    this.notify = sentAt === null ? null : { fileTransferId: this.#fileTransferId, imdnId: transfer.imdnId, sentAt };
    this.icon = icon?.part ?? null;
    this.#iconId = icon?.contentId;
    this.#run = new SendingRun(parts);
  }

  get handlers(): SessionHandlers {
    return this.#run.handlers;
  }

  media(place: MsrpPlace): MsrpMedia {
    return fileMedia(this.book.transfer, { fileTransferId: this.#fileTransferId, place, start: this.start, icon: this.#iconId });
  }

  async accepted(answer: FileAnswer): Promise<void> {
    this.#form = answer;
  }

  async flow(session: MsrpSession, headers: readonly Header[]): Promise<void> {
    await this.#run.send(session, {
      accepted: this.#form,
      start: this.start,
      chunkSize: chunkSizeFor(headers),
      signal: this.abort.signal,
      fileTransferId: this.#fileTransferId,
      onStarted: this.#parts.outboxChanged,
    });
  }

  over(error: CodedError | null): Promise<void> {
    return this.#parts.over(this, error);
  }
}

/** One that we ask for: the whole of it, or what is missing of it (RFC 5547 section 8.2.2, flows F14 and F16). */
export class PulledFile implements InvitedFile {
  readonly notify = null;
  readonly icon = null;
  readonly wasTaken = false;
  readonly book: TransferBook;
  readonly start: number;
  readonly abort: AbortController;
  readonly #parts: InvitedFileParts;
  readonly #run: ReceivingRun;
  readonly #fileTransferId = randomToken(32);

  /** @throws ParleyError `file.disk-full`, `file.unwritable` */
  static async offer(parts: InvitedFileParts): Promise<PulledFile> {
    const { book, context, folders, outboxChanged, abort } = parts;
    const { id, size, sizeKnown, transferred } = book.transfer;
    const partialPath = partialPathOf(folders, id);
    const there = transferred === 0 ? null : await stat(partialPath).catch(() => null);
    const start = there === null || !sizeKnown ? 0 : Math.max(0, Math.min(there.size, size - LEAST));
    await book.apply('offer', { fields: { partialPath, transferred: start } });
    abort.signal.throwIfAborted();
    return new PulledFile(parts, start, await ReceivingRun.open({ context, folders, book, start, outboxChanged }));
  }

  private constructor(parts: InvitedFileParts, start: number, run: ReceivingRun) {
    this.#parts = parts;
    this.#run = run;
    this.book = parts.book;
    this.abort = parts.abort;
    this.start = start;
  }

  get handlers(): SessionHandlers {
    return this.#run.handlers;
  }

  media(place: MsrpPlace): MsrpMedia {
    const { maxFileSize } = this.#parts.context.account;
    const fileTransferId = this.#fileTransferId;
    return fileMedia(this.book.transfer, { fileTransferId, place, start: this.start, maxSize: maxFileSize > 0 ? maxFileSize : undefined });
  }

  /** Who has the file says what it is, where that was not known (R-FTR-06: the limit, and the disk, come before the first octet). */
  async accepted({ selector }: FileAnswer): Promise<void> {
    const { context, folders, book } = this.#parts;
    const known = book.transfer;
    const fields: { -readonly [Key in keyof TransferFields]?: TransferFields[Key] } = { fileTransferId: this.#fileTransferId };
    if (selector !== null) {
      if (known.name === '' && selector.name !== null) fields.name = cleanFileName(selector.name);
      if ((known.type === '' || known.type === 'application/octet-stream') && selector.type !== null) fields.type = bareType(selector.type);
      if (!known.sizeKnown && selector.size !== null) fields.size = selector.size;
      const [sha1, sha256] = [selectorHash(selector, 'sha-1'), selectorHash(selector, 'sha-256')];
      if (sha1 !== null && !known.hash?.sha1) fields.sha1 = sha1;
      if (sha256 !== null && !known.hash?.sha256) fields.sha256 = sha256;
      if (isOther(known.size, known.sizeKnown, selector.size) || isOther(known.hash?.sha1, Boolean(known.hash?.sha1), sha1))
        throw new ParleyError('file.changed', 'the other side has another file now');
    }
    const size = fields.size ?? (known.sizeKnown ? known.size : 0);
    const { maxFileSize } = context.account;
    if (maxFileSize > 0 && size > maxFileSize) throw new ParleyError('file.too-large', `${size} octets, the limit is ${maxFileSize}`);
    await checkRoom(folders, size - this.start);
    await book.apply('accept', { fields });
  }

  async flow(): Promise<void> {
    const { signal } = this.abort;
    const stop = () => this.#run.abort(toCodedError(signal.reason));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      await this.#run.result;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async over(error: CodedError | null): Promise<void> {
    if (error !== null) {
      this.#run.abort(error);
      // the partial file is closed then
      await this.#run.result.catch(() => undefined);
    }
    await this.#parts.over(this, error);
  }
}

function isOther<T>(known: T, isKnown: boolean, said: T | null): boolean {
  return isKnown && said !== null && said !== known;
}
