import { Emitter } from '../../shared/base/emitter.ts';
import { type CodedError, ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { AgentCore } from './agent-core.ts';
import type { CallContext } from './dialog.ts';
import { withinEndTimeout } from './dialog.ts';
import { DigestAccount } from './digest.ts';
import { Identity } from './identity.ts';
import { receiveInvite } from './invite-in.ts';
import { OutgoingCall } from './invite-out.ts';
import { quietly, receiveMessage, sendMessage } from './message.ts';
import type {
  Binding,
  FinalAnswer,
  IncomingInvite,
  IncomingMessage,
  OutgoingInvite,
  OutgoingRequest,
  UserAgent,
  UserAgentEvents,
  UserAgentOptions,
} from './port.ts';
import { Registration, refreshDelay } from './registration.ts';
import type { Flow } from './transport/flow.ts';
import { openFlow } from './transport/open-flow.ts';
import { systemResolver } from './transport/resolver.ts';

const CONNECT_TIMEOUT_MS = 10_000;

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
  readonly #lost = new Emitter<CodedError>();
  readonly #refreshed = new Emitter<Binding>();
  readonly #messages = new CountedEmitter<IncomingMessage>();
  readonly #invites = new CountedEmitter<IncomingInvite>();
  readonly #closing = new AbortController();
  #connecting: Promise<Flow> | null = null;
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
    await this.#connect();
    try {
      const binding = await this.#registration.register();
      this.#scheduleRefresh(binding);
      return binding;
    } catch (thrown) {
      this.#drop(toCodedError(thrown));
      throw thrown;
    }
  }

  async unregister(): Promise<void> {
    this.#isLeaving = true;
    clearTimeout(this.#refreshTimer);
    const wasBound = this.#identity.binding !== null;
    this.#identity.binding = null;
    if (this.#core.flow !== null && wasBound) await withinEndTimeout(this.#registration.unregister());
    if (this.#isLeaving) this.#identity.binding = null;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#drop({ code: 'link.lost', detail: 'the user agent is closed' });
  }

  message(request: OutgoingRequest): Promise<FinalAnswer> {
    return sendMessage(this.#core, this.#digest, this.#identity, request);
  }

  invite(request: OutgoingRequest): OutgoingInvite {
    return new OutgoingCall(this.#context, request);
  }

  async #connect(): Promise<void> {
    if (this.#core.flow !== null) return;
    this.#connecting ??= openFlow(
      {
        proxy: this.#options.outboundProxy,
        transport: this.#options.transport,
        domain: this.#identity.domain,
        caCertificates: this.#options.caCertificates,
        resolver: this.#options.resolver ?? systemResolver(),
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        tap: this.#options.tap,
        onMessage: (octets) => this.#core.receive(octets),
        onLost: (error) => this.#reportLoss(error),
      },
      this.#closing.signal,
    );
    try {
      const flow = await this.#connecting;
      if (this.#closing.signal.aborted) {
        flow.destroy();
        throw new ParleyError('link.lost', 'the user agent is closed');
      }
      this.#identity.local = { host: flow.localHost, port: flow.localPort };
      this.#core.attach(flow);
    } finally {
      this.#connecting = null;
    }
  }

  #scheduleRefresh(binding: Binding): void {
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = setTimeout(() => void this.#refresh(), refreshDelay(binding, Date.now()));
  }

  async #refresh(): Promise<void> {
    try {
      const binding = await this.#registration.register();
      if (this.#isLeaving) return;
      this.#scheduleRefresh(binding);
      quietly(() => this.#refreshed.emit(binding));
    } catch (thrown) {
      this.#reportLoss(toCodedError(thrown));
    }
  }

  /** A broken flow without a binding has a caller of `register` who hears of it; only a lost binding is news. */
  #reportLoss(error: CodedError): void {
    const wasBound = this.#identity.binding !== null;
    this.#drop(error);
    if (wasBound) quietly(() => this.#lost.emit(error));
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
