import { reconnectDelay } from '../../shared/base/backoff.ts';
import type { Clock } from '../../shared/base/clock.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import { type CodedError, toCodedError } from '../../shared/base/errors.ts';
import { nextRegistrationState, type RegistrationEvent, type RegistrationState } from '../../shared/model/states/registration-state.ts';
import type { UserAgent } from '../sip/port.ts';
import type { Link } from './context.ts';

/** Another try changes nothing about these; the person or the administrator must. */
const REFUSALS: ReadonlySet<CodedError['code']> = new Set(['link.credentials', 'link.refused']);

/** A broken flow is mostly a restarted proxy: the first try comes soon, the next ones by RFC 5626. */
const FIRST_RETRY_MS = 1000;

export interface RegistrationPorts {
  /** a fresh agent, with whoever answers its requests attached: a MESSAGE may follow the 200 at once */
  readonly createAgent: () => UserAgent;
  readonly clock: Clock;
  /** in [0, 1) */
  readonly random: () => number;
  readonly log: (line: string) => void;
}

/**
 * Keeps one account registered: registers, watches the flow, and tries again with the waits of RFC 5626 section 4.5. A new agent, and so
 * a new flow, for every try.
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

  start(): void {
    if (this.#state.kind === 'offline') void this.#connect();
  }

  /** The person does not want to wait. Nothing happens while a try is under way or when registered. */
  retryNow(): void {
    if (this.#state.kind === 'waiting' || this.#state.kind === 'refused') void this.#connect();
  }

  /** Ends the binding; no further try. */
  async stop(): Promise<void> {
    const agent = this.#agent;
    const wasRegistered = this.#link !== null;
    this.#forget();
    this.#apply({ kind: 'signed-out' });
    if (!agent) return;
    if (wasRegistered) await agent.unregister().catch(() => undefined);
    await agent.close();
  }

  async #connect(): Promise<void> {
    this.#forget();
    this.#apply({ kind: 'connect' });
    let agent: UserAgent;
    try {
      agent = this.#ports.createAgent();
    } catch (thrown) {
      // the account cannot be used as it is written
      this.#apply({ kind: 'refused', error: { ...toCodedError(thrown), code: 'link.refused' } });
      return;
    }
    this.#agent = agent;
    agent.events.onLost((error) => this.#fail(agent, error));
    agent.events.onRefreshed((binding) => {
      if (this.#agent !== agent || !this.#link) return;
      this.#link = { agent, binding };
      this.#apply({ kind: 'registered', expiresAt: binding.expiresAt });
    });
    try {
      const binding = await agent.register();
      if (this.#agent !== agent) return;
      this.#link = { agent, binding };
      this.#apply({ kind: 'registered', expiresAt: binding.expiresAt });
      this.registered.emit(this.#link);
    } catch (thrown) {
      this.#fail(agent, toCodedError(thrown));
    }
  }

  #fail(agent: UserAgent, error: CodedError): void {
    if (this.#agent !== agent) return;
    const wasRegistered = this.#link !== null;
    this.#forget();
    agent.close().catch((thrown) => this.#ports.log(`closing the agent: ${toCodedError(thrown).detail}`));
    this.#ports.log(`registration failed: ${error.code} ${error.detail}`);
    if (REFUSALS.has(error.code)) {
      this.#apply({ kind: 'refused', error });
      return;
    }
    const failures = this.#state.kind === 'connecting' ? this.#state.failures + 1 : 1;
    const random = this.#ports.random();
    const wait = wasRegistered ? FIRST_RETRY_MS * (0.5 + random / 2) : reconnectDelay(failures, random);
    this.#apply({ kind: 'failed', error, nextTryAt: this.#ports.clock.now() + wait });
    this.#cancelRetry = this.#ports.clock.after(wait, () => void this.#connect());
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
