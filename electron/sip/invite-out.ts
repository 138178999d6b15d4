import type { Core } from 'sip.js';
import { NO_BYTES } from '../../shared/base/bytes.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { hasToken, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { LEAVING, type LiveCall, localFailure, privateHeaders, type RequestPlan } from './agent-core.ts';
import { type CallContext, CallDialog, sendBye, withinEndTimeout } from './dialog.ts';
import type { DigestAttempt } from './digest.ts';
import { cseqFrom, finalAnswer } from './exchange.ts';
import { asksForAnonymity } from './identity.ts';
import { quietly } from './message.ts';
import { ALLOW, checkHeaders, checkValue, hasHeader, supported } from './own-headers.ts';
import type { DialogEnd, FinalAnswer, Header, IncomingReoffer, OutgoingInvite, OutgoingRequest, ReferRequest, Referral } from './port.ts';
import { redirectedTarget } from './redirection.ts';
import { minimumInterval, SESSION_INTERVAL, sessionInterval } from './session-timer.ts';

/** RFC 3261 section 9.1: an INVITE that is not answered 64 * T1 after its CANCEL is over. */
const CANCELLED_MS = 32_000;

/** what the caller learns when a 2xx crossed our CANCEL: the session is ended again at once */
const TERMINATED: FinalAnswer = { status: 487, reason: 'Request Terminated', headers: [], contentType: null, body: NO_BYTES };

/**
 * One call we make.
 *
 *     calling --(2xx)--> up --(BYE)--> over        calling --(end)--> ending --(any final answer)--> over
 *     calling --(3xx-6xx)--> over                  a 2xx in ending, or beyond the first one: ACK and BYE
 */
export class OutgoingCall implements OutgoingInvite, LiveCall {
  readonly answer: Promise<FinalAnswer>;
  readonly #context: CallContext;
  readonly #progress = new Emitter<number>();
  readonly #ended = new Emitter<DialogEnd>();
  readonly #reoffered = new Emitter<IncomingReoffer>();
  readonly #nextCseq = cseqFrom(1);
  readonly #settle: { readonly resolve: (answer: FinalAnswer) => void; readonly reject: (error: ParleyError) => void };
  #state: 'calling' | 'ending' | 'up' | 'over' = 'calling';
  #plan: RequestPlan | null = null;
  #contact = '';
  #digest: DigestAttempt | null = null;
  #credentials: readonly Header[] = [];
  #uac: Core.OutgoingInviteRequest | null = null;
  #isProvisional = false;
  #isCancelled = false;
  #cancelTimer: NodeJS.Timeout | undefined;
  #dialog: CallDialog | null = null;
  #hasRaisedInterval = false;
  #hasFollowed = false;
  #withdraw: () => void = () => undefined;

  constructor(context: CallContext, request: OutgoingRequest) {
    this.#context = context;
    const { promise, resolve, reject } = withResolvers<FinalAnswer>();
    this.answer = promise;
    this.#settle = { resolve, reject };
    // a caller that only ends the call does not look at the answer
    promise.catch(() => undefined);
    try {
      this.#start(request);
    } catch (thrown) {
      this.#fail(thrown instanceof ParleyError ? thrown : new ParleyError('internal', String(thrown)));
    }
  }

  onProgress(listener: (status: number) => void): () => void {
    return this.#progress.on(listener);
  }

  onEnded(listener: (cause: DialogEnd) => void): () => void {
    return this.#ended.on(listener);
  }

  onReoffer(listener: (reoffer: IncomingReoffer) => void): () => void {
    return this.#reoffered.on(listener);
  }

