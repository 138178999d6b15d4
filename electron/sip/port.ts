import { type CodedError, ParleyError } from '../../shared/base/errors.ts';
import type { ProxyAddress, SipTransport } from '../../shared/model/account.ts';

/**
 * What the client needs of a SIP user agent, and nothing of the library behind it.
 * One agent is one account on one flow to its outbound proxy. Bodies are octets; header values are text without line breaks.
 */
export interface UserAgent {
  /**
   * Connects and registers (RFC 3261, 5626, 5627), at the next server where one cannot be reached, has trouble or does not answer. Resolves
   * with the binding after a 200 that lists this instance. Registered already, it renews the binding on the same flow.
   * @throws LinkError `link.unreachable`, `link.timeout`, `link.lost`, `link.certificate`, `link.credentials` (the answer to a challenge was
   * not taken), `link.unknown-account`, `link.refused`, `link.server`
   */
  register(): Promise<Binding>;
  /** ends every call by BYE, CANCEL or 480, and the binding of this instance, also one that is just being made; resolves when answered, or after 2 s */
  unregister(): Promise<void>;
  /** closes the flow without a word and ends every dialog locally */
  close(): Promise<void>;

  /** Something waits longer than it should: asks the server for a sign of life, and drops the flow when there is none in 10 s. */
  prove(): void;

  /** MESSAGE outside of a dialog. Resolves with any final answer, also a refusal. @throws ParleyError `link.*` when none came */
  message(request: OutgoingRequest): Promise<FinalAnswer>;
  /** OPTIONS outside of a dialog: the answer's Contact names what the peer can do. Resolves with any final answer. @throws ParleyError `link.*` when none came */
  options(question: CapabilityQuestion): Promise<FinalAnswer>;
  /** INVITE; the returned object lives as long as the dialog */
  invite(request: OutgoingRequest): OutgoingInvite;

  /** SUBSCRIBE; what is returned lives as long as the subscription. @throws ParleyError `request.invalid`, `link.offline` */
  subscribe(request: SubscriptionRequest): Subscription;

  readonly events: UserAgentEvents;
}

export interface UserAgentEvents {
  /** The flow broke, or a refresh failed: registration is gone. Never called after `close`. */
  onLost(listener: (failure: LinkFailure) => void): () => void;
  /** a refresh moved the end of the binding */
  onRefreshed(listener: (binding: Binding) => void): () => void;
  /** Exactly one listener answers each MESSAGE by `answer`. Without a listener: 480. */
  onMessage(listener: (message: IncomingMessage) => void): () => void;
  onInvite(listener: (invite: IncomingInvite) => void): () => void;
}

/** Why there is no link. */
export interface LinkFailure extends CodedError {
  /** how long the server asked to be left alone (Retry-After, as it said it), ms; null when it did not ask */
  readonly retryAfterMs: number | null;
}

export class LinkError extends ParleyError implements LinkFailure {
  readonly retryAfterMs: number | null;

  constructor(failure: LinkFailure) {
    super(failure.code, failure.detail);
    this.retryAfterMs = failure.retryAfterMs;
  }
}

export interface UserAgentOptions {
  /** CPM Address: `sip:alice@example.com` */
  readonly address: string;
  readonly displayName: string;
  /** what the person calls this device, for the registrar (R-REG-08); asked at each REGISTER, '' for none */
  readonly deviceName?: (() => string) | undefined;
  /** digest user name and password */
  readonly user: string;
  readonly password: string;
  readonly outboundProxy: ProxyAddress;
  readonly transport: SipTransport;
  /** PEM, trusted in place of the public authorities (`tls`, `wss`) */
  readonly caCertificates?: string | undefined;
  /** the system's when left out */
  readonly resolver?: Resolver | undefined;
  /** `urn:uuid:…`, made once per installation and kept (R-REG-04) */
  readonly instanceUrn: string;
  /** names after `urn:urn-7:3gpp-service.ims.icsi.`, for `+g.3gpp.icsi-ref` of the Contact (cpm.md section 2.1) */
  readonly services: readonly string[];
  /** names after `urn:urn-7:3gpp-application.ims.iari.`, for its `+g.3gpp.iari-ref` */
  readonly applications?: readonly string[] | undefined;
  /** `CPM-client/OMA2.0 Parley/<version> (<os>)` (cpm.md section 2.4) */
  readonly userAgent: string;
  /** seconds asked for in REGISTER */
  readonly expires: number;
  /** whether the person writes with that address, in its canonical form; strangers get far less of this device. Everybody when left out */
  readonly knows?: ((address: string) => boolean) | undefined;
  /** one line for whoever reads the log */
  readonly log?: ((line: string) => void) | undefined;
  /** every message in and out, as octets on the wire; for diagnostics */
  readonly tap?: ((direction: 'in' | 'out', octets: Uint8Array) => void) | undefined;
}

