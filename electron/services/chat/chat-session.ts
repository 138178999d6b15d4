import { type CodedError, ParleyError, toCodedError } from '../../../shared/base/errors.ts';
import { type ChatSessionEnd, type ChatSessionState, nextChatSessionState } from '../../../shared/model/states/chat-session-state.ts';
import type { ChatMedia } from '../../../shared/protocol/sdp/chat-offer.ts';
import type { MsrpPlace } from '../../../shared/protocol/sdp/msrp-media.ts';
import type { SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { MsrpEngine, MsrpSession } from '../../msrp/port.ts';
import type { DialogEnd, IncomingReoffer, ReferRequest, Referral, SessionChanges } from '../../sip/port.ts';
import type { ServiceContext } from '../context.ts';
import type { Envelope, GroupPlace } from '../envelope.ts';
import type { Inbox } from '../inbox.ts';
import { Unacceptable } from '../session-body.ts';
import { messageSink } from '../session-sink.ts';
import { answerChange } from './changed-session.ts';

/** cpm.md section 7: a session in which nothing was said for so long is let go of; the next text makes another one */
export const IDLE_RELEASE_MS = 300_000;
/** for MSRP to be connected once the SDP is agreed on; then the text leaves another way */
const CONNECT_WITHIN_MS = 10_000;

/** The focus of a group says by BYE why a session is over, and closes its connection at the same time: either may come first. */
const BYE_WITHIN_MS = 1_500;

/** for the refusal of a message to be written before the session ends */
const REFUSAL_TAKES_MS = 1_000;

/** Both kinds of INVITE, as far as a session needs one. */
interface Dialog extends Pick<SessionChanges, 'onReoffer' | 'refer'> {
  end(reason?: string): Promise<void>;
  onEnded(listener: (cause: DialogEnd) => void): () => void;
}

export interface ChatSessionPorts {
  readonly context: ServiceContext;
  readonly msrp: MsrpEngine;
  readonly inbox: Inbox;
  /** at most once; the session is of no use any more */
  readonly onOver: (session: ChatSession) => void;
}

/** One chat session with one device of a peer, or the focus of a group, whoever started it: a dialog and the MSRP session that it described. */
export class ChatSession {
  /** see {@link key} */
  #key: string;
  readonly #ports: ChatSessionPorts;
  readonly #msrp: MsrpSession;
  #envelope: Envelope;
  #state: ChatSessionState;
  #media: ChatMedia | null = null;
  #local: SessionDescription | null = null;
  #dialog: Dialog | null = null;
  #withdraw: () => void = () => undefined;
  #cancelIdle: () => void = () => undefined;
  #underWay = 0;
  #isRefusing = false;
  #isLosing = false;
  #settleOver: () => void = () => undefined;
  #endReason: string | null = null;
  #contact: string | null = null;

  /** @param envelope where what comes in this session belongs */
  constructor(ports: ChatSessionPorts, key: string, envelope: Envelope, from: 'us' | 'them') {
    this.#key = key;
    this.#ports = ports;
    this.#envelope = envelope;
    this.#state = { kind: from === 'us' ? 'inviting' : 'connecting' };
    this.#msrp = ports.msrp.createSession({
      onMessage: (head) => {
        this.#touch();
        // a stranger who has sent too much is not listened to any longer; another session is a request that the gate counts
        if (!this.#isRefusing && !ports.inbox.hasRoom(this.#envelope, 0)) {
          this.#isRefusing = true;
          ports.context.clock.after(REFUSAL_TAKES_MS, () => this.end('released'));
        }
        return messageSink(ports.inbox, this.#envelope, head);
      },
      onClosed: (error) => this.#lose(error),
    });
  }

  /** what it is kept under: the peer, or a word for a session without a name */
  get key(): string {
    return this.#key;
  }

  get peer(): string {
    return this.#envelope.peer;
  }

  /** Its peer turned out to be somebody who is known by another address; a session without a name is nobody's. */
  moveTo(peer: string): void {
    if (this.#key === this.peer) this.#key = peer;
    this.#envelope = { ...this.#envelope, peer };
  }

  get state(): ChatSessionState {
    return this.#state;
  }

  /** Where our description says that it is reached; `answered` is what an offer that is answered says. @throws ParleyError `relay.*` */
  announce(answered?: Pick<ChatMedia, 'fingerprint'>): Promise<MsrpPlace> {
    return this.#msrp.announce(answered);
  }

  /** `urn:uuid:…` of the device at the other end, null when it did not say */
  get instance(): string | null {
    return this.#envelope.originInstance;
  }

  /** how CPIM names the other end: the peer, or where the group is reached */
  get to(): string {
    return this.#envelope.group?.identity ?? this.peer;
  }

  /** The network has said what group this is, and where it is reached from now on. */
  placeIn(group: GroupPlace): void {
    this.#envelope = { ...this.#envelope, group };
  }

  /** Reason of the BYE that ended it; null where there was none */
  get endReason(): string | null {
    return this.#endReason;
  }

  /** Contact of the device at the other end: a URI, null where it is not known */
  get contact(): string | null {
    return this.#contact;
  }

  /** of the session: the group that takes its place names it (cpm.md section 8.6) */
  get contributionId(): string {
    return this.#envelope.contributionId;
  }

  /** null until the descriptions are agreed on */
  get media(): ChatMedia | null {
    return this.#media;
  }

  /** The session lives as long as that dialog; another one takes the place of the one before. */
  attach(dialog: Dialog): void {
    this.#withdraw();
    this.#dialog = dialog;
    const withdraw = [
      dialog.onEnded(({ by, reason }) => {
        this.#endReason ??= reason ?? null;
        this.end(by === 'remote' ? 'hung-up' : 'lost');
      }),
      dialog.onReoffer((reoffer) => this.#reoffered(reoffer)),
    ];
    this.#withdraw = () => {
      for (const each of withdraw) each();
    };
  }

  /** @param local, media what each side said @param contact where that device is reached. @throws ParleyError when MSRP cannot be connected; the session is over then */
  async connect(local: SessionDescription, media: ChatMedia, instance: string | null, contact: string | null = null): Promise<void> {
    this.#local = local;
    this.#media = media;
    this.#envelope = { ...this.#envelope, originInstance: instance };
    this.#contact = contact;
    if (this.#state.kind === 'inviting') this.#state = nextChatSessionState(this.#state, { kind: 'answered' });
    const { role, remotePath, via, fingerprint } = media;
    const abort = new AbortController();
    const cancelTimer = this.#ports.context.clock.after(CONNECT_WITHIN_MS, () => abort.abort());
    try {
      await this.#msrp.connect({ role, remotePath, via, fingerprint, signal: abort.signal });
    } catch (thrown) {
      this.end('lost');
      throw thrown;
    } finally {
      cancelTimer();
    }
    if (this.#state.kind !== 'connecting') throw new ParleyError('msrp.lost', 'the session ended');
    this.#state = nextChatSessionState(this.#state, { kind: 'connected' });
    this.#touch();
  }

  /**
   * Resolves when the other end has taken it.
   * @throws ParleyError `msrp.*` as of the engine, `file.cancelled` when the session ends before
   */
  async send(contentType: string, octets: Uint8Array, chunkSize?: number): Promise<void> {
    this.#underWay += 1;
    try {
      await this.#msrp.send({ contentType, source: octets, successReport: false, chunkSize });
    } finally {
      this.#underWay -= 1;
      this.#touch();
    }
  }

  /** See {@link SessionChanges.refer}. */
  refer(request: ReferRequest): Referral {
    if (this.#dialog === null || this.#state.kind !== 'open') throw new ParleyError('request.invalid-state', 'the session is not open');
    return this.#dialog.refer(request);
  }

  /** resolves when it is over */
  readonly over = new Promise<void>((resolve) => {
    this.#settleOver = resolve;
  });

  /** resolves when what {@link end} sent was answered, or was not in 2 s */
  ending: Promise<void> = Promise.resolve();

  /**
   * BYE, or CANCEL before the answer; both connections end. What is on its way is lost, and told so to who sent it.
   * @param reason of the BYE
   */
  end(why: ChatSessionEnd, reason?: string): void {
    if (this.#state.kind === 'over') return;
    this.ending = this.#end(why, reason);
  }

  async #end(why: ChatSessionEnd, reason?: string): Promise<void> {
    this.#state = nextChatSessionState(this.#state, { kind: 'end', why });
    this.#cancelIdle();
    const { log } = this.#ports.context;
    // at once, so that a process that is about to end has written it
    const bye = this.#dialog?.end(reason).catch((thrown) => log(`ending a session: ${toCodedError(thrown).detail}`));
    const closed = this.#msrp.close();
    this.#ports.onOver(this);
    this.#settleOver();
    await Promise.all([bye, closed]);
  }

  #reoffered(reoffer: IncomingReoffer): void {
    if (this.#local === null || this.#media === null) return reoffer.reject(491);
    try {
      this.#local = answerChange(reoffer, this.#local, this.#media);
    } catch (thrown) {
      this.#ports.context.log(`re-INVITE in a chat session: ${toCodedError(thrown).detail}`);
      if (thrown instanceof Unacceptable) reoffer.reject(thrown.status, undefined, thrown.headers);
      else reoffer.reject(488);
    }
  }

  #lose({ code, detail }: CodedError): void {
    const { context } = this.#ports;
    context.log(`chat session: ${code} ${detail}`);
    this.#isLosing = true;
    if (this.#envelope.group === undefined || this.#state.kind !== 'open') this.end('lost');
    else context.clock.after(BYE_WITHIN_MS, () => this.end('lost'));
  }

  /** texts pass */
  get isUsable(): boolean {
    return this.#state.kind === 'open' && !this.#isLosing;
  }

  #touch(): void {
    this.#cancelIdle();
    // a group is left by its person, or let go of by its focus
    if (this.#state.kind !== 'open' || this.#envelope.group !== undefined) return;
    this.#cancelIdle = this.#ports.context.clock.after(IDLE_RELEASE_MS, () => {
      if (this.#underWay > 0) this.#touch();
      else this.end('released');
    });
  }
}
