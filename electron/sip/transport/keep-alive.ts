/** RFC 5626 section 4.4.1: a pong must come within 10 s. */
const PONG_TIMEOUT_MS = 10_000;
/** RFC 5626 section 4.4.1 leaves the interval on a stream to configuration when the registrar named none. */
const DEFAULT_SECONDS = 120;

/** When to ping, and when a silence means that the flow is dead. */
export class KeepAlive {
  readonly #ping: () => void;
  readonly #onDead: () => void;
  #pingTimer: NodeJS.Timeout | undefined;
  #pongTimer: NodeJS.Timeout | undefined;
  #pongIsPromised = false;
  #hasPinged = false;

  constructor(ping: () => void, onDead: () => void) {
    this.#ping = ping;
    this.#onDead = onDead;
  }

  start(seconds = DEFAULT_SECONDS, pongIsPromised: boolean): void {
    this.#pongIsPromised ||= pongIsPromised;
    clearTimeout(this.#pingTimer);
    // RFC 5626 section 4.4: 80 to 100 % of the interval, so that many clients do not ping in step
    const wait = Math.max(1, seconds) * 1000 * (0.8 + Math.random() * 0.2);
    this.#pingTimer = setTimeout(() => {
      this.#ask();
      this.start(seconds, false);
    }, wait);
  }

  /** Whatever arrives proves the flow as well as a pong does. */
  heard(): void {
    clearTimeout(this.#pongTimer);
    this.#pongTimer = undefined;
  }

  /** The first half of a ping of the other end looks like a pong, so one counts only where we asked. */
  ponged(): void {
    this.#pongIsPromised ||= this.#hasPinged;
  }

  stop(): void {
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#pongTimer);
  }

  #ask(): void {
    this.#ping();
    this.#hasPinged = true;
    if (!this.#pongIsPromised || this.#pongTimer !== undefined) return;
    this.#pongTimer = setTimeout(this.#onDead, PONG_TIMEOUT_MS);
  }
}
