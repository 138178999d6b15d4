import { reconnectDelay } from '../../shared/base/backoff.ts';
import type { Clock } from '../../shared/base/clock.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import { type CodedError, toCodedError } from '../../shared/base/errors.ts';
import { nextRegistrationState, type RegistrationEvent, type RegistrationState } from '../../shared/model/states/registration-state.ts';
import { type Binding, LinkError, type LinkFailure, type UserAgent } from '../sip/port.ts';
import type { Link } from './context.ts';
import { hasAddress, isAlone, type Network, type NetworkEvent } from './network.ts';

/** Another try changes nothing about these; the person or the administrator must. */
const REFUSALS: ReadonlySet<CodedError['code']> = new Set(['link.credentials', 'link.unknown-account', 'link.refused']);

/** A broken flow is mostly a restarted proxy: the first try comes soon, the next ones by RFC 5626. */
const FIRST_RETRY_MS = 1000;
/** longest wait that a server can ask for by Retry-After: max-time of RFC 5626 section 4.5 */
const MAX_RETRY_AFTER_MS = 1_800_000;
/** After a change of the network: addresses, routes and name servers come one after the other. */
const SETTLE_MS = 2000;
const MAX_SETTLE_MS = 5000;
/** who writes does not want to wait; no more often than this */
const HASTEN_MS = 10_000;
/** a sleep that was announced and did not come */
const SLEEP_MS = 300_000;

export interface RegistrationPorts {
  /** a fresh agent, with whoever answers its requests attached: a MESSAGE may follow the 200 at once */
  readonly createAgent: () => UserAgent;
  readonly network: Network;
  /** the server is not on this device: without a network it cannot be reached */
  readonly leadsOut: boolean;
  readonly clock: Clock;
  /** in [0, 1) */
  readonly random: () => number;
  readonly log: (line: string) => void;
}

/**
 * Keeps one account registered: registers, watches the flow and the network, and tries again with the waits of RFC 5626 section 4.5. A new
 * agent, and so a new flow and names resolved afresh, for every try.
 */
export class RegistrationService {
  readonly stateChanged = new Emitter<RegistrationState>();
  /** each time that the account became reachable */
  readonly registered = new Emitter<Link>();

  readonly #ports: RegistrationPorts;
  #state: RegistrationState = { kind: 'offline' };
  #agent: UserAgent | null = null;
  #link: Link | null = null;
  #cancelRetry: (() => void) | null = null;
  #unwatch: (() => void) | null = null;
  /** a binding is being ended; the next one must not be overtaken by that */
  #leaving: Promise<void> = Promise.resolve();
  #triedAt = 0;
  /** the addresses that the last try began with */
  #addresses: readonly string[] = [];
  /** the server asked for this time */
  #notBefore = 0;
  #settlingUntil: number | null = null;

  constructor(ports: RegistrationPorts) {
    this.#ports = ports;
  }

  get state(): RegistrationState {
    return this.#state;
  }

  /** null unless registered */
  get link(): Link | null {
    return this.#link;
  }

  /** The link, as it is when a try that is under way has ended. */
  async settled(): Promise<Link | null> {
    while (this.#state.kind === 'connecting') {
      await new Promise<void>((resolve) => {
        const off = this.stateChanged.on(() => {
          off();
          resolve();
        });
      });
    }
    return this.#link;
  }

