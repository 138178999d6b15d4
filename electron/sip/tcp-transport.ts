import { connect, type Socket } from 'node:net';
import { utf8 } from '../../shared/base/bytes.ts';
import type { CodedError } from '../../shared/base/errors.ts';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { SipFramer } from '../../shared/protocol/sip/framer.ts';

/** RFC 5626 section 4.4.1: a pong must come within 10 s. */
const PONG_TIMEOUT_MS = 10_000;
/** RFC 5626 section 4.4.1 leaves the interval on TCP to configuration when the registrar named none. */
const DEFAULT_KEEP_ALIVE_SECONDS = 120;

/** octets waiting for a server that does not read */
const MAX_UNSENT = 16 * 1_048_576;

const PING = utf8('\r\n\r\n');
const PONG = utf8('\r\n');

export interface FlowOptions {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
  readonly tap: ((direction: 'in' | 'out', octets: Uint8Array) => void) | undefined;
  /** one whole message, in octets of its own */
  readonly onMessage: (octets: Uint8Array) => void;
  /** once, when the connection is gone; never after `destroy` */
  readonly onLost: (error: CodedError) => void;
}

/** One TCP connection to the outbound proxy: what RFC 5626 calls a flow. */
export interface Flow {
  readonly localHost: string;
  readonly localPort: number;
  /** Resolves when the octets were handed to the socket. @throws ParleyError `link.lost` */
  send(octets: Uint8Array): Promise<void>;
  /**
   * Sends a ping every `seconds` (120 when undefined), a little earlier by chance. A missing pong is fatal only where the other end is
   * known to answer pings.
   */
  keepAlive(seconds: number | undefined, pongIsPromised: boolean): void;
  destroy(): void;
}

/** @throws ParleyError `link.unreachable`, `link.timeout` */
export function openFlow(options: FlowOptions, signal: AbortSignal): Promise<Flow> {
  return new Promise((resolve, reject) => {
    const where = `${options.host}:${options.port}`;
    const socket = connect({ host: options.host, port: options.port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 });
    const fail = (error: ParleyError): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(new ParleyError('link.lost', 'closed while connecting'));
    const timer = setTimeout(() => fail(new ParleyError('link.timeout', `${where}: no connection in time`)), options.connectTimeoutMs);
    signal.addEventListener('abort', onAbort);
    socket.once('error', (error) => fail(new ParleyError('link.unreachable', `${where}: ${error.message}`)));
    socket.once('connect', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners('error');
      resolve(new TcpFlow(socket, options));
    });
  });
}

class TcpFlow implements Flow {
  readonly localHost: string;
  readonly localPort: number;
  readonly #socket: Socket;
  readonly #options: FlowOptions;
  #isStuck = false;
  readonly #framer = new SipFramer();
  #pingTimer: NodeJS.Timeout | undefined;
  #pongTimer: NodeJS.Timeout | undefined;
  #pongIsPromised = false;
  #hasPinged = false;
  #ended = false;

  constructor(socket: Socket, options: FlowOptions) {
    this.localHost = socket.localAddress ?? '0.0.0.0';
    this.localPort = socket.localPort ?? 0;
    this.#socket = socket;
    this.#options = options;
    socket.on('data', (octets: Uint8Array) => this.#receive(octets));
    socket.on('error', (error) => this.#lose({ code: 'link.lost', detail: error.message }));
    socket.on('end', () => this.#lose({ code: 'link.lost', detail: 'the server closed the connection' }));
    socket.on('close', () => this.#lose({ code: 'link.lost', detail: 'the connection is closed' }));
  }

  send(octets: Uint8Array): Promise<void> {
    if (this.#ended) return Promise.reject(new ParleyError('link.lost', 'the connection is closed'));
    this.#tap('out', octets);
    return new Promise((resolve, reject) => {
      this.#socket.write(octets, (error) => {
        if (error) reject(new ParleyError('link.lost', error.message));
        else resolve();
      });
      if (this.#socket.writableLength <= MAX_UNSENT || this.#isStuck) return;
      this.#isStuck = true;
      // not from inside of send(): who calls it is in the middle of a transaction
      setImmediate(() => this.#lose({ code: 'link.lost', detail: 'the server does not read' }));
    });
  }

  keepAlive(seconds = DEFAULT_KEEP_ALIVE_SECONDS, pongIsPromised: boolean): void {
    if (this.#ended) return;
    this.#pongIsPromised ||= pongIsPromised;
    clearTimeout(this.#pingTimer);
    // RFC 5626 section 4.4: 80 to 100 % of the interval, so that many clients do not ping in step
    const wait = Math.max(1, seconds) * 1000 * (0.8 + Math.random() * 0.2);
    this.#pingTimer = setTimeout(() => {
      this.#ping();
      this.keepAlive(seconds, false);
    }, wait);
  }

  destroy(): void {
    this.#end();
    this.#socket.destroy();
  }

  #ping(): void {
    this.#socket.write(PING);
    this.#hasPinged = true;
    if (!this.#pongIsPromised || this.#pongTimer !== undefined) return;
    this.#pongTimer = setTimeout(() => this.#lose({ code: 'link.lost', detail: 'no answer to a keep-alive' }), PONG_TIMEOUT_MS);
  }

  #receive(octets: Uint8Array): void {
    if (this.#ended) return;
    // whatever arrives proves the flow as well as a pong does
    clearTimeout(this.#pongTimer);
    this.#pongTimer = undefined;
    try {
      for (const frame of this.#framer.push(octets)) {
        if (this.#ended) return;
        if (frame.kind === 'ping') {
          this.#socket.write(PONG);
        } else if (frame.kind === 'pong') {
          // the first half of a ping looks like a pong, so one counts only where we asked
          this.#pongIsPromised ||= this.#hasPinged;
        } else {
          this.#tap('in', frame.octets);
          this.#options.onMessage(frame.octets);
        }
      }
      if (this.#framer.failure !== null) throw this.#framer.failure;
    } catch (thrown) {
      this.#lose(toCodedError(thrown, 'sip.malformed'));
    }
  }

  /** A diagnostic listener must not be able to break the link. */
  #tap(direction: 'in' | 'out', octets: Uint8Array): void {
    try {
      this.#options.tap?.(direction, octets);
    } catch {
      return;
    }
  }

  #lose(error: CodedError): void {
    if (this.#ended) return;
    this.#end();
    this.#socket.destroy();
    this.#options.onLost(error);
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#pongTimer);
    this.#socket.removeAllListeners();
    this.#socket.on('error', () => undefined);
  }
}