/** What RFC 3263 asks of the name service. Each rejects, or answers with nothing, where there is no such record. */
export interface Resolver {
  naptr(name: string): Promise<readonly NaptrRecord[]>;
  srv(name: string): Promise<readonly SrvRecord[]>;
  /** A and AAAA in the order to try them */
  addresses(name: string): Promise<readonly string[]>;
}

/** RFC 3403 section 4.1 */
export interface NaptrRecord {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly regexp: string;
  readonly replacement: string;
}

/** RFC 2782 */
export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly name: string;
}

export interface Binding {
  /** ms since the epoch */
  readonly expiresAt: number;
  readonly publicGruu: string | null;
  readonly temporaryGruu: string | null;
  /** from P-Associated-URI, first = default; own address when the registrar gave none */
  readonly addresses: readonly string[];
  /** the address of this end of the flow: what to bind and announce for media */
  readonly localHost: string;
}

export interface Header {
  readonly name: string;
  readonly value: string;
}

export interface OutgoingRequest {
  /** Request-URI and To */
  readonly target: string;
  /** beyond what SIP itself needs: Accept-Contact, Conversation-ID, P-Preferred-Identity … */
  readonly headers: readonly Header[];
  /** parameters of the Contact after the address (`+g.3gpp.icsi-ref=…`); `+sip.instance` is added by the agent. Null: no Contact (MESSAGE only) */
  readonly contactParameters: string | null;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** What one would be told of (RFC 6665). */
export interface SubscriptionRequest extends Pick<OutgoingRequest, 'target' | 'headers' | 'contactParameters'> {
  /** the event package */
  readonly event: string;
  /** types of its documents, as Accept names them */
  readonly accept: string;
  /** seconds asked for */
  readonly expires: number;
}

export interface Subscription {
  /** Resolves with the first final answer, after a challenge and a 423 were met. @throws ParleyError `link.*` when none came */
  readonly answer: Promise<FinalAnswer>;
  /** each NOTIFY that brings something, in order; it has been answered 200 */
  onNotify(listener: (notification: Notification) => void): () => void;
  /** at most once; not for an answer that was a refusal, and not after {@link end} */
  onEnded(listener: (end: SubscriptionEnd) => void): () => void;
  /** Asks for the whole state anew (RFC 6665 section 4.1.2.2). */
  refresh(): Promise<void>;
  /** Resolves when the other side has answered, or has not in 2 s. */
  end(): Promise<void>;
}

export type Notification = SessionBody;

export interface SubscriptionEnd {
  readonly by: 'remote' | 'link';
  /** of the answer to a refresh; null where it was none */
  readonly status: number | null;
  /** `deactivated`, `rejected` … (RFC 6665 section 4.1.3) */
  readonly reason: string | null;
  readonly retryAfterMs: number | null;
  readonly error: CodedError;
}

/** What a peer can do; this agent tells the same of itself. */
export type CapabilityQuestion = Pick<OutgoingRequest, 'target' | 'headers'>;

export interface FinalAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly Header[];
  readonly contentType: string | null;
  readonly body: Uint8Array;
}

/** What either side can do with a session that is up (RFC 3261 section 14, RFC 6337). */
export interface SessionChanges {
  /**
   * re-INVITE with another description, one at a time, again where it met one of the other side (491). Resolves with the final answer; after
   * one that is no 2xx the session is as it was. An abort sends CANCEL, and the answer says what became of it.
   * @throws ParleyError `request.invalid-state` when the session is not up, `link.*` when no answer came
   */
  reoffer(offer: SessionBody & { readonly headers?: readonly Header[] }, signal?: AbortSignal): Promise<FinalAnswer>;
  /** The other side would change the session, which its first listener judges. Without one it is refused with 488. */
  onReoffer(listener: (reoffer: IncomingReoffer) => void): () => void;
  /** REFER inside of the dialog (RFC 3515). @throws ParleyError `request.invalid-state` when the session is not up, `request.invalid` */
  refer(request: ReferRequest): Referral;
}

