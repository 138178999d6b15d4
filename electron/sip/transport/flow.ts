import { utf8 } from '../../../shared/base/bytes.ts';
import type { CodedError } from '../../../shared/base/errors.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { KeepAlive } from './keep-alive.ts';
import type { Wire } from './wire.ts';

/** octets waiting for a server that does not read */
const MAX_UNSENT = 16 * 1_048_576;

export interface FlowListeners {
  readonly tap: ((direction: 'in' | 'out', octets: Uint8Array) => void) | undefined;
  /** one whole message, in octets of its own */
  readonly onMessage: (octets: Uint8Array) => void;
  /** once, when the connection is gone; never after `destroy` */
  readonly onLost: (error: CodedError) => void;
  /** a request heard nothing for a while from a server that answers no pings: something with an answer has to be sent */
  readonly onSilent?: (() => void) | undefined;
}

/** what begins so hears nothing in return */
const UNANSWERED = [utf8('SIP/'), utf8('ACK ')];

/** One connection to the outbound proxy: what RFC 5626 calls a flow. The same for every transport; what differs is its wire. */
export class Flow {
  readonly #wire: Wire;
  readonly #listeners: FlowListeners;
  readonly #keepAlive: KeepAlive;
  #isStuck = false;
  #ended = false;

  constructor(wire: Wire, listeners: FlowListeners) {
    this.#wire = wire;
    this.#listeners = listeners;
    this.#keepAlive = new KeepAlive({
      ping: () => wire.ping(),
      silent: () => listeners.onSilent?.(),
      dead: () => this.#lose({ code: 'link.lost', detail: 'no answer to a keep-alive' }),
    });
    wire.start({
      onMessage: (octets) => {
        if (this.#ended) return;
        this.#tap('in', octets);
        listeners.onMessage(octets);
      },
      onHeard: () => this.#keepAlive.heard(),
      onPong: () => this.#keepAlive.ponged(),
      onLost: (error) => this.#lose(error),
    });
  }

  /** as a Via names it */
  get protocol(): 'TCP' | 'TLS' | 'WSS' {
    return this.#wire.protocol;
  }

  get localHost(): string {
    return this.#wire.localHost;
  }

  get localPort(): number {
    return this.#wire.localPort;
  }

  /** Resolves when the octets were handed to the socket. @throws ParleyError `link.lost` */
  send(octets: Uint8Array): Promise<void> {
    if (this.#ended) return Promise.reject(new ParleyError('link.lost', 'the connection is closed'));
    this.#tap('out', octets);
    if (!UNANSWERED.some((start) => start.every((octet, at) => octets[at] === octet))) this.#keepAlive.asked();
    return new Promise((resolve, reject) => {
      this.#wire.write(octets, (error) => {
        if (error) reject(new ParleyError('link.lost', error.message));
        else resolve();
      });
      if (this.#wire.unsent <= MAX_UNSENT || this.#isStuck) return;
      this.#isStuck = true;
      // not from inside of send(): who calls it is in the middle of a transaction
      setImmediate(() => this.#lose({ code: 'link.lost', detail: 'the server does not read' }));
    });
  }

  /**
   * Sends a ping every `seconds`, or sooner, and when a request hears nothing. A missing pong is fatal only where the other end is known to
   * answer pings.
   */
  keepAlive(seconds: number | undefined, pongIsPromised: boolean): void {
    if (!this.#ended) this.#keepAlive.start(seconds, pongIsPromised || this.#wire.mustPong);
  }

  /** Pings at once, where the other end is known to answer. */
  prove(): void {
    if (!this.#ended) this.#keepAlive.prove();
  }

  destroy(): void {
    this.#end();
  }

  /** A diagnostic listener must not be able to break the link. */
  #tap(direction: 'in' | 'out', octets: Uint8Array): void {
    try {
      this.#listeners.tap?.(direction, octets);
    } catch {
      return;
    }
  }

  #lose(error: CodedError): void {
    if (this.#ended) return;
    this.#end();
    this.#listeners.onLost(error);
  }

  #end(): void {
    this.#ended = true;
    this.#keepAlive.stop();
    this.#wire.destroy();
  }
}
