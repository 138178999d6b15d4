import { NO_BYTES } from '../../../shared/base/bytes.ts';
import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { CPIM_TYPE, encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { formatDateTime, makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { quote } from '../../../shared/protocol/mime/parameters.ts';
import type { FileAnswer } from '../../../shared/protocol/sdp/file-offer.ts';
import { hashFile, type OpenFile, openFileSource } from '../../msrp/file-source.ts';
import type { MsrpSession, SessionHandlers } from '../../msrp/port.ts';
import type { StoredTransfer } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import type { TransferBook } from './booking.ts';
import type { IncomingFolders } from './folders.ts';
import { SentMark } from './sent-mark.ts';
import type { Turns } from './turns.ts';

export interface SendingParts {
  readonly context: ServiceContext;
  readonly folders: Pick<IncomingFolders, 'partial'>;
  readonly turns: Turns;
  /** of a transfer with its hashes */
  readonly book: TransferBook;
}

/** What was agreed on. */
export interface Sending {
  /** how the other side wants it: {@link FileAnswer} */
  readonly accepted: Pick<FileAnswer, 'form' | 'maxSize'>;
  /** the first octet to send, from 0 */
  readonly start: number;
  /** octets of a chunk */
  readonly chunkSize: number;
  /** ends the octets with `#`; its reason is the one that is thrown */
  readonly signal: AbortSignal;
  /** booked when the octets begin: from then on the other side is known to have taken it */
  readonly fileTransferId?: string;
  /** the octets begin, and that is written down */
  readonly onStarted?: () => void;
}

/**
 * The octets of one file on their way out, whoever invited: one MSRP session, a turn, one message.
 *
 *     const run = new SendingRun(parts);
 *     const session = msrp.createSession(run.handlers);   // announce, offer or answer, connect
 *     await run.send(session, agreed);
 */
export class SendingRun {
  /** of the MSRP session that the file leaves by */
  readonly handlers: SessionHandlers;
  readonly #parts: SendingParts;
  readonly #closed = new AbortController();

  constructor(parts: SendingParts) {
    this.#parts = parts;
    this.handlers = {
      onMessage: () => ({ refuse: 403 }),
      onClosed: ({ code, detail }) => this.#closed.abort(new ParleyError(code, detail)),
    };
  }

  /** As {@link sendFile}, once it is its turn; one whose session is closed meanwhile does not wait for that. */
  async send(session: Pick<MsrpSession, 'send'>, sending: Sending): Promise<void> {
    const { book, turns } = this.#parts;
    const waiting = AbortSignal.any([sending.signal, this.#closed.signal]);
    await turns.during(book.transfer.whole ?? book.transfer.id, waiting, () => sendFile(this.#parts, session, sending));
  }
}

/**
 * Opened and compared with what was offered, sent from `start` on, raw or inside of message/cpim, reported. Books `started`, `all-sent` and
 * `verified`. Octets that were acknowledged are kept as where to go on; why it ended before the last of them is the caller's to book.
 * @throws ParleyError `file.missing`, `file.changed`, `file.unreadable`, `peer.too-large` (max-size), `msrp.*`, the reason of the signal
 */
async function sendFile(
  { context, folders, book }: SendingParts,
  session: Pick<MsrpSession, 'send'>,
  { accepted, start, chunkSize, signal, fileTransferId, onStarted }: Sending,
): Promise<void> {
  const file = await openSource(book.transfer, start, signal);
  const mark = await SentMark.open(folders, book.transfer.id);
  const meter = book.meter(start);
  let arrived = start;
  try {
    const prefix = accepted.form === 'cpim' ? wrapper(context, book.transfer) : NO_BYTES;
    const length = prefix.length + file.source.end - file.source.start;
    if (accepted.maxSize !== null && length > accepted.maxSize)
      throw new ParleyError('peer.too-large', `${length} octets, the other side takes ${accepted.maxSize}`);
    const transfer = await book.apply('started', fileTransferId === undefined ? {} : { fields: { fileTransferId } });
    onStarted?.();
    await session.send({
      contentType: accepted.form === 'cpim' ? CPIM_TYPE : transfer.type,
      contentDisposition: accepted.form === 'cpim' ? undefined : dispositionOf(transfer),
      source: { ...file.source, prefix },
      successReport: true,
      chunkSize,
      signal,
      onProgress: (acknowledged) => {
        arrived = start + Math.max(0, acknowledged - prefix.length);
        mark.note(arrived);
        meter.update(arrived);
      },
    });
  } catch (thrown) {
    await context.store
      .checkpointTransfer(book.transfer.id, arrived)
      .catch((failure) => context.log(`checkpoint of transfer ${book.transfer.id}: ${toCodedError(failure).detail}`));
    throw thrown;
  } finally {
    meter.stop();
    await Promise.all([file.close(), mark.remove()]);
  }
  await book.apply('all-sent', { fields: { transferred: book.transfer.size } });
  await book.apply('verified');
}

/** The person's file, if it is still the one that was chosen. @throws ParleyError `file.missing`, `file.changed`, `file.unreadable` */
export function openSource(transfer: StoredTransfer, start = 0, signal?: AbortSignal): Promise<OpenFile> {
  const { path, modifiedAt } = sourceOf(transfer);
  const { sha256 = null, sha1 = null } = transfer.hash ?? {};
  return openFileSource(path, { start, expected: { size: transfer.size, modifiedAt, sha256, sha1 }, ...(signal ? { signal } : {}) });
}

/** @throws ParleyError as {@link openSource} does, `file.cancelled` */
export async function hashesOf(transfer: StoredTransfer, signal: AbortSignal): Promise<{ sha1: string; sha256: string }> {
  const source = sourceOf(transfer);
  const found = await hashFile(source.path, signal);
  if (found.size !== transfer.size || found.modifiedAt !== source.modifiedAt) {
    throw new ParleyError('file.changed', `${transfer.name} changed after it was chosen`);
  }
  return { sha1: found.sha1, sha256: found.sha256 };
}

function sourceOf({ name, sourcePath, modifiedAt }: StoredTransfer): { path: string; modifiedAt: number } {
  if (sourcePath === null || modifiedAt === null) throw new ParleyError('file.missing', `${name} has no source`);
  return { path: sourcePath, modifiedAt };
}

/** The CPIM and MIME headers in front of the octets (F14-06). */
function wrapper({ account, clock }: ServiceContext, transfer: StoredTransfer): Uint8Array {
  return encodeCpim(
    makeCpim({
      from: account.address,
      to: transfer.peer,
      dateTime: formatDateTime(clock.now()),
      contentType: transfer.type,
      contentDisposition: dispositionOf(transfer),
      content: NO_BYTES,
    }),
  );
}

function dispositionOf({ name, size }: StoredTransfer): string {
  return `attachment; filename=${quote(name.replace(/\p{Cc}/gu, '_'))}; size=${size}`;
}
