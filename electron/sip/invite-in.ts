import type { Core } from 'sip.js';
import { NO_BYTES } from '../../shared/base/bytes.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { randomToken } from '../../shared/base/random.ts';
import { hasToken, headers, type SipRequest } from '../../shared/protocol/sip/message.ts';
import { LEAVING, type LiveCall, maskedBody, privateHeaders } from './agent-core.ts';
import { type CallContext, CallDialog } from './dialog.ts';
import { maskToken } from './masking.ts';
import { answerOptions, describe, quietly } from './message.ts';
import { ALLOW, checkHeaders, checkValue, hasHeader, supported } from './own-headers.ts';
import type { DialogEnd, FinalAnswer, Header, IncomingInvite, IncomingReoffer, ReferRequest, Referral, SessionBody } from './port.ts';
import { type SessionInterval, sessionInterval } from './session-timer.ts';

const RING_AGAIN_MS = 60_000;

type Acceptance = Parameters<IncomingInvite['accept']>[0];

/** Hands an INVITE to its listener. Without a listener, or when the listener throws, the agent refuses. */
export function receiveInvite(
  context: CallContext,
  uas: Core.IncomingInviteRequest,
  request: SipRequest,
  listeners: Emitter<IncomingInvite>,
  hasListener: boolean,
): void {
  const call = new IncomingCall(context, uas, request);
  if (!hasListener) return call.reject(480);
  try {
    listeners.emit({
      ...describe(request),
      ring: (contactParameters) => call.ring(contactParameters),
      accept: (answer) => call.accept(answer),
      reject: (status, reason, fields) => call.reject(status, reason, fields),
      end: (reason) => call.end(reason),
      onCancelled: (listener) => call.cancelled.on(listener),
      onEnded: (listener) => call.ended.on(listener),
      reoffer: (offer, signal) => call.reoffer(offer, signal),
      onReoffer: (listener) => call.reoffered.on(listener),
      refer: (request) => call.refer(request),
    });
  } catch {
    call.reject(500);
  }
}

/**
 * One call that comes in.
 *
 *     offered --(accept)--> waiting for ACK --(ACK)--> up --(BYE)--> over
 *     offered --(reject, CANCEL)--> over
 */
class IncomingCall implements LiveCall {
  readonly cancelled = new Emitter<{ readonly elsewhere: boolean }>();
  readonly ended = new Emitter<DialogEnd>();
  readonly reoffered = new Emitter<IncomingReoffer>();
  readonly #context: CallContext;
  readonly #uas: Core.IncomingInviteRequest;
  #request: SipRequest;
  readonly #withdraw: () => void;
  #state: 'offered' | 'waiting' | 'up' | 'over' = 'offered';
  #dialog: CallDialog | null = null;
  #acknowledged: { readonly resolve: (body: SessionBody) => void; readonly reject: (error: ParleyError) => void } | null = null;
  #endsAfterAck = false;
  #ringTimer: NodeJS.Timeout | undefined;

