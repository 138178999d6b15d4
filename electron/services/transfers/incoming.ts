import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { cleanFileName } from '../../../shared/model/file-name.ts';
import { contactFeature, FILE_TRANSFER } from '../../../shared/protocol/cpm/names.ts';
import { makeFileAnswer, makeOrigin, setupRole } from '../../../shared/protocol/sdp/file-offer.ts';
import { type FileOffer, readFileOffer } from '../../../shared/protocol/sdp/read-file-offer.ts';
import { decodeSdp, encodeSdp, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import { createFileSink, finishFile, quarantine } from '../../msrp/file-sink.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { Header, IncomingInvite } from '../../sip/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import { readEnvelope } from '../inbox.ts';
import { TransferBook } from './booking.ts';
import { decodeFileInvitation } from './invitation.ts';

/** An unanswered prompt ends before the invitation does; an INVITE without Expires is taken to last as long as a proxy waits (timer C). */
const DEFAULT_PROMPT_MS = 170_000;
const LONGEST_PROMPT_MS = 600_000;
/** the sender ends the dialog; one that does not is not waited for longer */
const BYE_WAIT_MS = 40_000;

interface Offered {
  readonly invite: IncomingInvite;
  readonly description: SessionDescription;
  readonly offer: FileOffer;
  readonly link: Link;
  readonly book: TransferBook;
  readonly settled: AbortController;
}

export interface IncomingFolders {
  readonly partial: string;
  readonly quarantine: string;
  readonly downloads: string;
}

/** Files that arrive: the prompt, the answer, the MSRP session, the verdict (seed 000 7.4.2, cpm.md section 10.4). */
export class IncomingTransfers {
  readonly #context: ServiceContext;
  readonly #msrp: MsrpEngine;
  readonly #folders: IncomingFolders;
  readonly #outboxChanged: () => void;
  readonly #offered = new Map<number, Offered>();
  readonly #running = new Map<number, AbortController>();

  constructor(context: ServiceContext, msrp: MsrpEngine, folders: IncomingFolders, outboxChanged: () => void) {
    this.#context = context;
    this.#msrp = msrp;
    this.#folders = folders;
    this.#outboxChanged = outboxChanged;
  }

  /** An INVITE with the file transfer service. */
  async handle(invite: IncomingInvite, link: Link): Promise<void> {
    try {
      await this.#offer(invite, link);
    } catch (thrown) {
      const { status, headers, detail } = refusalOf(toCodedError(thrown));
      this.#context.log(`file INVITE ${invite.callId} answered ${status}: ${detail}`);
      invite.reject(status, undefined, headers);
    }
  }

  /** @throws ParleyError `request.invalid-state` when the offer is not open any more */
  accept(transferId: number): void {
    const offered = this.#take(transferId);
    const abort = new AbortController();
    this.#running.set(transferId, abort);
    this.#receive(offered, abort)
      .catch((thrown) => this.#context.log(`transfer ${transferId}: ${toCodedError(thrown).detail}`))
      .finally(() => this.#running.delete(transferId));
  }

  async decline(transferId: number): Promise<void> {
    const { invite, book } = this.#take(transferId);
    invite.reject(603, 'Decline');
    await book.apply('declined');
  }

  /** @returns false when no such transfer is at work here */
  cancel(transferId: number): boolean {
    const abort = this.#running.get(transferId);
    abort?.abort(new ParleyError('file.cancelled', 'cancelled here'));
    return abort !== undefined;
  }

  stop(): void {
    for (const { invite } of this.#offered.values()) invite.reject(480);
    this.#offered.clear();
    for (const abort of this.#running.values()) abort.abort(new ParleyError('msrp.lost', 'the app is closing'));
  }

  #take(transferId: number): Offered {
    const offered = this.#offered.get(transferId);
    if (!offered) throw new ParleyError('request.invalid-state', 'this offer is not open any more');
    this.#offered.delete(transferId);
    offered.settled.abort();
    return offered;
  }

  async #offer(invite: IncomingInvite, link: Link): Promise<void> {
    const { account, store, notices, clock } = this.#context;
    const { peer, title, cpmConversationId, contributionId, originInstance, fallbackId } = readEnvelope(invite, account.address);
    const invitation = decodeFileInvitation(invite.contentType, invite.body);
    if (!invitation) throw new ParleyError('peer.unsupported', `cannot take ${invite.contentType.slice(0, 80)}`);
    const description = decodeSdp(invitation.sdp);
    const { offer, refusal } = readFileOffer(description);
    if (refusal) return invite.reject(refusal.status, undefined, [warning(refusal.code, refusal.text)]);
    const { size } = offer;
    if (size === null) throw new ParleyError('peer.unsupported', 'a file without its size');
    if ((offer.range?.start ?? 1) !== 1) throw new ParleyError('peer.unsupported', 'a part of a file');
    if (account.maxFileSize > 0 && size > account.maxFileSize) throw new ParleyError('peer.too-large', `${size} octets`);
    await this.#checkRoom(size);

    const now = clock.now();
    const hashOf = (algorithm: string) => offer.hashes.find((hash) => hash.algorithm === algorithm)?.hex ?? null;
    const rows = await store.receiveOffer({
      peer,
      title,
      cpmConversationId,
      contributionId,
      imdnId: invitation.imdnId ?? offer.transferId ?? fallbackId,
      fileTransferId: offer.transferId ?? fallbackId,
      name: cleanFileName(offer.name ?? ''),
      type: offer.type ?? 'application/octet-stream',
      size,
      hash: { sha1: hashOf('sha-1'), sha256: hashOf('sha-256') },
      sentAt: invitation.sentAt ?? now,
      now,
      notify: {
        positiveDelivery: invitation.imdnId !== null && invitation.dispositions.has('positive-delivery'),
        negativeDelivery: invitation.imdnId !== null && invitation.dispositions.has('negative-delivery'),
        display: invitation.imdnId !== null && invitation.dispositions.has('display'),
        originInstance,
        dateTime: invitation.dateTime ?? new Date(now).toISOString(),
      },
    });
    if (rows.duplicate && rows.transfer.state !== 'offered') {
      // the sender did not hear how this one ended; the person has answered it once
      invite.reject(rows.transfer.state === 'declined' ? 603 : 480);
      return;
    }
    this.#replaceOlder(rows.transfer.id);
    notices.changed(rows);
    invite.ring();
    const book = new TransferBook(this.#context, rows.transfer);
    this.#prompt({ invite, description, offer, link, book, settled: new AbortController() });
  }

  #replaceOlder(transferId: number): void {
    const older = this.#offered.get(transferId);
    if (!older) return;
    this.#offered.delete(transferId);
    older.settled.abort();
    older.invite.reject(480);
  }

  #prompt(offered: Offered): void {
    const { invite, book, settled } = offered;
    const transferId = book.transfer.id;
    this.#offered.set(transferId, offered);
    const close = (event: 'expired' | 'cancelled', error: CodedError | null) => {
      if (this.#offered.get(transferId) !== offered) return;
      this.#offered.delete(transferId);
      settled.abort();
      book.apply(event, error ? { error } : {}).catch((thrown) => this.#context.log(`offer ${transferId}: ${toCodedError(thrown).detail}`));
    };
    const expires = invite.headers.find((header) => header.name.toLowerCase() === 'expires')?.value;
    const seconds = Number.parseInt(expires ?? '', 10);
    const wait = Number.isFinite(seconds) ? Math.min(LONGEST_PROMPT_MS, Math.max(10_000, seconds * 1000 - 5000)) : DEFAULT_PROMPT_MS;
    const stopTimer = this.#context.clock.after(wait, () => {
      // 480, never 603: another device of this person may still answer (cpm.md section 15.3)
      invite.reject(480);
      close('expired', null);
    });
    settled.signal.addEventListener('abort', stopTimer, { once: true });
    invite.onCancelled(() => close('cancelled', null));
    invite.onEnded((cause) => close('expired', cause.error));
  }

  async #receive(offered: Offered, abort: AbortController): Promise<void> {
    const { invite, book } = offered;
    try {
      await book.apply('accept', { fields: { partialPath: join(this.#folders.partial, `${book.transfer.id}.part`) } });
      await this.#transfer(offered, abort);
    } catch (thrown) {
      // `#` says more than the BYE that follows it
      const isGivenUp = toCodedError(thrown).code === 'msrp.stopped';
      const { state, partialPath } = await book.applyFailure(abort.signal.aborted && !isGivenUp ? abort.signal.reason : thrown);
      if (state !== 'interrupted' && partialPath) await rm(partialPath, { force: true });
      await invite.end().catch(() => undefined);
    }
  }

  async #transfer({ invite, description, offer, link, book }: Offered, abort: AbortController): Promise<void> {
    const { transfer } = book;
    const partialPath = transfer.partialPath as string;
    await mkdir(this.#folders.partial, { recursive: true });
    const meter = book.meter();
    const { sink, result } = createFileSink({
      partialPath,
      size: transfer.size,
      hash: transfer.hash ?? { sha1: null, sha256: null },
      onProgress: (octets) => meter.update(octets),
    });
    const verdict = result.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    let started: Promise<unknown> | null = null;
    const session = this.#msrp.createSession({
      onMessage: () => {
        // one file is one message is one session (RFC 5547 section 8.7)
        if (started) return { refuse: 413 };
        started = book.apply('started');
        return sink;
      },
      onClosed: (error) => sink.abort(error),
    });
    const stop = () => sink.abort(abort.signal.reason);
    abort.signal.addEventListener('abort', stop, { once: true });
    let byRemote = false;
    invite.onEnded((cause) => {
      byRemote = true;
      // what is complete stays complete, and a broken SIP flow does not stop octets that flow beside it
      if (cause.by === 'remote') abort.abort(new ParleyError('msrp.lost', 'the other side ended the transfer'));
    });
    try {
      const role = setupRole(offer.setup);
      const address = link.binding.localHost;
      const answer = makeFileAnswer(description, {
        mediaIndex: offer.mediaIndex,
        origin: makeOrigin(address, this.#context.clock.now()),
        address,
        port: this.#msrp.address.port,
        path: session.localUri,
        setup: role,
      });
      await invite.accept({
        contentType: 'application/sdp',
        body: encodeSdp(answer),
        contactParameters: contactFeature([FILE_TRANSFER]),
        headers: [],
      });
      await session.connect({ role, remotePath: offer.remotePath, signal: abort.signal });
      const failure = await verdict;
      await started;
      if (failure) await this.#failed(book, failure, partialPath);
      else await this.#finished(book, partialPath);
      if (!byRemote) await this.#awaitBye(invite);
    } catch (thrown) {
      sink.abort(toCodedError(thrown));
      // the partial file is closed then
      await verdict;
      throw thrown;
    } finally {
      abort.signal.removeEventListener('abort', stop);
      await session.close();
    }
  }

  async #finished(book: TransferBook, partialPath: string): Promise<void> {
    await book.apply('all-received', { fields: { transferred: book.transfer.size } });
    const finalPath = await finishFile(partialPath, this.#folders.downloads, book.transfer.name);
    await book.apply('verified', { fields: { finalPath } });
    this.#outboxChanged();
  }

  async #failed(book: TransferBook, thrown: unknown, partialPath: string): Promise<void> {
    const error = toCodedError(thrown);
    if (error.code !== 'file.hash-mismatch' && error.code !== 'file.size-mismatch') throw thrown;
    await book.apply('all-received');
    await mkdir(this.#folders.quarantine, { recursive: true });
    await quarantine(partialPath, this.#folders.quarantine);
    await book.apply('mismatch', { error });
    this.#outboxChanged();
  }

  #awaitBye(invite: IncomingInvite): Promise<void> {
    return new Promise((resolve) => {
      const stopTimer = this.#context.clock.after(
        BYE_WAIT_MS,
        () =>
          void invite
            .end()
            .catch(() => undefined)
            .then(resolve),
      );
      invite.onEnded(() => {
        stopTimer();
        resolve();
      });
    });
  }

  /** A file that cannot fit is refused before the person is asked (cpm.md section 10.4). */
  async #checkRoom(size: number): Promise<void> {
    await mkdir(this.#folders.downloads, { recursive: true });
    const disk = await statfs(this.#folders.downloads);
    if (disk.bavail * disk.bsize < size) throw new ParleyError('file.disk-full', `${size} octets do not fit`);
  }
}

/** What the client answers to an INVITE that it cannot put before the person (cpm.md section 15.3). */
function refusalOf(error: CodedError): { status: number; headers: readonly Header[]; detail: string } {
  switch (error.code) {
    case 'peer.too-large':
    case 'file.disk-full':
      return { status: 403, headers: [warning(399, '133 Size exceeded')], detail: error.detail };
    case 'multipart.malformed':
    case 'peer.unsupported':
      return {
        status: 415,
        headers: [{ name: 'Accept', value: 'application/sdp, multipart/mixed, multipart/related' }],
        detail: error.detail,
      };
    case 'store.full':
    case 'store.closed':
    case 'internal':
      return { status: 500, headers: [], detail: error.detail };
    default:
      return { status: 488, headers: [warning(304, 'Media type not available')], detail: error.detail };
  }
}

function warning(code: number, text: string): Header {
  return { name: 'Warning', value: `${code} parley "${text}"` };
}
