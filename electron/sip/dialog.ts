import type { Core } from 'sip.js';
import { fromUtf8, NO_BYTES } from '../../shared/base/bytes.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { header, headers, type SipMessage, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { trySipUri } from '../../shared/protocol/sip/uri.ts';
import { readAddress } from './addresses.ts';
import { withRefresher } from './admission.ts';
import { type AgentCore, maskedBody, privateHeaders } from './agent-core.ts';
import type { DigestAccount } from './digest.ts';
import { exchange, finalAnswer } from './exchange.ts';
import type { Identity } from './identity.ts';
import { carrying } from './library-message.ts';
import { answerOptions, quietly } from './message.ts';
import { ALLOW, checkHeaders, checkValue, hasHeader } from './own-headers.ts';
import type { FinalAnswer, Header, IncomingReoffer, ReferRequest, Referral, SessionBody } from './port.ts';
import { Referrals } from './referral.ts';
import { reinvite, targetOf } from './reinvite.ts';
import { type Refreshed, type SessionInterval, SessionTimer, sessionInterval } from './session-timer.ts';

/** What a call needs of its agent. */
export interface CallContext {
  readonly core: AgentCore;
  readonly digest: DigestAccount;
  readonly identity: Identity;
  /** MESSAGE inside a dialog is treated like any other (RFC 5057 section 5.3) */
  readonly onMessage: (uas: Core.IncomingMessageRequest, request: SipRequest) => void;
}

export interface DialogParts {
  /** our Contact value in this dialog */
  readonly contact: string;
  /** our first session description and its type */
  readonly local: SessionBody;
  /** the peer's session description; empty where it comes in the ACK */
  readonly remote: Uint8Array;
  /** the peer's Allow lists UPDATE */
  readonly takesUpdate: boolean;
  /** the session timer both sides agreed on, null without one */
  readonly interval: { readonly seconds: number; readonly isRefresher: boolean } | null;
  /** we made the call */
  readonly isCaller: boolean;
  /** the peer would change the session; false when nobody cares, and the session stays as it is */
  readonly onReoffer: (reoffer: IncomingReoffer) => boolean;
  readonly onAck: (body: SessionBody) => void;
  readonly onAckTimeout: () => void;
  /** @param reason the Reason of their BYE */
  readonly onBye: (reason: string | null) => void;
  /** no refresh came, or none got through; BYE has been sent */
  readonly onExpired: () => void;
}

/** how long `end` waits for the answer to a BYE or CANCEL */
const END_TIMEOUT_MS = 2_000;

/** A confirmed dialog of a call: answers what comes inside it by our rules, and keeps its session timer. */
export class CallDialog {
  readonly #context: CallContext;
  readonly #session: Core.Session;
  readonly #parts: DialogParts;
  readonly #timer: SessionTimer;
  /** our last session description, repeated in a refresh and in the answer to one */
  #local: SessionBody;
  #remote: Uint8Array;
  #changing: Promise<unknown> = Promise.resolve();
  readonly #over = new AbortController();
  readonly #referrals = new Referrals();
  #cancelReoffer: () => void = () => undefined;