  constructor(context: CallContext, uas: Core.IncomingInviteRequest, request: SipRequest) {
    this.#context = context;
    this.#uas = uas;
    this.#request = request;
    // the tag sip.js made can be guessed, and with it a BYE forged
    (uas as unknown as { toTag: string }).toTag = maskToken(randomToken(16));
    uas.delegate = { onCancel: (cancel) => this.#cancel(cancel) };
    this.#withdraw = context.core.onDetach((error) => this.#lose(error));
    context.core.calls.add(this);
    uas.trying();
  }

  /** Again every minute, or a proxy takes the invitation for dead (RFC 3261 sections 13.3.1.1 and 16.7, timer C). */
  ring(contactParameters = ''): void {
    if (this.#state !== 'offered') return;
    clearTimeout(this.#ringTimer);
    this.#ringTimer = setTimeout(() => this.ring(contactParameters), RING_AGAIN_MS);
    const contact = { name: 'Contact', value: this.#context.identity.contact(contactParameters, false) };
    quietly(() => this.#uas.progress({ statusCode: 180, extraHeaders: privateHeaders([contact]) }));
  }

  async accept({ contentType, body, contactParameters, headers: own }: Acceptance): Promise<SessionBody> {
    if (this.#state !== 'offered') throw new ParleyError('request.invalid-state', 'the invitation is not open any more');
    checkHeaders(own);
    checkValue(contentType, 'Content-Type');
    if (body.length === 0) throw new ParleyError('request.invalid', 'a 200 needs a body');
    const contact = this.#context.identity.contact(contactParameters, false);
    const interval = this.#interval;
    const fields: Header[] = [
      { name: 'Contact', value: contact },
      ...own.filter(({ name }) => name.toLowerCase() !== 'supported'),
      { name: 'Supported', value: supported(own) },
      ...(interval === null || hasHeader(own, 'Session-Expires') ? [] : timerHeaders(interval)),
      { name: 'Allow', value: ALLOW },
      { name: 'User-Agent', value: this.#context.identity.options.userAgent },
      { name: 'Content-Type', value: contentType },
    ];
    const acknowledged = new Promise<SessionBody>((resolve, reject) => {
      this.#acknowledged = { resolve, reject };
    });
    acknowledged.catch(() => undefined);
    const { session } = this.#uas.accept({ statusCode: 200, body: maskedBody(body), extraHeaders: privateHeaders(fields) });
    this.#state = 'waiting';
    clearTimeout(this.#ringTimer);
    this.#dialog = new CallDialog(this.#context, session, {
      contact,
      local: { contentType, body },
      remote: this.#request.body,
      takesUpdate: hasToken(this.#request, 'Allow', 'UPDATE'),
      interval: interval === null ? null : { seconds: interval.seconds, isRefresher: interval.refresher === 'uas' },
      isCaller: false,
      onReoffer: (reoffer) => this.reoffered.first(reoffer),
      onAck: (body) => this.#ack(body),
      onAckTimeout: () => this.#ackTimeout(),
      onBye: (reason) => this.#bye(reason),
      onExpired: () => this.#expire(),
    });
    return acknowledged;
  }

  reject(status: number, reason?: string, own: readonly Header[] = []): void {
    const options = answerOptions(status, reason, own);
    if (status < 300) throw new ParleyError('request.invalid', 'a 2xx is sent by accept');
    if (this.#state !== 'offered') return;
    this.#leave();
    quietly(() => this.#uas.reject(options));
  }

  async reoffer(...offer: Parameters<IncomingInvite['reoffer']>): Promise<FinalAnswer> {
    if (this.#state !== 'up' || this.#dialog === null) throw new ParleyError('request.invalid-state', 'the session is not up');
    return this.#dialog.reoffer(...offer);
  }

  refer(request: ReferRequest): Referral {
    if (this.#state !== 'up' || this.#dialog === null) throw new ParleyError('request.invalid-state', 'the session is not up');
    return this.#dialog.refer(request);
  }

  async end(reason?: string): Promise<void> {
    if (this.#state === 'offered') return this.reject(480);
    if (this.#state === 'waiting') {
      // RFC 3261 section 15: the callee must not send BYE before the ACK came or timed out
      this.#endsAfterAck = true;
      return;
    }
    if (this.#state !== 'up') return;
    const ended = this.#dialog?.end(reason);
    this.#leave();
    return ended;
  }

  hangUp(): void {
    const state = this.#state;
    void this.end();
    if (state === 'offered') quietly(() => this.cancelled.emit({ elsewhere: false }));
    if (state === 'up') quietly(() => this.ended.emit({ by: 'link', error: LEAVING }));
  }

  /** RFC 4028 section 9: the timer is agreed on when the caller supports it and named an interval. */
  get #interval(): SessionInterval | null {
    const isSupported = hasToken(this.#request, 'Supported', 'timer') || hasToken(this.#request, 'Require', 'timer');
    return isSupported ? sessionInterval(this.#request) : null;
  }

  #ack(body: SessionBody): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'up';
    this.#acknowledged?.resolve(body);
    if (this.#endsAfterAck) void this.end();
  }

  #ackTimeout(): void {
    if (this.#state !== 'waiting') return;
    void this.#dialog?.end();
    this.#leave();
    this.#acknowledged?.reject(new ParleyError('peer.timeout', 'no ACK came'));
  }

  #expire(): void {
    if (this.#state !== 'up') return;
    this.#leave();
    quietly(() => this.ended.emit({ by: 'link', error: { code: 'peer.timeout', detail: 'the session was not refreshed' } }));
  }

  #bye(reason: string | null): void {
    if (this.#state === 'over') return;
    const wasUp = this.#state === 'up';
    this.#leave();
    if (wasUp) quietly(() => this.ended.emit({ by: 'remote', error: null, reason }));
    else this.#acknowledged?.reject(new ParleyError('peer.timeout', 'the other side ended the session without an ACK'));
  }

  #cancel(cancel: Core.IncomingRequestMessage): void {
    if (this.#state !== 'offered') return;
    this.#leave();
    quietly(() => this.#uas.reject({ statusCode: 487 }));
    const original = this.#context.core.original(cancel);
    const elsewhere = original !== null && headers(original, 'Reason').some(saysElsewhere);
    quietly(() => this.cancelled.emit({ elsewhere }));
  }

  #lose(error: ParleyError): void {
    const state = this.#state;
    this.#leave();
    if (state === 'offered') quietly(() => this.cancelled.emit({ elsewhere: false }));
    if (state === 'waiting') this.#acknowledged?.reject(error);
    if (state === 'up') quietly(() => this.ended.emit({ by: 'link', error: { code: error.code, detail: error.detail } }));
  }

  #leave(): void {
    this.#state = 'over';
    clearTimeout(this.#ringTimer);
    // sip.js keeps the transaction, and with it this call, for half a minute more
    this.#request = { ...this.#request, body: NO_BYTES };
    this.#dialog?.stop();
    this.#withdraw();
    this.#context.core.calls.delete(this);
  }
}

function timerHeaders({ seconds, refresher }: SessionInterval): Header[] {
  return [
    { name: 'Require', value: 'timer' },
    { name: 'Session-Expires', value: `${seconds};refresher=${refresher ?? 'uac'}` },
  ];
}

/** `SIP;cause=200;text="Call completed elsewhere"` (RFC 3326 section 3.1.1) */
function saysElsewhere(reason: string): boolean {
  return /completed elsewhere/i.test(reason) || /^SIP\s*;.*\bcause\s*=\s*200\b/i.test(reason);
}
