import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import type { Part } from '../../../shared/protocol/multipart/multipart.ts';
import { type FileAnswer, makeOrigin, readFileMediaAnswer } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia, MsrpPlace } from '../../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, encodeSdp, SDP_TYPE, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { MsrpEngine, MsrpSession, SessionHandlers } from '../../msrp/port.ts';
import type { FinalAnswer, IncomingReoffer, OutgoingInvite, SessionBody } from '../../sip/port.ts';
import type { ServiceContext } from '../context.ts';
import { offerOf, Unacceptable } from '../session-body.ts';
import { isInterruption } from './booking.ts';
import { FileLines } from './file-lines.ts';
import { encodeFileInvitation, type FileToNotify } from './invitation.ts';

/** A file on one m-line of ours, whichever way its octets flow. */
export interface FileOfSession {
  /** ends it: `file.cancelled`, `file.paused`, or what else happened to it */
  readonly abort: AbortController;
  readonly handlers: SessionHandlers;
  /** what is asked to be notified; null: nothing */
  readonly notify: FileToNotify | null;
  /** the thumbnail that its m-line names */
  readonly icon: Part | null;
  /** its m-line, once it is known where its session is reached */
  media(place: MsrpPlace): MsrpMedia;
  /**
   * Lets the octets flow in a session that is connected, and books how far they got. @param headers of the answer
   * @throws ParleyError why they ended before the last
   */
  flow(session: MsrpSession, headers: FinalAnswer['headers']): Promise<void>;
  /** What the answer says of it, before anything flows. @throws ParleyError it is not taken like this */
  accepted(answer: FileAnswer): Promise<void>;
  /** Once, when nothing is going on with it any more. Null: all is well. Never rejects. */
  over(error: CodedError | null): Promise<void>;
}

export interface FileSessionParts {
  readonly context: ServiceContext;
  readonly msrp: MsrpEngine;
  /** the CPIM To of the requests for notifications */
  readonly to: string;
  /** how long the dialog stays after its last file, waiting for more, ms (seed 002 7.x.2); 0: not at all */
  readonly lingerMs: number;
  /** it takes no more files */
  readonly onOver: () => void;
}

/** how long after BYE the last answer of an MSRP session may still come */
const LAST_WORD_MS = 300;

interface Line {
  readonly file: FileOfSession;
  readonly session: MsrpSession;
  readonly place: number;
  readonly media: MsrpMedia;
}

/**
 * One dialog of file transfers that we started: an m-line a file, each with an MSRP session of its own; further files by re-INVITE, on the lines of
 * those that are over; port 0 for what nobody needs any more; BYE after a while without any (seed 000 7.4.1(2), seed 002 7.x.2).
 */
export class FileSession {
  readonly #parts: FileSessionParts;
  readonly #running = new Set<Line>();
  readonly #work = new Set<Promise<void>>();
  #lines: FileLines | null = null;
  #invite: OutgoingInvite | null = null;
  #isOver = false;
  /** offers without an answer */
  #asking = 0;
  #stopLinger: () => void = () => undefined;

  constructor(parts: FileSessionParts) {
    this.#parts = parts;
  }

  /** whether so many more files may be offered by {@link reuse} */
  hasRoom(count: number): boolean {
    return !this.#isOver && this.#invite !== null && this.#lines !== null && this.#lines.room >= count;
  }

