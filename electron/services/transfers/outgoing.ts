import { ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { contactFeature, FILE_TRANSFER } from '../../../shared/protocol/cpm/names.ts';
import { fileRejection } from '../../../shared/protocol/cpm/rejection.ts';
import { makeOrigin, readFileAnswer } from '../../../shared/protocol/sdp/file-offer.ts';
import { decodeSdp } from '../../../shared/protocol/sdp/sdp.ts';
import type { MsrpEngine } from '../../msrp/port.ts';
import type { FinalAnswer, OutgoingInvite } from '../../sip/port.ts';
import type { OutboxItem, StoredTransfer } from '../../store/port.ts';
import type { Link, ServiceContext } from '../context.ts';
import { attemptFromError, GIVE_UP_MS, LINK_WAIT_MS, retryWait } from '../outbox.ts';
import { TransferBook } from './booking.ts';
import { chunkSizeFor } from './chunk-size.ts';
import type { Icons } from './icons.ts';
import { encodeFileInvitation, fileInviteHeaders, fileMedia } from './invitation.ts';
import { hashesOf, openSource, sendFile } from './sending-run.ts';

type FileItem = Extract<OutboxItem, { kind: 'file' }>;

/** Files that this person sends: hashing, the invitation, the MSRP session, the end (seed 000 7.4.1, cpm.md section 10). */
export class OutgoingTransfers {
  readonly #context: ServiceContext;
  readonly #msrp: MsrpEngine;
  readonly #icons: Icons;
  readonly #live = new Map<number, AbortController>();
  readonly #work = new Set<Promise<void>>();
  readonly #outboxChanged: () => void;
  #stopped = false;

  constructor(context: ServiceContext, msrp: MsrpEngine, icons: Icons, outboxChanged: () => void) {
    this.#context = context;
    this.#msrp = msrp;
    this.#icons = icons;
    this.#outboxChanged = outboxChanged;
  }

  /**
   * Hashes the file and puts it into the outbox. Called once the row is committed, and again after a restart that found it unprepared. Every
   * outcome is booked; never rejects.
   */
  prepare(transfer: StoredTransfer): Promise<void> {
    const work = this.#prepare(transfer)
      .catch((thrown) => this.#context.log(`transfer ${transfer.id}: ${toCodedError(thrown).detail}`))
      .finally(() => this.#work.delete(work));
    this.#work.add(work);
    return work;
  }

  /** Invites the peer and, once accepted, sends. Resolves with the end of the transfer; every outcome is booked. */
  async offer(item: FileItem, link: Link): Promise<void> {
    const abort = this.#begin(item.transfer.id);
    const book = new TransferBook(this.#context, item.transfer);
    try {
      await this.#offer(item, link, book, abort);
      await this.#cancelIfAsked(book, abort.signal);
    } catch (thrown) {
      // the next start takes it up where it is
      if (this.#stopped && book.transfer.state === 'queued') return;
      const error = toCodedError(abort.signal.aborted ? abort.signal.reason : thrown);
      const now = this.#context.clock.now();
      // nobody was asked yet
      if (error.code === 'relay.unreachable' && now - item.createdAt <= GIVE_UP_MS)
        await book.apply('postponed', { error, notBefore: now + retryWait(item, now) });
      else await book.applyFailure(error);
    } finally {
      this.#end(item.transfer.id, abort);
    }
  }

  /** @returns false when no such transfer is at work here */
  cancel(transferId: number): boolean {
    const abort = this.#live.get(transferId);
    abort?.abort(new ParleyError('file.cancelled', 'cancelled here'));
    return abort !== undefined;
  }

  stop(): void {
    this.#stopped = true;
    for (const abort of this.#live.values()) abort.abort(new ParleyError('msrp.lost', 'the app is closing'));
  }

  /** Resolves when nothing is being prepared any more; offers are awaited by the outbox. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#work);
  }

  async #prepare(transfer: StoredTransfer): Promise<void> {
    const book = new TransferBook(this.#context, transfer);
    const abort = this.#begin(transfer.id);
    try {
      await book.apply('prepared', { fields: await hashesOf(transfer, abort.signal) });
      await this.#cancelIfAsked(book, abort.signal);
      this.#outboxChanged();
    } catch (thrown) {
      // closing the app is no wish to cancel: the next start hashes it again
      if (this.#stopped) return;
      await book.applyFailure(toCodedError(abort.signal.aborted ? abort.signal.reason : thrown));
    } finally {
      this.#end(transfer.id, abort);
    }
  }

  /** A cancel that came while the step before it was written down. */
  async #cancelIfAsked(book: TransferBook, signal: AbortSignal): Promise<void> {
    const isAsked = signal.aborted && toCodedError(signal.reason).code === 'file.cancelled';
    if (isAsked && book.transfer.state === 'queued') await book.apply('cancelled');
  }

  #end(transferId: number, abort: AbortController): void {
    // a retry of the same file may be at work already
    if (this.#live.get(transferId) === abort) this.#live.delete(transferId);
  }

  #begin(transferId: number): AbortController {
    const abort = new AbortController();
    this.#live.set(transferId, abort);
    return abort;
  }

  async #offer(item: FileItem, link: Link, book: TransferBook, abort: AbortController): Promise<void> {
    // a fresh id for every attempt: the same one again would be a repetition that starts nothing (RFC 5547 section 8.1)
    const fileTransferId = randomToken(32);
    // a retry of one that failed while it was prepared comes without
    const hashes = item.transfer.hash ? {} : await hashesOf(item.transfer, abort.signal);
    // nobody is asked about a file that is not there any more
    await (await openSource(item.transfer)).close();
    const transfer = await book.apply('offer', { fields: { fileTransferId, ...hashes } });
    abort.signal.throwIfAborted();
    const icon = await this.#icons.toSend(transfer, link);
    abort.signal.throwIfAborted();
    let closed: unknown = null;
    const session = this.#msrp.createSession({
      onMessage: () => ({ refuse: 403 }),
      onClosed: (error) => {
        closed = error;
      },
    });
    const { address } = this.#context.account;
    const place = await session.announce().catch(async (thrown) => {
      await session.close();
      throw thrown;
    });
    const media = fileMedia(transfer, { fileTransferId, place, icon: icon?.contentId });
    const offer = { origin: makeOrigin(place.address, this.#context.clock.now()), name: '-', address: place.address, media: [media] };
    const invite = link.agent.invite({
      target: transfer.peer,
      headers: fileInviteHeaders(address, transfer),
      contactParameters: contactFeature([FILE_TRANSFER]),
      ...encodeFileInvitation(
        offer,
        [{ fileTransferId, imdnId: transfer.imdnId, sentAt: item.message.sentAt }],
        { address, to: transfer.peer },
        icon === null ? [] : [icon.part],
      ),
    });
    const end = () => void invite.end().catch((thrown) => this.#context.log(`ending an invitation: ${toCodedError(thrown).detail}`));
    let isSending = false;
    const onAbort = () => {
      // a message on its way is ended with `#` first, and BYE follows (cpm.md section 10.7)
      if (!isSending || toCodedError(abort.signal.reason).code !== 'file.cancelled') end();
    };
    abort.signal.addEventListener('abort', onAbort, { once: true });
    invite.onEnded((cause) => {
      // a broken SIP flow does not stop octets that flow beside it
      if (cause.by === 'remote') abort.abort(new ParleyError('msrp.lost', 'the other side ended the transfer'));
    });
    try {
      const answer = await this.#answer(item, book, invite, abort.signal);
      if (!answer) return;
      const accepted = readFileAnswer(offer, decodeSdp(answer.body));
      const { role, remotePath, fingerprint } = accepted;
      await session.connect({ role, remotePath, fingerprint, signal: abort.signal });
      if (closed) throw closed;
      isSending = true;
      const chunkSize = chunkSizeFor(answer.headers);
      await sendFile({ context: this.#context, book, session, accepted, start: 0, chunkSize, signal: abort.signal });
    } finally {
      abort.signal.removeEventListener('abort', onAbort);
      await session.close();
      end();
    }
  }

  /** @returns the 2xx, or null when the outcome is booked already */
  async #answer(item: FileItem, book: TransferBook, invite: OutgoingInvite, signal: AbortSignal): Promise<FinalAnswer | null> {
    let answer: FinalAnswer;
    try {
      answer = await invite.answer;
    } catch (thrown) {
      const error = toCodedError(thrown);
      const attempt = attemptFromError(error);
      if (signal.aborted || attempt.kind !== 'postponed') throw thrown;
      const wait = attempt.whenOnline ? LINK_WAIT_MS : retryWait(item, this.#context.clock.now());
      await book.apply('postponed', { error, notBefore: this.#context.clock.now() + wait });
      return null;
    }
    if (signal.aborted) throw signal.reason;
    if (this.#icons.answered(item.transfer, answer.status)) {
      await book.apply('postponed', { notBefore: this.#context.clock.now() });
      return null;
    }
    if (answer.status < 300) return answer;
    const rejection = fileRejection(answer.status, answer.headers);
    const error = { code: rejection.code, detail: `${answer.status} ${answer.reason}` };
    if (rejection.code === 'peer.declined') await book.apply('declined', { error });
    else if (rejection.permanent) await book.apply('failed', { error });
    else if (rejection.code === 'peer.timeout' || this.#context.clock.now() - item.createdAt > GIVE_UP_MS)
      await book.apply('expired', { error });
    else {
      const wait = rejection.retryAfter === null ? retryWait(item, this.#context.clock.now()) : rejection.retryAfter * 1000;
      await book.apply('postponed', { error, notBefore: this.#context.clock.now() + wait });
    }
    return null;
  }
}
