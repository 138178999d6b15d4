import { Core } from 'sip.js';
import { toBinaryString } from '../../shared/base/bytes.ts';
import type { CodedError } from '../../shared/base/errors.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { decodeSip, encodeSip } from '../../shared/protocol/sip/codec.ts';
import type { SipMessage, SipRequest, SipResponse } from '../../shared/protocol/sip/message.ts';
import { essentials, type SipEssentials } from '../../shared/protocol/sip/validate.ts';
import { uriHost } from './addresses.ts';
import { admit, answerTo, refusalOfUnread, type Surroundings, unpack } from './admission.ts';
import { carrying, LIBRARY_VIA_HOST, OWN_URI } from './library-message.ts';
import { maskToken, maskUri } from './masking.ts';
import { Normaliser, PRIVATE_PREFIX } from './normaliser.ts';
import type { Header } from './port.ts';
import type { Flow } from './transport/flow.ts';

// sip.js takes a request for new as soon as it was answered over TCP, so a repeated one would be delivered twice;
// a back-to-back agent in front may well repeat: at T2 = 4 s the latest (RFC 3261 section 17.1.2.2). Timer J in full would keep
// half a minute of traffic in memory
Object.assign(Core.Timers, { TIMER_D: 32_000, TIMER_I: 5_000, TIMER_J: 5_000, TIMER_K: 5_000 });

/** A request as the caller of sip.js means it: real addresses, real octets. */
export interface RequestPlan {
  readonly method: string;
  readonly uri: string;
  /** name-addr, without tag */
  readonly from: string;
  readonly fromTag: string;
  readonly to: string;
  readonly toTag: string | null;
  readonly callId: string;
  readonly routes: readonly string[];
  readonly headers: readonly Header[];
  readonly contentType: string | null;
  readonly body: Uint8Array;
}

export interface CoreListeners {
  readonly onInvite: (request: Core.IncomingInviteRequest, message: SipRequest) => void;
  readonly onMessage: (request: Core.IncomingMessageRequest, message: SipRequest) => void;
}

/** What the agent ends by itself when it leaves; whoever owns it is told as of a lost link. */
export interface LiveCall {
  hangUp(): void;
}

export const LEAVING: CodedError = { code: 'link.offline', detail: 'this device is signing out' };

/** The transaction and dialog layers of sip.js on one flow, seen through the normaliser. Nothing of sip.js throws out of it. */
export class AgentCore {
  readonly library: Core.UserAgentCore;
  /** by the sip.js id of a dialog: who hears of an UPDATE that refreshed it, and of a CANCEL of a re-INVITE, which sip.js passes over */
  readonly inDialog = new Map<string, (request: SipRequest) => void>();
  readonly calls = new Set<LiveCall>();
  /** who takes the NOTIFYs of a subscription, and answers them: sip.js sees none */
  readonly notified = new Map<string, (notify: SipRequest) => SipResponse>();
  readonly #normaliser = new Normaliser();
  readonly #originals = new WeakMap<object, SipMessage>();
  readonly #waiting = new Set<(error: ParleyError) => void>();
  readonly #surroundings: Omit<Surroundings, 'hasDialog'>;
  #flow: Flow | null = null;

