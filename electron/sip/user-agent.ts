import { Emitter } from '../../shared/base/emitter.ts';
import { type CodedError, ParleyError } from '../../shared/base/errors.ts';
import { AgentCore } from './agent-core.ts';
import type { CallContext } from './dialog.ts';
import { withinEndTimeout } from './dialog.ts';
import { DigestAccount } from './digest.ts';
import { Gate } from './gate.ts';
import { Identity } from './identity.ts';
import { receiveInvite } from './invite-in.ts';
import { OutgoingCall } from './invite-out.ts';
import { quietly, receiveMessage, sendMessage, sendOptions } from './message.ts';
import type {
  Binding,
  CapabilityQuestion,
  FinalAnswer,
  IncomingInvite,
  IncomingMessage,
  LinkFailure,
  OutgoingInvite,
  OutgoingRequest,
  Subscription,
  SubscriptionRequest,
  UserAgent,
  UserAgentEvents,
  UserAgentOptions,
} from './port.ts';
import type { Redirection } from './redirection.ts';
import { RegisterRefusal, Registration, refreshDelay } from './registration.ts';
import { asLinkError, signOn } from './sign-on.ts';
import { OutgoingSubscription } from './subscription.ts';
import type { Flow } from './transport/flow.ts';
import { openFlows } from './transport/open-flow.ts';
import { systemResolver } from './transport/resolver.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** A renewal that the server puts off is asked for again as long as the binding lasts so long, ms. */
const RENEWABLE_MS = 2_000;
/** after so long at the latest where the server names no time */
const RENEW_AGAIN_MS = 30_000;
const CLOSED: CodedError = { code: 'link.lost', detail: 'the user agent is closed' };

/**
 * A user agent on sip.js for one account.
 * @throws ParleyError `request.invalid` for options that cannot be written into SIP
 */
export function createUserAgent(options: UserAgentOptions): UserAgent {
  return new SipUserAgent(options);
}

class SipUserAgent implements UserAgent {
  readonly events: UserAgentEvents;
  readonly #options: UserAgentOptions;
  readonly #identity: Identity;
  readonly #core: AgentCore;
  readonly #digest: DigestAccount;
  readonly #registration: Registration;
  readonly #context: CallContext;
  readonly #lost = new Emitter<LinkFailure>();
  readonly #refreshed = new Emitter<Binding>();
  readonly #messages = new CountedEmitter<IncomingMessage>();
  readonly #invites = new CountedEmitter<IncomingInvite>();
  readonly #closing = new AbortController();
  #signingOn: Promise<Binding> | null = null;
  #refreshing: Promise<void> | null = null;
  #refreshTimer: NodeJS.Timeout | undefined;
  /** a refresh that is still answered then is no binding any more */
  #isLeaving = false;