  start(isSignedOut = false): void {
    if (this.#state.kind !== 'offline') return;
    this.#unwatch ??= this.#ports.network.watch((event) => this.#noticed(event));
    if (isSignedOut) this.#apply({ kind: 'signed-out' });
    else void this.#connect();
  }

  /** The person does not want to wait. Nothing happens while a try is under way or when registered. */
  retryNow(): void {
    if (this.#state.kind === 'waiting' || this.#state.kind === 'refused') void this.#connect(true);
  }

  /** There is something to send: the next try comes now, unless there was one just now or the server asked for time. */
  hasten(): void {
    const now = this.#ports.clock.now();
    const mustWait = this.#settlingUntil !== null || now < this.#notBefore || now - this.#triedAt < HASTEN_MS;
    if (this.#state.kind === 'waiting' && !mustWait) void this.#connect(true);
  }

  /** R-REG-11: ends the binding until `signIn`. Resolves when the server has answered, or did not in 2 s. */
  async signOut(): Promise<void> {
    if (this.#state.kind === 'signed-out') return this.#leaving;
    this.#leave();
    this.#apply({ kind: 'signed-out' });
    return this.#leaving;
  }

  signIn(): void {
    if (this.#state.kind === 'signed-out') void this.#connect();
  }

  /** Something that stands in REGISTER has changed. */
  async renew(): Promise<void> {
    const agent = this.#agent;
    if (agent === null || this.#link === null) return;
    try {
      this.#renewed(agent, await agent.register());
    } catch (thrown) {
      this.#fail(agent, failureOf(thrown));
    }
  }

  /** Ends the binding; no further try. */
  async stop(): Promise<void> {
    this.#unwatch?.();
    this.#unwatch = null;
    this.#leave();
    this.#apply({ kind: 'stopped' });
    return this.#leaving;
  }

  async #connect(asked = false): Promise<void> {
    this.#forget();
    this.#settlingUntil = null;
    this.#notBefore = 0;
    this.#triedAt = this.#ports.clock.now();
    this.#addresses = this.#ports.network.addresses();
    this.#apply({ kind: 'connect', asked });
    const state = this.#state;
    await this.#leaving;
    if (this.#state !== state) return;
    let agent: UserAgent;
    try {
      agent = this.#ports.createAgent();
    } catch (thrown) {
      // the account cannot be used as it is written
      this.#apply({ kind: 'refused', error: { ...toCodedError(thrown), code: 'link.refused' } });
      return;
    }
    this.#agent = agent;
    agent.events.onLost((failure) => this.#fail(agent, failure));
    agent.events.onRefreshed((binding) => this.#renewed(agent, binding));
    try {
      const binding = await agent.register();
      if (this.#agent !== agent) return;
      this.#link = { agent, binding };
      this.#apply({ kind: 'registered', expiresAt: binding.expiresAt });
      this.registered.emit(this.#link);
    } catch (thrown) {
      this.#fail(agent, failureOf(thrown));
    }
  }

  #renewed(agent: UserAgent, binding: Binding): void {
    if (this.#agent !== agent || !this.#link) return;
    this.#link = { agent, binding };
    this.#apply({ kind: 'registered', expiresAt: binding.expiresAt });
  }

  #fail(agent: UserAgent, failure: LinkFailure): void {
    if (this.#agent !== agent) return;
    const wasRegistered = this.#link !== null;
    this.#abandon();
    const error = this.#plain(failure);
    this.#ports.log(`registration failed: ${error.code} ${error.detail}`);
    if (REFUSALS.has(error.code)) {
      this.#apply({ kind: 'refused', error });
      return;
    }
    const now = this.#ports.clock.now();
    const wait = this.#waitAfter(failure, wasRegistered);
    if (failure.retryAfterMs !== null) this.#notBefore = now + wait;
    this.#apply({ kind: 'failed', error, nextTryAt: now + wait });
    this.#cancelRetry = this.#ports.clock.after(wait, () => void this.#connect());
  }

  /** RFC 5626 sections 4.2.1 and 4.5; a server that asks for no time at all is not asked in a loop for that. */
  #waitAfter({ retryAfterMs }: LinkFailure, wasRegistered: boolean): number {
    const random = this.#ports.random();
    const failures = this.#state.kind === 'connecting' ? this.#state.failures + 1 : 1;
    const soon = FIRST_RETRY_MS * (0.5 + random / 2);
    if (retryAfterMs === null) return wasRegistered ? soon : reconnectDelay(failures, random);
    const own = wasRegistered || failures === 1 ? soon : reconnectDelay(failures - 1, random);
    return Math.max(own, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
  }

  /** A server out of reach is no fault of the server where there is no network at all. */
  #plain({ code, detail }: LinkFailure): CodedError {
    const isOut = code === 'link.unreachable' || code === 'link.timeout' || code === 'link.lost';
    return { code: isOut && this.#isCutOff ? 'link.offline' : code, detail };
  }

  #noticed(event: NetworkEvent): void {
    const { kind } = this.#state;
    if (kind !== 'registered' && kind !== 'connecting' && kind !== 'waiting') return;
    if (event === 'sleeping') {
      this.#leave();
      this.#wait({ code: 'link.offline', detail: 'the device is going to sleep' }, SLEEP_MS);
      return;
    }
    if (this.#ports.clock.now() < this.#notBefore) return;
    // an address that came says nothing about the flow; one that went may be that of the flow
    const used = this.#link === null ? this.#addresses : [this.#link.binding.localHost];
    const isGone = used.some((address) => !hasAddress(this.#ports.network, address));
    if (event === 'changed' && kind !== 'waiting' && !isGone) return;
    this.#settle(event === 'woke' ? 'the device was asleep' : 'the address of this device has changed');
  }

  /** The flow is given up, and the next one opened when the network has been still for a while. */
  #settle(detail: string): void {
    const now = this.#ports.clock.now();
    this.#abandon();
    this.#settlingUntil ??= now + MAX_SETTLE_MS;
    this.#wait(
      { code: this.#isCutOff ? 'link.offline' : 'link.lost', detail },
      Math.max(0, Math.min(SETTLE_MS, this.#settlingUntil - now)),
    );
  }

  #wait(error: CodedError, milliseconds: number): void {
    this.#ports.log(`registration: ${error.detail}`);
    this.#apply({ kind: 'unsettled', error, nextTryAt: this.#ports.clock.now() + milliseconds });
    this.#cancelRetry = this.#ports.clock.after(milliseconds, () => void this.#connect());
  }

  get #isCutOff(): boolean {
    return this.#ports.leadsOut && isAlone(this.#ports.network);
  }

  /** Ends the binding and its flow, in the background. */
  #leave(): void {
    const agent = this.#agent;
    this.#forget();
    if (agent === null) return;
    this.#leaving = agent
      .unregister()
      .then(() => agent.close())
      .catch((thrown) => this.#ports.log(`leaving: ${toCodedError(thrown).detail}`));
  }

  /** Ends the flow without a word. */
  #abandon(): void {
    const agent = this.#agent;
    this.#forget();
    agent?.close().catch((thrown) => this.#ports.log(`closing the agent: ${toCodedError(thrown).detail}`));
  }

  #forget(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#agent = null;
    this.#link = null;
  }

  #apply(event: RegistrationEvent): void {
    this.#state = nextRegistrationState(this.#state, event, this.#ports.clock.now());
    this.stateChanged.emit(this.#state);
  }
}

function failureOf(thrown: unknown): LinkFailure {
  if (thrown instanceof LinkError) return thrown;
  return { ...toCodedError(thrown), retryAfterMs: null };
}