/** What the other side of a session is to ask of others. Refer-To and Refer-Sub are among the headers; '' and no octets where there is no list. */
export interface ReferRequest extends SessionBody {
  readonly headers: readonly Header[];
}

/** One REFER and what is told of it. */
export interface Referral {
  /** Resolves with the final answer, after a challenge was met. @throws ParleyError `link.*` when none came */
  readonly answer: Promise<FinalAnswer>;
  /** each NOTIFY that brings something (`message/sipfrag`), in order; it has been answered 200 */
  onNotify(listener: (notification: Notification) => void): () => void;
  /** once: nothing more is told, because it is done, was refused, will not be told (RFC 4488), or the dialog is gone */
  onEnded(listener: () => void): () => void;
}

/** A re-INVITE with a description that is another one. It is answered once; later calls are ignored. */
export interface IncomingReoffer extends SessionBody {
  readonly headers: readonly Header[];
  /** aborted once it is answered, or was cancelled by its sender */
  readonly settled: AbortSignal;
  /** 180: a person is asked */
  ring(): void;
  accept(answer: SessionBody): void;
  reject(status: number, reason?: string, headers?: readonly Header[]): void;
}

export interface OutgoingInvite extends SessionChanges {
  /** provisional answers but 100 */
  onProgress(listener: (status: number) => void): () => void;
  /** Resolves with the first final answer; a 2xx has been acknowledged then. @throws ParleyError `link.*` when none came */
  readonly answer: Promise<FinalAnswer>;
  /**
   * CANCEL before the final answer (queued until a provisional one came, RFC 3261 section 9.1), BYE after a 2xx, nothing otherwise
   * @param reason of the BYE (RFC 3326)
   */
  end(reason?: string): Promise<void>;
  /** the other side sent BYE, or the dialog died */
  onEnded(listener: (cause: DialogEnd) => void): () => void;
}

export interface DialogEnd {
  readonly by: 'remote' | 'link';
  readonly error: CodedError | null;
  /** of the other side's BYE (RFC 3326): `SIP;cause=410;text="Gone"`; null where it gave none */
  readonly reason?: string | null;
}

export interface IncomingMessage {
  readonly from: string;
  /** P-Asserted-Identity when there is one, else From: bare URI */
  readonly originator: string;
  readonly originatorName: string;
  /** the other identity that the network asserts of the same person: a tel URI beside the SIP one (RFC 3325 section 9.1) */
  readonly alsoKnownAs?: readonly string[];
  readonly callId: string;
  readonly cseq: number;
  readonly headers: readonly Header[];
  readonly contentType: string;
  readonly body: Uint8Array;
  /** once; later calls are ignored */
  answer(status: number, reason?: string, headers?: readonly Header[]): void;
}

/** No octets and '' where there was none. */
export interface SessionBody {
  readonly contentType: string;
  readonly body: Uint8Array;
}

export interface IncomingInvite extends Omit<IncomingMessage, 'answer'>, SessionChanges {
  /** 180. @param contactParameters feature tags of what is taken, as in `accept` */
  ring(contactParameters?: string): void;
  /**
   * 200 with that body, which is our offer where the INVITE brought none; resolves with what the ACK brought, the answer to such an offer
   * (RFC 3261 section 13.2.1). @throws ParleyError `link.lost`, `peer.timeout` when none came
   */
  accept(answer: SessionBody & { readonly contactParameters: string; readonly headers: readonly Header[] }): Promise<SessionBody>;
  reject(status: number, reason?: string, headers?: readonly Header[]): void;
  /** BYE once accepted, else like reject(480). @param reason of the BYE (RFC 3326) */
  end(reason?: string): Promise<void>;
  /** before the answer: CANCEL; `elsewhere` when its Reason says "Call completed elsewhere" */
  onCancelled(listener: (cancel: { readonly elsewhere: boolean }) => void): () => void;
  /** after the answer: BYE, or the dialog died */
  onEnded(listener: (cause: DialogEnd) => void): () => void;
}
