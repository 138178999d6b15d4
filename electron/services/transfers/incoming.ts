import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { cleanFileName } from '../../../shared/model/file-name.ts';
import { formatDateTime } from '../../../shared/protocol/cpim/cpim-message.ts';
import { contactFeature, FILE_TRANSFER } from '../../../shared/protocol/cpm/names.ts';
import { makeFileAnswer, makeOrigin, preferredRole, setupRole, takenLine } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { type FileOffer, readFileOffer } from '../../../shared/protocol/sdp/read-file-offer.ts';
import { decodeSdp, encodeSdp, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { IncomingInvite } from '../../sip/port.ts';
import type { ServiceContext } from '../context.ts';
import { readEnvelope, senderOf } from '../envelope.ts';
import { notifyOf } from '../receipts.ts';
import { Unacceptable } from '../session-body.ts';
import { TransferBook } from './booking.ts';
import { checkRoom, type IncomingFolders } from './folders.ts';
import { keepIcon } from './icons.ts';
import { decodeFileInvitation, requestOf } from './invitation.ts';
import { bookBroken, causeOf, partialPathOf, ReceivingRun } from './receiving-run.ts';
import { refusalOf, warning } from './refusal.ts';

/** An unanswered prompt ends before the invitation does; an INVITE without Expires is taken to last as long as a proxy waits (timer C). */
const DEFAULT_PROMPT_MS = 170_000;
const LONGEST_PROMPT_MS = 600_000;
/** the sender ends the dialog; one that does not is not waited for longer */
const BYE_WAIT_MS = 40_000;

interface Offered {
  readonly invite: IncomingInvite;
  readonly description: SessionDescription;
  readonly offer: FileOffer;
  readonly book: TransferBook;
  readonly settled: AbortController;
}

/** Files that arrive: the prompt, the answer, the MSRP session, the verdict (seed 000 7.4.2, cpm.md section 10.4). */
export class IncomingTransfers {
  readonly #context: ServiceContext;
  readonly #msrp: MsrpEngine;
  readonly #folders: IncomingFolders;
  readonly #outboxChanged: () => void;
  readonly #offered = new Map<number, Offered>();
  /** transfers whose end is not written down yet */
  readonly #running = new Map<number, AbortController>();
  readonly #work = new Set<Promise<void>>();
  #stopped = false;

  constructor(context: ServiceContext, msrp: MsrpEngine, folders: IncomingFolders, outboxChanged: () => void) {
    this.#context = context;
    this.#msrp = msrp;
    this.#folders = folders;
    this.#outboxChanged = outboxChanged;
  }

  /** An INVITE with the file transfer service. */
  async handle(invite: IncomingInvite): Promise<void> {
    // its sender may take it back while the disk is looked at and the card is written
    const withdrawn = new AbortController();
    invite.onCancelled(() => withdrawn.abort());
    try {
      await this.#offer(invite, withdrawn.signal);
    } catch (thrown) {
      const error = toCodedError(thrown);
      const { status, headers } = thrown instanceof Unacceptable ? thrown : refusalOf(error);
      this.#context.log(`file INVITE ${invite.callId} answered ${status}: ${error.detail}`);
      invite.reject(status, undefined, headers);
    }
  }

  /** @throws ParleyError `request.invalid-state` when the offer is not open any more */
  accept(transferId: number): void {
    const offered = this.#take(transferId);
    const abort = new AbortController();
    this.#running.set(transferId, abort);
    const work = this.#receive(offered, abort)
      .catch((thrown) => this.#context.log(`transfer ${transferId}: ${toCodedError(thrown).detail}`))
      .finally(() => {
        this.#leave(transferId, abort);
        this.#work.delete(work);
      });
    this.#work.add(work);
  }

  /** @returns false when the offer is not open any more */
  async decline(transferId: number): Promise<boolean> {
    if (!this.#offered.has(transferId)) return false;
    const { invite, book } = this.#take(transferId);
    try {
      await book.apply('declined');
    } finally {
      invite.reject(603, 'Decline');
    }
    return true;
  }

  /** @returns false when no such transfer is at work here */
  cancel(transferId: number): boolean {
    const abort = this.#running.get(transferId);
    abort?.abort(new ParleyError('file.cancelled', 'cancelled here'));
    return abort !== undefined;
  }

  stop(): void {
    this.#stopped = true;
    for (const { invite, settled } of this.#offered.values()) {
      settled.abort();
      invite.reject(480);
    }
    this.#offered.clear();
    for (const abort of this.#running.values()) abort.abort(new ParleyError('msrp.lost', 'the app is closing'));
  }

  /** Resolves when every transfer has its end written down and its session closed. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#work);
  }

  #leave(transferId: number, abort: AbortController): void {
    // a later offer of the same file may run already
    if (this.#running.get(transferId) === abort) this.#running.delete(transferId);
  }

  #take(transferId: number): Offered {
    const offered = this.#offered.get(transferId);
    if (!offered) throw new ParleyError('request.invalid-state', 'this offer is not open any more');
    this.#offered.delete(transferId);
    offered.settled.abort();
    return offered;
  }

  async #offer(invite: IncomingInvite, withdrawn: AbortSignal): Promise<void> {
    const { account, store, notices, clock } = this.#context;
    const envelope = readEnvelope(invite, account);
    const { originInstance, fallbackId } = envelope;
    const invitation = decodeFileInvitation(invite);
    const description = decodeSdp(invitation.sdp);
    const { offers, refusal } = readFileOffer(description);
    const [offer] = offers;
    if (refusal || !offer) return invite.reject(488, undefined, [warning(refusal?.code ?? 304, refusal?.text ?? '')]);
    if (offer.pull) throw new ParleyError('peer.declined', 'a pull');
    const { size } = offer;
    if (size === null) throw new ParleyError('peer.unsupported', 'a file without its size');
    if ((offer.range?.start ?? 1) !== 1) throw new ParleyError('peer.unsupported', 'a part of a file');
    if (account.maxFileSize > 0 && size > account.maxFileSize) throw new ParleyError('peer.too-large', `${size} octets`);
    await checkRoom(this.#folders, size);

    const now = clock.now();
    const asked = requestOf(invitation, offer.transferId, true);
    const hashOf = (algorithm: string) => offer.hashes.find((hash) => hash.algorithm === algorithm)?.hex ?? null;
    const rows = await store.receiveOffer({
      ...senderOf(this.#context, envelope),
      imdnId: asked?.request.messageId ?? offer.transferId ?? fallbackId,
      fileTransferId: offer.transferId ?? fallbackId,
      name: cleanFileName(offer.name ?? ''),
      type: offer.type ?? 'application/octet-stream',
      size,
      hash: { sha1: hashOf('sha-1'), sha256: hashOf('sha-256') },
      sentAt: asked?.sentAt ?? now,
      now,
      notify: notifyOf(this.#context, asked?.request ?? null, originInstance, asked?.dateTime ?? formatDateTime(now)),
    });
    await this.#context.contacts.heard(envelope);
    if (rows.duplicate && rows.transfer.state !== 'offered') {
      // the sender did not hear how this one ended; the person has answered it once
      invite.reject(rows.transfer.state === 'declined' ? 603 : 480);
      return;
    }
    const shown = await keepIcon(this.#context, invite, offer.icon, rows);
    // the person has just accepted it by the invitation before this one
    if (this.#running.has(rows.transfer.id)) return invite.reject(486);
    this.#replaceOlder(rows.transfer.id);
    notices.changed(shown);
    const book = new TransferBook(this.#context, rows.transfer);
    if (withdrawn.aborted) return void (await book.apply('cancelled'));
    if (this.#stopped) return invite.reject(480);
    invite.ring(contactFeature([FILE_TRANSFER]));
    this.#prompt({ invite, description, offer, book, settled: new AbortController() });
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
    const transferId = book.transfer.id;
    const partialPath = partialPathOf(this.#folders, transferId);
    invite.onCancelled(() => abort.abort(new ParleyError('file.cancelled', 'taken back by its sender')));
    try {
      await book.apply('accept', { fields: { partialPath } });
      abort.signal.throwIfAborted();
      await this.#transfer(offered, abort);
    } catch (thrown) {
      const error = causeOf(thrown, abort.signal);
      const { status, headers } = refusalOf(error);
      invite.reject(status, undefined, headers);
      const ended = invite.end().catch(() => undefined);
      await bookBroken(book, error);
      this.#leave(transferId, abort);
      this.#outboxChanged();
      await ended;
    }
  }

  async #transfer({ invite, description, offer, book }: Offered, abort: AbortController): Promise<void> {
    const { transfer } = book;
    const run = await ReceivingRun.open({
      context: this.#context,
      folders: this.#folders,
      book,
      outboxChanged: this.#outboxChanged,
    });
    const session = this.#msrp.createSession(run.handlers);
    const stop = () => run.abort(toCodedError(abort.signal.reason));
    abort.signal.addEventListener('abort', stop, { once: true });
    let byRemote = false;
    invite.onEnded((cause) => {
      byRemote = true;
      // what is complete stays complete, and a broken SIP flow does not stop octets that flow beside it
      if (cause.by === 'remote') abort.abort(new ParleyError('msrp.lost', 'the other side ended the transfer'));
    });
    try {
      const role = setupRole(offer.setup, preferredRole(offer.remotePath));
      const place = await session.announce(offer);
      const line = takenLine(description.media[offer.mediaIndex] as MsrpMedia, { place, setup: role });
      const answer = makeFileAnswer(description, {
        origin: makeOrigin(place.address, this.#context.clock.now()),
        address: place.address,
        lines: new Map([[offer.mediaIndex, line]]),
      });
      await invite.accept({
        contentType: 'application/sdp',
        body: encodeSdp(answer),
        contactParameters: contactFeature([FILE_TRANSFER]),
        headers: [],
      });
      await session.connect({ role, remotePath: offer.remotePath, signal: abort.signal });
      await run.result;
      this.#leave(transfer.id, abort);
      if (!byRemote) await this.#awaitBye(invite);
    } catch (thrown) {
      run.abort(toCodedError(thrown));
      // the partial file is closed then
      await run.result.catch(() => undefined);
      throw thrown;
    } finally {
      abort.signal.removeEventListener('abort', stop);
      await session.close();
    }
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
}
