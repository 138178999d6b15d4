import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import { type RawData, WebSocket } from 'ws';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { SIP_LIMITS } from '../../../shared/protocol/sip/limits.ts';
import type { Wire, WireEvents } from './wire.ts';

/** RFC 7118 section 4 */
const SUBPROTOCOL = 'sip';
const MAX_FRAME = SIP_LIMITS.headerOctets + SIP_LIMITS.bodyOctets;

/**
 * The WebSocket handshake (RFC 6455, RFC 7118 section 4) on a connection that is secured already.
 * @throws ParleyError `link.unreachable`, or what `signal` was aborted with
 */
export function openWebSocket(socket: Socket, url: string, where: string, signal: AbortSignal): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(url, SUBPROTOCOL, {
      createConnection: () => socket,
      perMessageDeflate: false,
      maxPayload: MAX_FRAME,
    });
    const onAbort = (): void => fail(signal.reason);
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', onAbort);
      webSocket.removeAllListeners();
      webSocket.on('error', () => undefined);
      webSocket.terminate();
      socket.destroy();
      reject(error);
    };
    signal.addEventListener('abort', onAbort);
    webSocket.once('error', (error) => fail(new ParleyError('link.unreachable', `${where}: no WebSocket: ${error.message}`)));
    webSocket.once('close', () => fail(new ParleyError('link.unreachable', `${where}: no WebSocket: the server closed the connection`)));
    webSocket.once('open', () => {
      signal.removeEventListener('abort', onAbort);
      webSocket.removeAllListeners();
      // until somebody listens
      webSocket.on('error', () => undefined);
      webSocket.pause();
      resolve(new WebSocketWire(webSocket, socket));
    });
  });
}

/** One message a frame (RFC 7118 section 5), pings by those of RFC 6455 section 5.5.2, which every server answers. */
class WebSocketWire implements Wire {
  readonly protocol = 'WSS';
  readonly localHost: string;
  readonly localPort: number;
  readonly mustPong = true;
  readonly #webSocket: WebSocket;

  constructor(webSocket: WebSocket, socket: Socket) {
    this.localHost = socket.localAddress ?? '0.0.0.0';
    this.localPort = socket.localPort ?? 0;
    this.#webSocket = webSocket;
  }

  get unsent(): number {
    return this.#webSocket.bufferedAmount;
  }

  start(events: WireEvents): void {
    const webSocket = this.#webSocket;
    webSocket.on('message', (data) => this.#receive(data, events));
    webSocket.on('ping', () => events.onHeard());
    webSocket.on('pong', () => {
      events.onHeard();
      events.onPong();
    });
    webSocket.on('error', (error) => events.onLost({ code: tooLarge(error) ? 'sip.too-large' : 'link.lost', detail: error.message }));
    webSocket.on('close', () => events.onLost({ code: 'link.lost', detail: 'the server closed the connection' }));
    if (webSocket.readyState === WebSocket.OPEN) webSocket.resume();
    else queueMicrotask(() => events.onLost({ code: 'link.lost', detail: 'the connection is closed' }));
  }

  /** RFC 7118 section 4.2: a text frame when all of it is UTF-8, else a binary one. */
  write(message: Uint8Array, done: (error?: Error | null) => void): void {
    this.#webSocket.send(message, { binary: !isUtf8(message) }, done);
  }

  ping(): void {
    this.#webSocket.ping(undefined, undefined, () => undefined);
  }

  destroy(): void {
    this.#webSocket.removeAllListeners();
    this.#webSocket.on('error', () => undefined);
    this.#webSocket.terminate();
  }

  #receive(data: RawData, events: WireEvents): void {
    events.onHeard();
    const octets = octetsOf(data);
    const text = octets.length <= 4 ? fromUtf8(octets) : '';
    // RFC 7118 section 6: a server may keep the flow alive as RFC 5626 does
    if (text === '\r\n\r\n') this.#webSocket.send('\r\n', () => undefined);
    else if (text === '\r\n') events.onPong();
    else events.onMessage(octets);
  }
}

/** in octets of its own: a frame that came in one read is a slice of what was read */
function octetsOf(data: RawData): Uint8Array {
  return new Uint8Array(Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? data : Buffer.from(data));
}

function tooLarge(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
}