  async reoffer(...offer: Parameters<OutgoingInvite['reoffer']>): Promise<FinalAnswer> {
    if (this.#state !== 'up' || this.#dialog === null) throw new ParleyError('request.invalid-state', 'the session is not up');
    return this.#dialog.reoffer(...offer);
  }

  refer(request: ReferRequest): Referral {
    if (this.#state !== 'up' || this.#dialog === null) throw new ParleyError('request.invalid-state', 'the session is not up');
    return this.#dialog.refer(request);
  }

  async end(reason?: string): Promise<void> {
    if (this.#state === 'up' && this.#dialog !== null) {
      const ended = this.#dialog.end(reason);
      this.#leave();
      return ended;
    }
    if (this.#state === 'calling') {
      this.#state = 'ending';
      this.#cancelWhenAllowed();
    }
    if (this.#state === 'ending') return withinEndTimeout(this.answer);
  }

  hangUp(): void {
    const wasUp = this.#state === 'up';
    void this.end();
    if (wasUp) quietly(() => this.#ended.emit({ by: 'link', error: LEAVING }));
  }

  #start(request: OutgoingRequest): void {
    const { core, digest, identity } = this.#context;
    checkHeaders(request.headers);
    checkValue(request.contentType, 'Content-Type');
    this.#contact = identity.contact(request.contactParameters ?? '', asksForAnonymity(request.headers));
    const isMultipart = /^multipart\//i.test(request.contentType) && !hasHeader(request.headers, 'MIME-Version');
    const isTimed = hasHeader(request.headers, 'Session-Expires');
    this.#plan = {
      ...identity.plan('INVITE', request.target, request.headers),
      headers: [
        { name: 'Contact', value: this.#contact },
        ...request.headers.filter(({ name }) => name.toLowerCase() !== 'supported'),
        { name: 'Supported', value: supported(request.headers) },
        ...(isTimed ? [] : [{ name: 'Session-Expires', value: `${SESSION_INTERVAL};refresher=uac` }]),
        { name: 'Allow', value: ALLOW },
        { name: 'User-Agent', value: identity.options.userAgent },
        ...(isMultipart ? [{ name: 'MIME-Version', value: '1.0' }] : []),
      ],
      contentType: request.body.length === 0 ? null : request.contentType,
      body: request.body,
    };
    if (core.flow === null) throw new ParleyError('link.offline', 'there is no connection');
    this.#digest = digest.attempt('INVITE', this.#plan.uri, request.body);
    this.#withdraw = core.onDetach((error) => this.#lose(error));
    core.calls.add(this);
    this.#send(this.#plan, this.#digest);
  }

  #send(plan: RequestPlan, digest: DigestAttempt): void {
    const { core } = this.#context;
    this.#isProvisional = false;
    this.#credentials = digest.headers();
    this.#uac = core.library.invite(core.compose(plan, this.#nextCseq(), this.#credentials), {
      onTrying: () => this.#provisional(100),
      onProgress: ({ message }) => {
        const original = core.original(message);
        if (original?.kind === 'response') this.#provisional(original.status);
      },
      onAccept: (response) => this.#accepted(response),
      onRedirect: ({ message }) => this.#refused(message),
      onReject: ({ message }) => this.#refused(message),
    });
  }

  #provisional(status: number): void {
    this.#isProvisional = true;
    this.#cancelWhenAllowed();
    if (status > 100 && this.#state === 'calling') quietly(() => this.#progress.emit(status));
  }