  constructor(listeners: CoreListeners, surroundings: Omit<Surroundings, 'hasDialog'>) {
    this.#surroundings = surroundings;
    const loggerFactory = new Core.LoggerFactory();
    loggerFactory.builtinEnabled = false;
    this.library = new Core.UserAgentCore(
      {
        aor: OWN_URI,
        contact: { pubGruu: undefined, tempGruu: undefined, uri: OWN_URI, toString: () => `<${OWN_URI.toString()}>` },
        displayName: '',
        loggerFactory,
        hackViaTcp: false,
        routeSet: [],
        sipjsId: '',
        supportedOptionTags: [],
        supportedOptionTagsResponse: [],
        userAgentHeaderFieldValue: 'masked',
        viaForceRport: false,
        viaHost: LIBRARY_VIA_HOST,
        authenticationFactory: () => undefined,
        transportAccessor: () => ({ protocol: 'TCP', send: (text: string) => this.#send(text) }),
      },
      {
        onInvite: (request) => this.#deliver(request, listeners.onInvite),
        onMessage: (request) => this.#deliver(request, listeners.onMessage),
      },
    );
  }

  get flow(): Flow | null {
    return this.#flow;
  }

  attach(flow: Flow): void {
    this.#flow = flow;
  }

  /** Fails everything that waits, and forgets every transaction and dialog. */
  detach(error: CodedError): void {
    this.#flow = null;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const fail of waiting) fail(new ParleyError(error.code, error.detail));
    this.library.reset();
    this.#normaliser.reset();
  }

  /** Calls `fail` when the flow ends. @returns a function that withdraws it */
  onDetach(fail: (error: ParleyError) => void): () => void {
    this.#waiting.add(fail);
    return () => this.#waiting.delete(fail);
  }

  /** What stood on the wire where sip.js saw a masked message; null for an answer sip.js made up (time-out, broken transport). */
  original(message: object): SipMessage | null {
    return this.#originals.get(message) ?? null;
  }

  /** The same, once: what sip.js keeps of an answered request for 32 s is then without its body. */
  take(message: object): SipMessage | null {
    const original = this.original(message);
    this.#originals.delete(message);
    return original;
  }

  receive(octets: Uint8Array): void {
    try {
      const message = decodeSip(octets);
      if (message.kind === 'request') this.#receiveRequest(message);
      else this.#receiveResponse(message);
    } catch (thrown) {
      const refusal = refusalOfUnread(octets, thrown, this.#surroundings.gate);
      if (refusal !== null) this.#write(refusal);
    }
  }

  compose(plan: RequestPlan, cseq: number, credentials: readonly Header[]): Core.OutgoingRequestMessage {
    const fields = [
      ...plan.headers,
      ...credentials,
      ...(plan.contentType === null ? [] : [{ name: 'Content-Type', value: plan.contentType }]),
    ];
    return this.library.makeOutgoingRequestMessage(
      plan.method,
      carrying(plan.uri),
      carrying(plan.from),
      carrying(plan.to),
      {
        callId: maskToken(plan.callId),
        cseq,
        fromTag: maskToken(plan.fromTag),
        ...(plan.toTag === null ? {} : { toTag: maskToken(plan.toTag) }),
        optionTags: [],
        routeSet: plan.routes.length === 0 ? [] : [`<${maskUri(plan.routes.join(', '))};lr>`],
      },
      privateHeaders(fields),
      plan.body.length === 0 ? undefined : maskedBody(plan.body),
    );
  }

  /** Sends a request that is no INVITE once. @throws ParleyError `link.*` */
  transact(request: () => Core.OutgoingRequestMessage): Promise<SipResponse> {
    return new Promise((resolve, reject) => {
      if (this.#flow === null) throw new ParleyError('link.offline', 'there is no connection');
      const withdraw = this.onDetach(reject);
      const settle = ({ message }: { readonly message: Core.IncomingResponseMessage }): void => {
        withdraw();
        const original = this.original(message);
        if (original?.kind === 'response') resolve(original);
        else reject(localFailure(message));
      };
      this.library.request(request(), { onAccept: settle, onRedirect: settle, onReject: settle });
    });
  }

  #receiveRequest(request: SipRequest): void {
    const subscription = request.method === 'NOTIFY' ? this.notified.get(notifyKeyOf(request)) : undefined;
    if (subscription !== undefined) {
      this.#write(subscription(request));
      return;
    }
    const admission = admit(request, { ...this.#view(), hasDialog: (parts) => this.library.dialogs.has(dialogId(parts)) });
    if (admission.kind === 'drop') return;
    if (admission.kind === 'answer') {
      this.#write(admission.response);
      if (request.method === 'UPDATE' && admission.response.status === 200) this.#follow(request);
      return;
    }
    const original = unpack(request);
    if (original.kind === 'response') {
      this.#write(original);
      return;
    }
    const message = this.#normaliser.requestForLibrary(original);
    if (message === null) {
      this.#write(answerTo(request, 503, 'Service Unavailable'));
      return;
    }
    this.#originals.set(message, original);
    try {
      this.library.receiveIncomingRequestFromTransport(message);
      if (request.method === 'CANCEL') this.#follow(request);
    } catch {
      if (request.method !== 'ACK') this.#write(answerTo(request, 500, 'Internal Server Error'));
    }
  }

  #follow(request: SipRequest): void {
    this.inDialog.get(dialogId(essentials(request)))?.(request);
  }

  #receiveResponse(response: SipResponse): void {
    const message = this.#normaliser.responseForLibrary(response);
    if (message === null) return;
    this.#originals.set(message, response);
    this.library.receiveIncomingResponseFromTransport(message);
  }

  #view(): Omit<Surroundings, 'hasDialog'> {
    const surroundings = this.#surroundings;
    return { isOwnUser: (user) => surroundings.isOwnUser(user), contact: surroundings.contact, gate: surroundings.gate };
  }

  #deliver<T extends { readonly message: Core.IncomingRequestMessage }>(
    request: T,
    listener: (request: T, message: SipRequest) => void,
  ): void {
    const original = this.take(request.message);
    if (original?.kind === 'request') listener(request, original);
  }

  async #send(text: string): Promise<void> {
    const flow = this.#flow;
    if (flow === null) throw new ParleyError('link.lost', 'there is no connection');
    const message = this.#normaliser.forNetwork(text, {
      protocol: flow.protocol,
      host: uriHost(flow.localHost),
      port: flow.localPort,
    });
    if (message !== null) await flow.send(encodeSip(message));
  }

  #write(response: SipResponse): void {
    this.#flow?.send(encodeSip(response)).catch(() => undefined);
  }
}

/** how a subscription is found: by its Call-ID and our tag */
export function notifyKey(callId: string, localTag: string): string {
  return `${callId} ${localTag}`;
}

/** '' for what cannot be read, which belongs to none */
function notifyKeyOf(request: SipRequest): string {
  try {
    const { callId, toTag } = essentials(request);
    return notifyKey(callId, toTag ?? '');
  } catch {
    return '';
  }
}

/** how sip.js names a dialog */
function dialogId(parts: SipEssentials): string {
  return maskToken(parts.callId) + maskToken(parts.toTag ?? '') + maskToken(parts.fromTag ?? '');
}

export function privateHeaders(headers: readonly Header[]): string[] {
  return headers.map(({ name, value }) => `${PRIVATE_PREFIX}${name}: ${value}`);
}

/** sip.js judges by type and disposition whether a body is an offer or an answer; the real type is a private header. */
export function maskedBody(octets: Uint8Array): Core.Body {
  return { contentDisposition: 'session', contentType: 'application/sdp', content: toBinaryString(octets) };
}

/** RFC 3261 section 8.1.3.1: sip.js reports a time-out as 408 and a broken transport as 503 of its own. */
export function localFailure(message: Core.IncomingResponseMessage): ParleyError {
  return message.statusCode === 408
    ? new ParleyError('link.timeout', 'no answer in 32 s')
    : new ParleyError('link.lost', 'the request could not be sent');
}