  constructor(options: UserAgentOptions) {
    const identity = new Identity(options);
    this.#options = options;
    this.#identity = identity;
    this.#digest = new DigestAccount(options.user, options.password);
    this.#core = new AgentCore(
      {
        onInvite: (uas, request) => receiveInvite(this.#context, uas, request, this.#invites, this.#invites.count > 0),
        onMessage: (uas, request) => receiveMessage(uas, request, this.#messages, this.#messages.count > 0),
      },
      {
        isOwnUser: (user) => identity.isOwnUser(user),
        get contact() {
          return identity.capabilityContact;
        },
        gate: new Gate({ knows: options.knows ?? (() => true), log: options.log ?? (() => undefined) }),
      },
    );
    this.#context = {
      core: this.#core,
      digest: this.#digest,
      identity,
      onMessage: (uas, request) => receiveMessage(uas, request, this.#messages, this.#messages.count > 0),
    };
    this.#registration = new Registration(this.#core, this.#digest, identity);
    this.events = {
      onLost: (listener) => this.#lost.on(listener),
      onRefreshed: (listener) => this.#refreshed.on(listener),
      onMessage: (listener) => this.#messages.on(listener),
      onInvite: (listener) => this.#invites.on(listener),
    };
  }

  async register(): Promise<Binding> {
    if (this.#closing.signal.aborted) throw new ParleyError('request.invalid-state', 'the user agent is closed');
    this.#isLeaving = false;
    if (this.#core.flow !== null && this.#signingOn === null) return this.#registerOn();
    this.#signingOn ??= signOn({
      transport: this.#options.transport,
      flows: (redirection) => this.#flows(redirection),
      registerOn: (opened, redirection) => this.#enter(opened, redirection),
      isOver: () => this.#isLeaving || this.#closing.signal.aborted,
    }).finally(() => {
      this.#signingOn = null;
    });
    return this.#signingOn;
  }

  async unregister(): Promise<void> {
    this.#isLeaving = true;
    clearTimeout(this.#refreshTimer);
    for (const call of [...this.#core.calls]) call.hangUp();
    const mayBeBound = this.#identity.binding !== null || this.#registration.isPending;
    this.#identity.binding = null;
    // RFC 3261 section 10.2: it leaves when the REGISTER before it was answered
    if (this.#core.flow !== null && mayBeBound) await withinEndTimeout(this.#registration.unregister());
    if (this.#isLeaving) this.#identity.binding = null;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#drop(CLOSED);
  }

  prove(): void {
    this.#core.flow?.prove();
  }

  message(request: OutgoingRequest): Promise<FinalAnswer> {
    return sendMessage(this.#core, this.#digest, this.#identity, request);
  }

  options(question: CapabilityQuestion): Promise<FinalAnswer> {
    return sendOptions(this.#core, this.#digest, this.#identity, question);
  }

  subscribe(request: SubscriptionRequest): Subscription {
    return new OutgoingSubscription(this.#context, request);
  }

  invite(request: OutgoingRequest): OutgoingInvite {
    return new OutgoingCall(this.#context, request);
  }

  #flows(redirection: Redirection | null): AsyncIterable<Flow> {
    const { outboundProxy, transport, caCertificates, resolver, tap } = this.#options;
    return openFlows(
      {
        proxy: outboundProxy,
        location: redirection?.location,
        transport,
        domain: this.#identity.domain,
        caCertificates,
        resolver: resolver ?? systemResolver(),
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        tap,
        onMessage: (octets) => this.#core.receive(octets),
        onLost: (error) => this.#reportLoss({ ...error, retryAfterMs: null }),
        onSilent: () => void this.#refresh(),
      },
      this.#closing.signal,
    );
  }

  #enter(flow: Flow, redirection: Redirection | null): Promise<Binding> {
    if (this.#closing.signal.aborted || this.#isLeaving) {
      flow.destroy();
      throw new ParleyError(CLOSED.code, CLOSED.detail);
    }
    this.#identity.local = { host: flow.localHost, port: flow.localPort };
    this.#identity.nextHop = redirection?.location ?? this.#options.outboundProxy;
    this.#core.attach(flow);
    this.#registration.redirect(redirection?.registrar ?? null);
    return this.#registerOn();
  }

  async #registerOn(): Promise<Binding> {
    try {
      const binding = await this.#registration.register();
      if (!this.#isLeaving) this.#scheduleRefresh(binding);
      return binding;
    } catch (thrown) {
      const failure = asLinkError(thrown);
      this.#drop(failure);
      throw failure;
    }
  }

  #scheduleRefresh(binding: Binding): void {
    this.#refreshIn(refreshDelay(binding, Date.now()));
  }

  #refreshIn(milliseconds: number): void {
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = setTimeout(() => void this.#refresh(), milliseconds);
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#renew().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #renew(): Promise<void> {
    if (this.#identity.binding === null) return;
    try {
      const binding = await this.#registration.register();
      if (this.#isLeaving) return;
      this.#scheduleRefresh(binding);
      quietly(() => this.#refreshed.emit(binding));
    } catch (thrown) {
      const failure = asLinkError(thrown);
      const left = (this.#identity.binding?.expiresAt ?? 0) - Date.now();
      // RFC 5626 section 4.2.2: a flow that answers is no reason to open another one
      const isPutOff = failure instanceof RegisterRefusal && Math.floor(failure.response.status / 100) === 5 && left > RENEWABLE_MS;
      if (isPutOff) this.#refreshIn(Math.min(left / 2, Math.max(1000, failure.retryAfterMs ?? RENEW_AGAIN_MS)));
      else this.#reportLoss(failure);
    }
  }

  /** A broken flow without a binding has a caller of `register` who hears of it; only a lost binding is news. */
  #reportLoss(failure: LinkFailure): void {
    const { code, detail, retryAfterMs } = failure;
    const wasBound = this.#identity.binding !== null;
    this.#drop(failure);
    if (wasBound) quietly(() => this.#lost.emit({ code, detail, retryAfterMs }));
  }

  #drop(error: CodedError): void {
    clearTimeout(this.#refreshTimer);
    this.#identity.binding = null;
    this.#core.flow?.destroy();
    this.#core.detach(error);
  }
}

class CountedEmitter<T> extends Emitter<T> {
  count = 0;

  override on(listener: (event: T) => void): () => void {
    const off = super.on(listener);
    this.count += 1;
    let isOn = true;
    return () => {
      if (isOn) this.count -= 1;
      isOn = false;
      off();
    };
  }
}
