import { NO_BYTES } from '../../shared/base/bytes.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { decodeCSeq } from '../../shared/protocol/sip/cseq.ts';
import { header, headers, type SipMessage, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { trySipUri } from '../../shared/protocol/sip/uri.ts';
import { readAddress } from './addresses.ts';
import { answerTo, unpack } from './admission.ts';
import { type LiveCall, notifyKey, type RequestPlan } from './agent-core.ts';
import type { CallContext } from './dialog.ts';
import { withinEndTimeout } from './dialog.ts';
import { cseqFrom, exchange, finalAnswer } from './exchange.ts';
import { asksForAnonymity } from './identity.ts';
import { quietly } from './message.ts';
import { ALLOW, checkHeaders, checkValue } from './own-headers.ts';
import type { FinalAnswer, Notification, Subscription, SubscriptionEnd, SubscriptionRequest } from './port.ts';
import { retryAfterOf } from './registration.ts';
import { subscriptionState } from './subscription-state.ts';

/** an interval a server may force on us by 423 at most: a week */
const MAX_EXPIRES = 604_800;
/** RFC 6665 section 4.1.2.2: in time, and not at the last moment, s */
const REFRESH_BEFORE = 600;
/** timer N: for so long the NOTIFY that ends a subscription may come after its SUBSCRIBE (section 4.1.2.3), ms */
const LAST_NOTIFY_MS = 32_000;

/**
 * SUBSCRIBE and the NOTIFYs that follow it (RFC 6665), on a dialog of its own: what sip.js has for it knows neither our digest nor our
 * addresses. It refreshes itself. Of a request that was forked the first notifier is the one (section 4.1.2.4).
 */
export class OutgoingSubscription implements Subscription, LiveCall {
  readonly answer: Promise<FinalAnswer>;
  readonly #context: CallContext;
  readonly #request: SubscriptionRequest;
  readonly #plan: RequestPlan;
  readonly #nextCseq = cseqFrom(1);
  readonly #notified = new Emitter<Notification>();
  readonly #ended = new Emitter<SubscriptionEnd>();
  #expires: number;
  /** the notifier, once it is known: its tag, where it is, and the way there */
  #remote: { readonly tag: string; uri: string; readonly routes: readonly string[] } | null = null;
  #lastCseq = 0;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;
  #withdraw: () => void = () => undefined;
  #sending: Promise<unknown> = Promise.resolve();

  /** @throws ParleyError `request.invalid`, `link.offline` */
  constructor(context: CallContext, request: SubscriptionRequest) {
    checkHeaders(request.headers);
    checkValue(request.event, 'Event');
    checkValue(request.accept, 'Accept');
    if (context.core.flow === null) throw new ParleyError('link.offline', 'there is no connection');
    this.#context = context;
    this.#request = request;
    this.#expires = request.expires;
    this.#plan = {
      ...context.identity.plan('SUBSCRIBE', request.target, request.headers),
      headers: [],
      contentType: null,
      body: NO_BYTES,
    };
    context.core.notified.set(this.#key, (notify) => this.#receive(notify));
    context.core.calls.add(this);
    this.#withdraw = context.core.onDetach((error) => this.#over({ by: 'link', status: null, reason: null, retryAfterMs: null, error }));
    this.answer = this.#subscribe();
    this.answer.catch(() => undefined);
  }

  onNotify(listener: (notification: Notification) => void): () => void {
    return this.#notified.on(listener);
  }

  onEnded(listener: (end: SubscriptionEnd) => void): () => void {
    return this.#ended.on(listener);
  }

  async refresh(): Promise<void> {
    if (this.#isOver) return;
    try {
      const response = await this.#send(this.#expires);
      if (response.status < 300) this.#schedule(response);
      else
        this.#over({ by: 'remote', status: response.status, reason: null, retryAfterMs: retryAfterOf(response), error: refused(response) });
    } catch (thrown) {
      this.#over({ by: 'link', status: null, reason: null, retryAfterMs: null, error: toCodedError(thrown) });
    }
  }

  async end(): Promise<void> {
    if (this.#isOver) return;
    const wasUp = this.#remote !== null;
    this.#stop();
    if (!wasUp) return;
    this.#awaitLast();
    await withinEndTimeout(this.#send(0));
  }

  /** the agent leaves */
  hangUp(): void {
    void this.end();
  }

  get #key(): string {
    return notifyKey(this.#plan.callId, this.#plan.fromTag);
  }

  async #subscribe(): Promise<FinalAnswer> {
    try {
      let response = await this.#send(this.#expires);
      const least = Number(header(response, 'Min-Expires') ?? 'NaN');
      if (response.status === 423 && least > this.#expires && least <= MAX_EXPIRES) {
        this.#expires = least;
        response = await this.#send(least);
      }
      if (response.status < 300) {
        this.#meet(response, [...headers(response, 'Record-Route')].reverse(), header(response, 'To'));
        this.#schedule(response);
      } else this.#stop();
      return finalAnswer(response);
    } catch (thrown) {
      this.#stop();
      throw thrown;
    }
  }

  #schedule(response: SipResponse): void {
    const granted = Number(/^\d{1,9}$/.exec(header(response, 'Expires') ?? '')?.[0] ?? this.#expires);
    this.#renewIn(Math.min(granted, MAX_EXPIRES));
  }

  #renewIn(seconds: number): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    if (seconds === 0) return;
    const wait = Math.max(1, seconds - Math.min(REFRESH_BEFORE, seconds / 2));
    this.#timer = setTimeout(() => void this.refresh(), wait * 1000);
  }

  /** One at a time (RFC 6665 section 4.1.2.2 with RFC 3261 section 12.2.1.1: CSeq rises in order). */
  #send(expires: number): Promise<SipResponse> {
    const { core, digest, identity } = this.#context;
    const { event, accept, contactParameters } = this.#request;
    const sent = this.#sending.then(async () => {
      const remote = this.#remote;
      const plan: RequestPlan = {
        ...this.#plan,
        ...(remote === null ? {} : { uri: remote.uri, toTag: remote.tag, routes: remote.routes }),
        headers: [
          { name: 'Contact', value: identity.contact(contactParameters ?? '', asksForAnonymity(this.#request.headers)) },
          { name: 'Event', value: event },
          { name: 'Accept', value: accept },
          { name: 'Expires', value: String(expires) },
          ...this.#request.headers,
          { name: 'Supported', value: 'gruu' },
          { name: 'Allow', value: `${ALLOW}, NOTIFY` },
          { name: 'User-Agent', value: identity.options.userAgent },
        ],
      };
      const { response } = await exchange(core, digest, plan, (credentials) => core.compose(plan, this.#nextCseq(), credentials));
      return response;
    });
    this.#sending = sent.catch(() => undefined);
    return sent;
  }

  #meet(message: SipMessage, routes: readonly string[], address: string | null): void {
    const { tag } = readAddress(address ?? '');
    if (this.#remote !== null || tag === null) return;
    const { uri } = readAddress(headers(message, 'Contact')[0] ?? '');
    this.#remote = { tag, uri: trySipUri(uri) === null ? this.#plan.uri : uri, routes };
  }

  /** @returns the answer */
  #receive(notify: SipRequest): SipResponse {
    const said = (header(notify, 'Event') ?? '').split(';')[0]?.trim().toLowerCase();
    if (said !== this.#request.event.toLowerCase()) return answerTo(notify, 489, 'Bad Event');
    this.#meet(notify, headers(notify, 'Record-Route'), header(notify, 'From'));
    if (readAddress(header(notify, 'From') ?? '').tag !== this.#remote?.tag) return answerTo(notify, 481, 'Subscription Does Not Exist');
    const { sequence } = decodeCSeq(header(notify, 'CSeq') ?? '');
    if (sequence < this.#lastCseq) return answerTo(notify, 500, 'Out Of Order');
    // a repetition is answered as before
    const isNews = sequence > this.#lastCseq;
    this.#lastCseq = sequence;
    const unpacked = unpack(notify);
    if (unpacked.kind === 'response') return unpacked;
    if (isNews && !this.#isOver) this.#tell(unpacked);
    return answerTo(notify, 200, 'OK');
  }

  /** What still comes of a subscription that was ended here is answered and not told. */
  #awaitLast(): void {
    const { core } = this.#context;
    core.notified.set(this.#key, (notify) => this.#receive(notify));
    this.#timer = setTimeout(() => core.notified.delete(this.#key), LAST_NOTIFY_MS).unref();
  }

  #tell(notify: SipRequest): void {
    const { state, reason, expires, retryAfterMs } = subscriptionState(header(notify, 'Subscription-State') ?? 'active');
    const { uri } = readAddress(headers(notify, 'Contact')[0] ?? '');
    if (this.#remote !== null && trySipUri(uri) !== null) this.#remote.uri = uri;
    if (expires !== null && state !== 'terminated') this.#renewIn(Math.min(expires, MAX_EXPIRES));
    if (notify.body.length > 0)
      quietly(() => this.#notified.emit({ contentType: header(notify, 'Content-Type') ?? '', body: notify.body }));
    if (state === 'terminated') {
      const error = { code: 'peer.unavailable', detail: `the subscription ended: ${reason ?? 'no reason'}` } as const;
      this.#over({ by: 'remote', status: null, reason, retryAfterMs, error });
    }
  }

  #over(end: SubscriptionEnd): void {
    if (this.#isOver) return;
    this.#stop();
    quietly(() => this.#ended.emit(end));
  }

  #stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#withdraw();
    this.#context.core.calls.delete(this);
    this.#context.core.notified.delete(this.#key);
  }
}

function refused({ status, reason }: SipResponse) {
  return { code: 'peer.unavailable', detail: `SUBSCRIBE: ${status} ${reason}` } as const;
}