  /**
   * The first offer. Resolves with the final answer; after a 2xx each file goes its own way and is told of its end, after any other the
   * session is over and its files are the caller's again, but for those that were aborted meanwhile.
   * @throws ParleyError `relay.*`, `link.*`, `peer.malformed`; the session is over then
   */
  async invite(files: readonly FileOfSession[], send: (body: SessionBody) => OutgoingInvite): Promise<FinalAnswer> {
    try {
      const answer = await this.#offer(files, (body, withdrawn) => {
        const invite = send(body);
        this.#invite = invite;
        invite.onEnded((cause) => this.#ended(cause.by === 'remote'));
        invite.onReoffer((reoffer) => this.#reoffered(reoffer));
        withdrawn.addEventListener('abort', () => this.#bye(), { once: true });
        return invite.answer;
      });
      if (answer.status >= 300) this.#close();
      return answer;
    } catch (thrown) {
      this.#bye();
      throw thrown;
    }
  }

  /** Further files by re-INVITE. As {@link invite}, but a refusal leaves the session as it was. */
  async reuse(files: readonly FileOfSession[], headers: FinalAnswer['headers']): Promise<FinalAnswer> {
    const invite = this.#invite;
    if (invite === null || this.#isOver) throw new ParleyError('request.invalid-state', 'the session is over');
    this.#stopLinger();
    try {
      const answer = await this.#offer(files, (body, withdrawn) => invite.reoffer({ ...body, headers }, withdrawn));
      // the dialog is gone (RFC 3261 section 14.1)
      if (answer.status === 408 || answer.status === 481) this.#bye();
      return answer;
    } catch (thrown) {
      if (!this.#isOver && toCodedError(thrown).code !== 'relay.unreachable') this.#bye();
      throw thrown;
    } finally {
      this.#rest();
    }
  }

  /** The app is closing: what flows ends, and BYE. */
  stop(reason: ParleyError): void {
    if (this.#running.size === 0) this.#bye();
    else this.#lose(reason);
  }

  /** Resolves when every file has its end written down. */
  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
  }

  async #offer(
    files: readonly FileOfSession[],
    send: (body: SessionBody, withdrawn: AbortSignal) => Promise<FinalAnswer>,
  ): Promise<FinalAnswer> {
    const { context, to } = this.#parts;
    const withdrawn = new AbortController();
    const left = new Set<FileOfSession>();
    const leave = (file: FileOfSession) => {
      if (left.has(file)) return;
      left.add(file);
      this.#settle(file, toCodedError(file.abort.signal.reason));
      if (left.size === files.length) withdrawn.abort(file.abort.signal.reason);
    };
    const answered = new AbortController();
    for (const file of files) file.abort.signal.addEventListener('abort', () => leave(file), { signal: answered.signal });
    const sessions = files.map(({ handlers }) => this.#parts.msrp.createSession(handlers));
    const closeAll = () => Promise.all(sessions.map((session) => session.close()));
    this.#asking += 1;
    try {
      for (const file of files) if (file.abort.signal.aborted) leave(file);
      if (withdrawn.signal.aborted) throw withdrawn.signal.reason;
      const places = await Promise.all(sessions.map((session) => session.announce()));
      const media = files.map((file, index) => file.media(places[index] as MsrpPlace));
      this.#lines ??= new FileLines(makeOrigin((places[0] as MsrpPlace).address, context.clock.now()));
      const taken = this.#lines.take(media);
      const offer = this.#lines.describe();
      const wanted = files.flatMap(({ notify }) => (notify === null ? [] : [notify]));
      const icons = files.flatMap(({ icon }) => (icon === null ? [] : [icon]));
      const body = encodeFileInvitation(offer, wanted, { address: context.account.address, to }, icons);
      const answer = await send(body, withdrawn.signal);
      if (answer.status >= 300) {
        taken.undo();
        await closeAll();
        return answer;
      }
      answered.abort();
      const lines = files.map((file, index) => {
        return { file, session: sessions[index], place: taken.places[index], media: media[index] } as Line;
      });
      this.#begin(lines, left, offer, decodeSdp(answer.body), answer.headers);
      return answer;
    } catch (thrown) {
      await closeAll();
      throw thrown;
    } finally {
      answered.abort();
      this.#asking -= 1;
    }
  }

  #begin(
    lines: readonly Line[],
    left: ReadonlySet<FileOfSession>,
    offer: SessionDescription,
    answer: SessionDescription,
    headers: FinalAnswer['headers'],
  ): void {
    if (answer.media.length !== offer.media.length) throw new ParleyError('peer.malformed', 'the answer has other media than the offer');
    for (const line of lines) this.#running.add(line);
    for (const line of lines) {
      const work = this.#run(line, left.has(line.file), answer, headers)
        .catch((thrown) => this.#parts.context.log(`file session: ${toCodedError(thrown).detail}`))
        .finally(() => this.#work.delete(work));
      this.#work.add(work);
    }
  }

  async #run(line: Line, hasLeft: boolean, answer: SessionDescription, headers: FinalAnswer['headers']): Promise<void> {
    const { file, session, media, place } = line;
    const { signal } = file.abort;
    let error: CodedError | null = null;
    let isTaken = false;
    try {
      const accepted = readFileMediaAnswer(media, answer.media[place]);
      isTaken = true;
      signal.throwIfAborted();
      await file.accepted(accepted);
      const { role, remotePath, fingerprint } = accepted;
      this.#lines?.agreed(place, role);
      await session.connect({ role, remotePath, fingerprint, signal });
      await file.flow(session, headers);
    } catch (thrown) {
      error = toCodedError(signal.aborted ? signal.reason : thrown);
    }
    // a message on its way is ended with `#` first, and BYE or port 0 follows (cpm.md section 10.7); a loss must not look like a wish
    await session.close(error !== null && isInterruption(error));
    this.#running.delete(line);
    const isNews = this.#lines?.end(place);
    if (!hasLeft) await file.over(error);
    if (this.#isOver || this.#asking > 0) return;
    if (this.#running.size === 0) return error === null ? this.#rest() : this.#bye();
    if (error !== null && isTaken && isNews) this.#tellClosed();
  }

  /** Port 0 for the lines that are over while others go on (R-FT-18). */
  #tellClosed(): void {
    const { context, to } = this.#parts;
    if (this.#lines === null || this.#invite === null) return;
    const body = encodeFileInvitation(this.#lines.describe(), [], { address: context.account.address, to });
    this.#invite.reoffer(body).catch((thrown) => context.log(`closing an m-line: ${toCodedError(thrown).detail}`));
  }

  /** The other side closes lines, or says again what it said: no file of its own is taken here, an INVITE is there for it (RFC 3264 section 8). */
  #reoffered(reoffer: IncomingReoffer): void {
    const lines = this.#lines;
    // ours is on its way (RFC 3261 section 14.2)
    if (lines === null || this.#asking > 0) return reoffer.reject(491);
    try {
      const offer = offerOf(reoffer);
      const closed = offer && lines.heard(decodeSdp(offer).media);
      if (closed === null) return reoffer.reject(488);
      reoffer.accept({ contentType: SDP_TYPE, body: encodeSdp(lines.describe('answer')) });
      const reason = new ParleyError('msrp.stopped', 'the other side closed the line');
      for (const { file, place } of this.#running) if (closed.includes(place)) file.abort.abort(reason);
    } catch (thrown) {
      this.#parts.context.log(`re-INVITE in a file session: ${toCodedError(thrown).detail}`);
      if (thrown instanceof Unacceptable) reoffer.reject(thrown.status, undefined, thrown.headers);
      else reoffer.reject(488);
    }
  }

  /** Nothing flows: more may come, for a while. */
  #rest(): void {
    if (this.#isOver || this.#asking > 0 || this.#running.size > 0) return;
    this.#stopLinger();
    if (this.#parts.lingerMs === 0) return this.#bye();
    this.#stopLinger = this.#parts.context.clock.after(this.#parts.lingerMs, () => this.#bye());
  }

  #settle(file: FileOfSession, error: CodedError): void {
    const work = file.over(error).finally(() => this.#work.delete(work));
    this.#work.add(work);
  }

  /** A broken SIP flow does not stop octets that flow beside it. */
  #ended(isByRemote: boolean): void {
    this.#close();
    if (!isByRemote) return;
    // a 413 says more, and comes on another way than BYE
    this.#parts.context.clock.after(LAST_WORD_MS, () => this.#lose(new ParleyError('msrp.lost', 'the other side ended the transfer')));
  }

  /** What flows ends, and that is nobody's wish. */
  #lose(reason: ParleyError): void {
    for (const { file, session } of this.#running) {
      void session.close(true);
      file.abort.abort(reason);
    }
  }

  /** CANCEL before the final answer, BYE after a 2xx. */
  #bye(): void {
    const { context } = this.#parts;
    this.#close();
    this.#invite?.end().catch((thrown) => context.log(`ending a file session: ${toCodedError(thrown).detail}`));
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopLinger();
    this.#parts.onOver();
  }
}
