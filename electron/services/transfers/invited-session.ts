import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { contactFeature, FILE_TRANSFER } from '../../../shared/protocol/cpm/names.ts';
import { makeFileAnswer, makeOrigin } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { type FileOffer, readFileOffer } from '../../../shared/protocol/sdp/read-file-offer.ts';
import { decodeSdp, encodeSdp, type Media, nextVersion, SDP_TYPE, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import { header } from '../../../shared/protocol/sip/message.ts';
import type { DialogEnd, Header, IncomingInvite, IncomingReoffer, SessionBody } from '../../sip/port.ts';
import { type Envelope, readEnvelope } from '../envelope.ts';
import { inItsGroup } from '../groups/file-place.ts';
import { Unacceptable } from '../session-body.ts';
import { chunkSizeFor } from './chunk-size.ts';
import type { FileJudge } from './file-judge.ts';
import { decodeFileInvitation, requestOf } from './invitation.ts';
import { InvitedLine, type LineParts } from './invited-line.ts';
import { promptTime } from './prompt-time.ts';
import { type Refusal, refusalOf, warning } from './refusal.ts';
import { closedLines, lineChanges } from './session-lines.ts';

/** the sender ends the dialog, or uses it for the next file; one that does neither is not waited for longer */
const BYE_WAIT_MS = 40_000;
/** how long a second change of the session is put off while the person thinks about the first, seconds */
const BUSY_S = 10;

export interface SessionParts extends LineParts {
  readonly judge: FileJudge;
  /** the person is asked about that file from now on; whatever asked about the same transfer before is over */
  readonly ask: (line: InvitedLine) => void;
  /** it was decided before */
  readonly take: (line: InvitedLine) => void;
  /** nobody is asked about it any more */
  readonly close: (line: InvitedLine) => void;
  /** nothing is asked or answered in that dialog any more; octets may flow still */
  readonly gone: (session: InvitedSession) => void;
  /** to be waited for before the app ends */
  readonly track: (work: Promise<unknown>) => void;
}

type Request = SessionBody & { readonly headers: readonly Header[]; readonly callId: string };

/** How an offer is answered: of the INVITE, or of a re-INVITE. */
interface Reply {
  ring(): void;
  accept(answer: SessionBody): Promise<unknown>;
  reject(refusal: Refusal): void;
}

/** An offer whose files are being decided on. */
interface Round {
  readonly reply: Reply;
  readonly description: SessionDescription;
  readonly kept: ReadonlySet<number>;
  readonly asked: readonly InvitedLine[];
  readonly lines: readonly InvitedLine[];
  /** of the files that nobody is asked about */
  readonly refusals: readonly Refusal[];
  /** shows the cards */
  readonly tell: readonly (() => void)[];
}

/**
 * A dialog for files that somebody invited us to (RFC 5547 section 8). The files of each offer are put before the person one by one, and its answer
 * leaves when all are decided. Each m-line then lives by itself. The dialog ends with the other side's BYE, or with ours when its last line
 * failed.
 */
export class InvitedSession {
  readonly #parts: SessionParts;
  readonly #invite: IncomingInvite;
  #envelope: Envelope;
  /** the newest file of each m-line */
  readonly #seen = new Map<number, FileOffer>();
  /** lines whose octets flow, by m-line */
  readonly #live = new Map<number, InvitedLine>();
  #answer: SessionDescription | null = null;
  #reading: { isWithdrawn: boolean } | null = null;
  #round: Round | null = null;
  /** files that are decided on, before their answer has left */
  #wanted: readonly InvitedLine[] = [];
  #isOver = false;
  #isStopped = false;
  #stopPrompt: () => void = () => undefined;
  #stopWaiting: () => void = () => undefined;

  /** @throws ParleyError `peer.malformed` when there is nobody it could be from */
  constructor(parts: SessionParts, invite: IncomingInvite) {
    this.#parts = parts;
    this.#invite = invite;
    this.#envelope = readEnvelope(invite, parts.context.account);
    invite.onCancelled(() => this.#withdrawn());
    invite.onEnded((cause) => this.#ended(cause));
    invite.onReoffer((reoffer) => void this.#reoffered(reoffer));
  }

  /** Reads the INVITE and puts its files before the person. Never rejects. */
  begin(): Promise<void> {
    const invite = this.#invite;
    const contactParameters = contactFeature([FILE_TRANSFER]);
    return this.#consider(invite, {
      ring: () => invite.ring(contactParameters),
      accept: (answer) => invite.accept({ ...answer, contactParameters, headers: [] }),
      reject: ({ status, headers }) => {
        this.#leave();
        invite.reject(status, status === 603 ? 'Decline' : undefined, headers);
      },
    });
  }

  /** The app closes: the next start says of the prompts that they are over. Lines are stopped by whoever runs them. */
  stop(): void {
    this.#isStopped = true;
    this.#stopWaiting();
    this.#stopPrompt();
    for (const line of this.#open()) this.#forget(line, 480);
  }

  async #reoffered(reoffer: IncomingReoffer): Promise<void> {
    if (this.#round !== null || this.#reading !== null)
      return reoffer.reject(500, undefined, [{ name: 'Retry-After', value: String(BUSY_S) }]);
    this.#stopWaiting();
    let isAnswered = false;
    reoffer.settled.addEventListener('abort', () => isAnswered || this.#withdrawn(), { once: true });
    await this.#consider(
      { ...reoffer, callId: this.#invite.callId },
      {
        ring: () => reoffer.ring(),
        accept: async (answer) => {
          isAnswered = true;
          reoffer.accept(answer);
        },
        reject: ({ status, headers }) => {
          isAnswered = true;
          reoffer.reject(status, undefined, headers);
          this.#rest();
        },
      },
    );
  }

  async #consider(request: Request, reply: Reply): Promise<void> {
    const reading = { isWithdrawn: false };
    this.#reading = reading;
    let round: Round;
    try {
      round = await this.#read(request, reply);
    } catch (thrown) {
      const refusal = thrown instanceof Unacceptable ? thrown : refusalOf(toCodedError(thrown));
      this.#parts.context.log(`file INVITE ${request.callId} answered ${refusal.status}: ${toCodedError(thrown).detail}`);
      this.#reading = null;
      return reply.reject(refusal);
    }
    this.#reading = null;
    this.#round = round;
    if (this.#isStopped) return this.#forgetAll(round, 480);
    // its sender took it back while the disk was looked at and the cards were written
    if (reading.isWithdrawn) {
      for (const tell of round.tell) tell();
      return this.#withdrawn();
    }
    if (round.asked.length > 0) {
      reply.ring();
      this.#stopPrompt = this.#parts.context.clock.after(promptTime(request.headers), () => this.#unanswered());
    }
    for (const line of round.lines) (round.asked.includes(line) ? this.#parts.ask : this.#parts.take)(line);
    // whoever sees a card can answer it
    for (const tell of round.tell) tell();
    this.#decided(round);
  }

  /** @throws Unacceptable; ParleyError `sdp.*`, `peer.*`, `store.*` */
  async #read(request: Request, reply: Reply): Promise<Round> {
    // where its cards stand is decided once
    if (this.#answer === null) this.#envelope = await inItsGroup(this.#parts.context, this.#invite, this.#envelope);
    const invitation = decodeFileInvitation(request);
    const description = decodeSdp(invitation.sdp);
    const { offers, refusal } = readFileOffer(description);
    if (refusal && this.#answer === null) throw new Unacceptable(488, [warning(refusal.code, refusal.text)], refusal.text);
    if (description.media.length < (this.#answer?.media.length ?? 0)) throw new Unacceptable(488, [], 'an m-line is gone');
    const changes = lineChanges(this.#seen, offers);
    const group = changes.fresh.length > 1 ? randomToken(16) : null;
    const chunkSize = chunkSizeFor(request.headers);
    const asked: InvitedLine[] = [];
    const lines: InvitedLine[] = [];
    const refusals: Refusal[] = [];
    const tell: (() => void)[] = [];
    const round: Round = { reply, description, kept: changes.kept, asked, lines, refusals, tell };
    for (const index of closedLines(this.#seen, description, changes))
      this.#live.get(index)?.stop(new ParleyError('msrp.stopped', 'the other side closed the line'));
    try {
      for (const offer of changes.fresh) {
        const judgement = await this.#parts.judge.judge({
          offer,
          envelope: this.#envelope,
          request,
          asked: requestOf(invitation, offer.transferId, changes.fresh.length === 1),
          fallbackId: this.#fallbackId(offer, description),
          invitation: group,
          isKept: header(request, 'Referred-By') !== null,
        });
        this.#seen.set(offer.mediaIndex, offer);
        if (judgement.kind === 'refuse') {
          refusals.push(judgement.refusal);
          continue;
        }
        const media = description.media[offer.mediaIndex] as MsrpMedia;
        const { book } = judgement;
        const { start, release } = judgement.kind === 'take' ? judgement : { start: 0, release: null };
        const file = { offer, media, book, start, isAgain: release !== null, chunkSize };
        const line = new InvitedLine(this.#parts, file, () => this.#changed(round, line));
        if (release !== null) void line.over.then(release);
        lines.push(line);
        if (judgement.kind === 'ask') asked.push(line);
        if (judgement.tell) tell.push(judgement.tell);
      }
    } catch (thrown) {
      // those before it are not asked about either
      for (const show of tell) show();
      for (const line of lines) {
        if (line.file.book.transfer.state === 'offered') this.#forget(line, 480, 'expired');
        else line.refuse({ status: 480, headers: [] });
      }
      throw thrown;
    }
    return round;
  }

  #fallbackId({ mediaIndex }: FileOffer, { origin }: SessionDescription): string {
    const { fallbackId } = this.#envelope;
    return mediaIndex === 0 && this.#answer === null ? fallbackId : `${fallbackId};${origin.version};${mediaIndex}`;
  }

  #changed(round: Round, line: InvitedLine): void {
    if (this.#round === round) this.#decided(round);
    else if (this.#live.get(line.file.offer.mediaIndex) === line) this.#broken(line);
  }

  #decided(round: Round): void {
    if (this.#round !== round || round.lines.some(({ outcome }) => outcome === null)) return;
    this.#round = null;
    this.#stopPrompt();
    this.#parts.track(this.#reply(round));
  }

  async #reply(round: Round): Promise<void> {
    const { description, reply, lines, kept } = round;
    const prepared = new Map<InvitedLine, MsrpMedia>();
    this.#wanted = lines.filter(({ outcome }) => outcome === 'taken');
    for (const line of this.#wanted) {
      const media = await line.prepare();
      if (media !== null) prepared.set(line, media);
    }
    const answer = new Map<number, Media>();
    for (const index of kept) {
      const before = this.#answer?.media[index];
      if (before !== undefined) answer.set(index, before);
    }
    for (const [line, media] of prepared) answer.set(line.file.offer.mediaIndex, media);
    this.#wanted = [];
    // a change that only closes lines is answered, too
    const isRefused = this.#isOver || (this.#live.size === 0 && lines.length + round.refusals.length > 0);
    if (prepared.size === 0 && isRefused) return reply.reject(refusalFor(round));
    const sent = this.#send(reply, description, answer);
    for (const line of prepared.keys()) {
      const { mediaIndex } = line.file.offer;
      this.#live.set(mediaIndex, line);
      this.#parts.track(
        line.run(sent).then(() => {
          if (this.#live.get(mediaIndex) === line) this.#live.delete(mediaIndex);
          this.#rest();
        }),
      );
    }
    await sent.catch(() => undefined);
    this.#rest();
  }

  #send(reply: Reply, description: SessionDescription, lines: ReadonlyMap<number, Media>): Promise<unknown> {
    const taken = [...lines.values()].find((media) => media.kind === 'msrp' && media.address !== null) as MsrpMedia | undefined;
    const address = this.#answer?.address ?? taken?.address ?? this.#parts.msrp.address.host;
    const origin = this.#answer === null ? makeOrigin(address, this.#parts.context.clock.now()) : nextVersion(this.#answer.origin);
    this.#answer = makeFileAnswer(description, { origin, address, lines });
    return reply.accept({ contentType: SDP_TYPE, body: encodeSdp(this.#answer) });
  }

  /** One line came to nothing; the others do not hear of it. */
  #broken(line: InvitedLine): void {
    const { mediaIndex } = line.file.offer;
    this.#live.delete(mediaIndex);
    if (this.#isOver) return;
    if (this.#live.size > 0) this.#parts.track(this.#closeLine(mediaIndex));
    else if (this.#round === null && this.#reading === null) this.#hangUp();
  }

  /** Port 0 (cpm.md section 10.7). Where the other side does not take it, its MSRP session is closed all the same. */
  async #closeLine(index: number): Promise<void> {
    const { log } = this.#parts.context;
    const before = this.#answer;
    if (before === null) return;
    const media = before.media.map((line, at): Media => (at === index ? { ...line, port: 0 } : line));
    const change = { ...before, origin: nextVersion(before.origin), media };
    this.#answer = change;
    const problem = await this.#invite.reoffer({ contentType: SDP_TYPE, body: encodeSdp(change) }).then(
      ({ status }) => (status < 300 ? null : String(status)),
      (thrown) => toCodedError(thrown).detail,
    );
    if (problem === null) return;
    log(`closing an m-line: ${problem}`);
    if (this.#answer === change) this.#answer = before;
  }

  /** Nothing flows and nothing is asked: the inviter ends the dialog, or uses it once more. */
  #rest(): void {
    if (this.#isOver || this.#isStopped || this.#answer === null || this.#live.size > 0 || this.#round !== null) return;
    this.#stopWaiting();
    this.#stopWaiting = this.#parts.context.clock.after(BYE_WAIT_MS, () => this.#hangUp());
  }

  #leave(): void {
    this.#isOver = true;
    this.#stopWaiting();
    this.#parts.gone(this);
  }

  #hangUp(): void {
    this.#leave();
    this.#parts.track(this.#invite.end());
  }

  #unanswered(): void {
    // 480, never 603: another device of this person may still answer (cpm.md section 15.3)
    for (const line of this.#open()) this.#forget(line, 480, 'expired');
  }

  #withdrawn(): void {
    if (this.#reading) this.#reading.isWithdrawn = true;
    else if (this.#round) this.#forgetAll(this.#round, 480, 'cancelled');
    for (const line of this.#wanted) line.stop(takenBack(line));
  }

  #ended({ by, error }: DialogEnd): void {
    this.#leave();
    if (this.#round) this.#forgetAll(this.#round, 480, 'expired', error);
    // what is complete stays complete, and a broken SIP flow does not stop octets that flow beside it
    if (by === 'remote')
      for (const line of this.#live.values()) line.stop(new ParleyError('msrp.lost', 'the other side ended the transfer'));
  }

  #open(): InvitedLine[] {
    return this.#round?.asked.filter(({ outcome }) => outcome === null) ?? [];
  }

  /** @param event what becomes of the files that were not decided on; those that were accepted are taken back */
  #forgetAll(round: Round, status: number, event?: 'cancelled' | 'expired', error: CodedError | null = null): void {
    this.#stopPrompt();
    for (const line of round.lines) {
      if (line.outcome === null && round.asked.includes(line)) this.#forget(line, status, event, error);
      else if (line.outcome === null && !line.isWanted) line.refuse({ status, headers: [] });
      else line.stop(takenBack(line));
    }
    this.#decided(round);
  }

  #forget(line: InvitedLine, status: number, event?: 'cancelled' | 'expired', error: CodedError | null = null): void {
    const { log } = this.#parts.context;
    this.#parts.close(line);
    if (event)
      this.#parts.track(
        line.file.book
          .apply(event, error ? { error } : {})
          .catch((thrown) => log(`offer ${line.transferId}: ${toCodedError(thrown).detail}`)),
      );
    line.refuse({ status, headers: [] });
  }
}

/** A CANCEL does not say whether a person or the network sent it: what goes on from before is only lost. */
function takenBack({ file }: InvitedLine): ParleyError {
  return new ParleyError(file.isAgain ? 'msrp.lost' : 'file.cancelled', 'taken back by its sender');
}

/** The one answer to an offer of which nothing is taken: that nobody was there silences no other device (cpm.md section 15.3). */
function refusalFor({ lines, refusals }: Round): Refusal {
  const all = [...lines.flatMap(({ outcome }) => (outcome === null || outcome === 'taken' ? [] : [outcome])), ...refusals];
  return all.find(({ status }) => status === 480) ?? all[0] ?? { status: 488, headers: [] };
}