  /** RFC 3261 section 9.1: no CANCEL before a provisional answer to this very INVITE, or it may overtake it. */
  #cancelWhenAllowed(): void {
    if (this.#state !== 'ending' || !this.#isProvisional || this.#isCancelled || this.#uac === null) return;
    this.#isCancelled = true;
    quietly(() => this.#uac?.cancel());
    this.#cancelTimer = setTimeout(() => this.#fail(new ParleyError('link.timeout', 'no answer to a cancelled INVITE')), CANCELLED_MS);
  }

  #accepted({ message, session, ack }: Core.AckableIncomingResponseWithSession): void {
    // RFC 3261 section 13.2.2.4: the ACK has the credentials of its INVITE
    ack({ extraHeaders: privateHeaders(this.#credentials) });
    const original = this.#context.core.original(message);
    if (this.#state !== 'calling' || original?.kind !== 'response') {
      void sendBye(this.#context, session);
      if (this.#state === 'ending') {
        this.#leave();
        this.#settle.resolve(TERMINATED);
      }
      return;
    }
    this.#state = 'up';
    this.#digest?.succeeded(original);
    const interval = sessionInterval(original);
    this.#dialog = new CallDialog(this.#context, session, {
      contact: this.#contact,
      local: { contentType: this.#plan?.contentType ?? '', body: this.#plan?.body ?? NO_BYTES },
      remote: original.body,
      takesUpdate: hasToken(original, 'Allow', 'UPDATE'),
      interval: interval === null ? null : { seconds: interval.seconds, isRefresher: interval.refresher !== 'uas' },
      isCaller: true,
      onReoffer: (reoffer) => this.#reoffered.first(reoffer),
      onAck: () => undefined,
      onAckTimeout: () => undefined,
      onBye: (reason) => {
        this.#leave();
        quietly(() => this.#ended.emit({ by: 'remote', error: null, reason }));
      },
      onExpired: () => {
        this.#leave();
        quietly(() => this.#ended.emit({ by: 'link', error: { code: 'peer.timeout', detail: 'the session was not refreshed' } }));
      },
    });
    this.#settle.resolve(finalAnswer(original));
  }

  #refused(message: Core.IncomingResponseMessage): void {
    const original = this.#context.core.original(message);
    if (original?.kind !== 'response') {
      this.#fail(localFailure(message));
      return;
    }
    const isChallenge = original.status === 401 || original.status === 407;
    if (isChallenge && this.#plan !== null && this.#digest?.accepts(original)) {
      if (this.#state === 'calling') return this.#send(this.#plan, this.#digest);
      this.#leave();
      return this.#settle.resolve(TERMINATED);
    }
    if (original.status === 422 && this.#state === 'calling' && this.#raiseInterval(original)) return;
    if (this.#state === 'calling' && this.#follow(original)) return;
    this.#leave();
    this.#settle.resolve(finalAnswer(original));
  }

  /** A redirection is followed once (cpm.md section 15.2). */
  #follow(response: SipResponse): boolean {
    if (this.#hasFollowed || this.#plan === null) return false;
    const uri = redirectedTarget(response, this.#plan.uri);
    if (uri === null) return false;
    this.#hasFollowed = true;
    this.#plan = { ...this.#plan, uri };
    this.#digest = this.#context.digest.attempt('INVITE', uri, this.#plan.body);
    this.#send(this.#plan, this.#digest);
    return true;
  }

  /** RFC 4028 section 7.3: an interval too small for somebody on the path is raised to what that one asks for, once. */
  #raiseInterval(response: SipResponse): boolean {
    const minimum = minimumInterval(response);
    if (minimum === null || this.#hasRaisedInterval || this.#plan === null || this.#digest === null) return false;
    this.#hasRaisedInterval = true;
    const others = this.#plan.headers.filter(({ name }) => name.toLowerCase() !== 'session-expires' && name.toLowerCase() !== 'min-se');
    const raised = [
      { name: 'Session-Expires', value: `${minimum};refresher=uac` },
      { name: 'Min-SE', value: `${minimum}` },
    ];
    this.#plan = { ...this.#plan, headers: [...others, ...raised] };
    this.#send(this.#plan, this.#digest);
    return true;
  }

  #lose(error: ParleyError): void {
    const wasUp = this.#state === 'up';
    this.#fail(error);
    if (wasUp) quietly(() => this.#ended.emit({ by: 'link', error: { code: error.code, detail: error.detail } }));
  }

  #fail(error: ParleyError): void {
    this.#leave();
    this.#settle.reject(error);
  }

  #leave(): void {
    this.#state = 'over';
    clearTimeout(this.#cancelTimer);
    this.#dialog?.stop();
    this.#withdraw();
    this.#context.core.calls.delete(this);
  }
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: ParleyError) => void } {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: ParleyError) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