  constructor(context: CallContext, session: Core.Session, parts: DialogParts) {
    this.#context = context;
    this.#session = session;
    this.#parts = parts;
    this.#local = parts.local;
    this.#remote = parts.remote;
    this.#timer = new SessionTimer(
      () => this.#refresh(),
      () => {
        void this.end();
        parts.onExpired();
      },
    );
    session.delegate = {
      onAck: ({ message }) => {
        const ack = context.core.take(message);
        const body = ack?.body ?? NO_BYTES;
        if (this.#remote.length === 0) this.#remote = body;
        parts.onAck({ contentType: (ack && header(ack, 'Content-Type')) ?? '', body });
      },
      onAckTimeout: parts.onAckTimeout,
      onBye: (bye) => {
        bye.accept();
        this.stop();
        const original = context.core.original(bye.message);
        parts.onBye(original && header(original, 'Reason'));
      },
      onInvite: (uas) => quietly(() => this.#answerReinvite(uas)),
      onMessage: (uas) => {
        const request = context.core.take(uas.message);
        if (request?.kind === 'request') context.onMessage(uas, request);
      },
      onNotify: (uas) => {
        const request = context.core.take(uas.message);
        const status = request?.kind === 'request' ? this.#referrals.receive(request) : 481;
        quietly(() => (status === 200 ? uas.accept() : uas.reject({ statusCode: status })));
      },
    };
    context.core.inDialog.set(session.id, (request) => {
      if (request.method === 'CANCEL') return this.#cancelReoffer();
      this.#retarget(request);
      this.#restart(sessionInterval(request));
    });
    if (parts.interval !== null) this.#timer.start(parts.interval.seconds, parts.interval.isRefresher);
  }

  /** re-INVITE with another description; see {@link SessionChanges}. One after the other. */
  reoffer(offer: SessionBody & { readonly headers?: readonly Header[] }, signal?: AbortSignal): Promise<FinalAnswer> {
    const { headers: own = [], ...description } = offer;
    checkHeaders(own);
    checkValue(description.contentType, 'Content-Type');
    const isMultipart = /^multipart\//i.test(description.contentType) && !hasHeader(own, 'MIME-Version');
    const fields = [...own, ...(isMultipart ? [{ name: 'MIME-Version', value: '1.0' }] : [])];
    return this.#change(async () => {
      const response = await this.#reinvite(fields, description, signal);
      if (response.status < 300) {
        this.#local = description;
        this.#remote = response.body;
        this.#retarget(response);
      }
      return finalAnswer(response);
    });
  }

  /** REFER; see {@link SessionChanges}. */
  refer(request: ReferRequest): Referral {
    return this.#referrals.refer(this.#context, this.#session, this.#parts.contact, request);
  }

  /** BYE. Resolves when it was answered, or was not in 2 s; never rejects. @param reason value of its Reason */
  end(reason?: string): Promise<void> {
    if (this.#over.signal.aborted) return Promise.resolve();
    this.stop();
    return sendBye(this.#context, this.#session, reason);
  }

  /** The dialog is gone without our doing. */
  stop(): void {
    this.#over.abort(new ParleyError('link.lost', 'the session ended before the answer'));
    this.#timer.stop();
    this.#context.core.inDialog.delete(this.#session.id);
    this.#referrals.end();
  }

  /** A refresh may move the peer (RFC 3261 section 12.2.1.2, RFC 3311 section 5): sip.js sees to it in a re-INVITE of the peer alone. */
  #retarget(message: SipMessage): void {
    const { uri } = readAddress(headers(message, 'Contact')[0] ?? '');
    if (trySipUri(uri) !== null) (this.#session as unknown as { dialogState: Core.DialogState }).dialogState.remoteTarget = carrying(uri);
  }

  /** The peer refreshed: it goes on doing so unless it said that we shall. */
  #restart(interval: SessionInterval | null): void {
    if (interval !== null) this.#timer.start(interval.seconds, interval.refresher === 'uas');
  }

  /**
   * A re-INVITE with the session unchanged is a refresh (RFC 4028 section 7.4: same `o=` line), answered with our description unchanged.
   * One that would change the session is its listener's to judge; refused, it leaves the session as it is (RFC 6141 section 3.1).
   */
  #answerReinvite(uas: Core.IncomingInviteRequest): void {
    const request = this.#context.core.original(uas.message);
    if (request?.kind !== 'request' || request.body.length === 0 || this.#local.body.length === 0) {
      uas.reject({ statusCode: 488 });
      return;
    }
    if (originLine(request.body) === originLine(this.#remote)) return this.#acceptReinvite(uas, request, this.#local);
    const settled = new AbortController();
    const once = (answer: () => void): void => {
      if (settled.signal.aborted || this.#over.signal.aborted) return;
      settled.abort();
      quietly(answer);
    };
    this.#cancelReoffer = () => once(() => uas.reject({ statusCode: 487 }));
    uas.trying();
    const reoffer: IncomingReoffer = {
      contentType: header(request, 'Content-Type') ?? '',
      body: request.body,
      headers: request.headers,
      settled: settled.signal,
      ring: () => {
        if (!settled.signal.aborted && !this.#over.signal.aborted)
          quietly(() => uas.progress({ statusCode: 180, extraHeaders: privateHeaders(this.#contact) }));
      },
      accept: (answer) =>
        once(() => {
          checkValue(answer.contentType, 'Content-Type');
          this.#local = answer;
          this.#remote = request.body;
          this.#acceptReinvite(uas, request, answer);
        }),
      reject: (status, reason, fields) => once(() => uas.reject(answerOptions(status, reason, fields ?? []))),
    };
    try {
      if (!this.#parts.onReoffer(reoffer)) reoffer.reject(488);
    } catch {
      reoffer.reject(500);
    }
  }

  get #contact(): Header[] {
    return [{ name: 'Contact', value: this.#parts.contact }];
  }

  #acceptReinvite(uas: Core.IncomingInviteRequest, request: SipRequest, description: SessionBody): void {
    const interval = header(request, 'Session-Expires');
    const headers: Header[] = [
      ...this.#contact,
      { name: 'Allow', value: ALLOW },
      ...(interval === null
        ? []
        : [
            { name: 'Require', value: 'timer' },
            { name: 'Session-Expires', value: withRefresher(interval) },
          ]),
      { name: 'User-Agent', value: this.#context.identity.options.userAgent },
      { name: 'Content-Type', value: description.contentType },
    ];
    uas.accept({ statusCode: 200, body: maskedBody(description.body), extraHeaders: privateHeaders(headers) });
    this.#restart(sessionInterval(request));
  }

  /** cpm.md section 3: UPDATE when the peer takes it, else re-INVITE with the description unchanged. */
  async #refresh(): Promise<Refreshed> {
    try {
      const response = this.#parts.takesUpdate
        ? await dialogRequest(this.#context, this.#session, 'UPDATE', this.#fields())
        : await this.#change(() => this.#reinvite([], this.#local));
      if (response.status < 300) {
        this.#retarget(response);
        return { kind: 'done', interval: sessionInterval(response) };
      }
      return { kind: response.status === 408 || response.status === 481 ? 'gone' : 'failed' };
    } catch {
      return { kind: 'gone' };
    }
  }

  #reinvite(own: readonly Header[], description: SessionBody, signal?: AbortSignal): Promise<SipResponse> {
    if (this.#over.signal.aborted) throw new ParleyError('request.invalid-state', 'the session is over');
    const request = { headers: [...this.#fields(), ...own], description, signal, over: this.#over.signal };
    return reinvite(this.#context, this.#session, request, this.#parts.isCaller);
  }

  /** One change of a session at a time (RFC 3261 section 14.1). */
  #change<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(work);
    this.#changing = done.catch(() => undefined);
    return done;
  }

  #fields(): Header[] {
    const seconds = this.#parts.interval?.seconds;
    return [
      ...this.#contact,
      { name: 'Supported', value: 'timer, gruu' },
      ...(seconds === undefined ? [] : [{ name: 'Session-Expires', value: `${seconds};refresher=uac` }]),
      { name: 'Allow', value: ALLOW },
      { name: 'User-Agent', value: this.#context.identity.options.userAgent },
    ];
  }
}

/** Ends a confirmed dialog. Resolves when the BYE was answered, or was not in 2 s; never rejects. */
export function sendBye(context: CallContext, session: Core.Session, reason?: string): Promise<void> {
  const answered = dialogRequest(context, session, 'BYE', [
    ...(reason === undefined ? [] : [{ name: 'Reason', value: reason }]),
    { name: 'User-Agent', value: context.identity.options.userAgent },
  ]);
  (session as Core.SessionDialog).dispose();
  return withinEndTimeout(answered);
}

export function withinEndTimeout(work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, END_TIMEOUT_MS);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    work.then(done, done);
  });
}

/** A request inside the dialog, without a body, through all its challenges. */
async function dialogRequest(
  context: CallContext,
  session: Core.Session,
  method: string,
  headers: readonly Header[],
): Promise<SipResponse> {
  const dialog = session as Core.SessionDialog;
  const request = { method, uri: targetOf(session), body: NO_BYTES };
  const { response } = await exchange(context.core, context.digest, request, (credentials) =>
    dialog.createOutgoingRequestMessage(method, { extraHeaders: privateHeaders([...headers, ...credentials]) }),
  );
  return response;
}

function originLine(description: Uint8Array): string | null {
  return /^o=[^\r\n]*/m.exec(fromUtf8(description))?.[0] ?? null;
}
