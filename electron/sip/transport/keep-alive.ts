/** RFC 5626 section 4.4.1: a pong must come within 10 s. */
const PONG_TIMEOUT_MS = 10_000;
/**
 * Longest time between two pings, s. What a registrar names (120 s mostly) suits its NAT; whoever sits at a dead connection that long believes
 * to be reachable.
 */
const MAX_SECONDS = 30;
/** a request that has heard nothing for so long leads to a ping, ms */
const QUIET_MS = 3_000;

export interface KeepAliveActions {
  ping(): void;
  /** nothing came back, and this server is not known to answer pings: something else must prove the flow */
  silent(): void;
  /** a pong that was promised did not come */
  dead(): void;
}

/** When to ping, and when a silence means that the flow is dead. */
export class KeepAlive {
  readonly #actions: KeepAliveActions;
  #pingTimer: NodeJS.Timeout | undefined;
  #pongTimer: NodeJS.Timeout | undefined;
  #quietTimer: NodeJS.Timeout | undefined;
  #isRunning = false;
  #pongIsPromised = false;
  #hasPinged = false;

  constructor(actions: KeepAliveActions) {
    this.#actions = actions;
  }

  /** Where no pong is promised, a first ping at once finds out whether there are any. */
  start(seconds = MAX_SECONDS, pongIsPromised: boolean): void {
    this.#pongIsPromised ||= pongIsPromised;
    if (!this.#isRunning && !this.#pongIsPromised) this.#ask();
    this.#isRunning = true;
    clearTimeout(this.#pingTimer);
    // RFC 5626 section 4.4: 80 to 100 % of the interval, so that many clients do not ping in step
    const wait = Math.min(MAX_SECONDS, Math.max(1, seconds)) * 1000 * (0.8 + Math.random() * 0.2);
    this.#pingTimer = setTimeout(() => {
      this.#ask();
      this.start(seconds, false);
    }, wait);
  }

  /** A request has left. Its answer may take the other end's time; that nothing at all comes is looked into. */
  asked(): void {
    if (!this.#isRunning || this.#quietTimer !== undefined || this.#pongTimer !== undefined) return;
    this.#quietTimer = setTimeout(() => {
      this.#quietTimer = undefined;
      this.#ask();
      if (!this.#pongIsPromised) this.#actions.silent();
    }, QUIET_MS);
  }

  prove(): void {
    if (this.#isRunning && this.#pongIsPromised) this.#ask();
  }

  /** Whatever arrives proves the flow as well as a pong does. */
  heard(): void {
    clearTimeout(this.#pongTimer);
    this.#pongTimer = undefined;
    clearTimeout(this.#quietTimer);
    this.#quietTimer = undefined;
  }

  /** The first half of a ping of the other end looks like a pong, so one counts only where we asked. */
  ponged(): void {
    this.#pongIsPromised ||= this.#hasPinged;
  }

  stop(): void {
    this.#isRunning = false;
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#pongTimer);
    clearTimeout(this.#quietTimer);
  }

  #ask(): void {
    this.#actions.ping();
    this.#hasPinged = true;
    if (!this.#pongIsPromised || this.#pongTimer !== undefined) return;
    this.#pongTimer = setTimeout(() => this.#actions.dead(), PONG_TIMEOUT_MS);
  }
}
