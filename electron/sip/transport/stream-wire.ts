import type { Socket } from 'node:net';
import { utf8 } from '../../../shared/base/bytes.ts';
import { toCodedError } from '../../../shared/base/errors.ts';
import { SipFramer } from '../../../shared/protocol/sip/framer.ts';
import type { Wire, WireEvents } from './wire.ts';

const PING = utf8('\r\n\r\n');
const PONG = utf8('\r\n');

/** SIP on a stream (RFC 3261 section 18.3), pings by CRLF (RFC 5626 section 3.5.1). */
export class StreamWire implements Wire {
  readonly protocol: 'TCP' | 'TLS';
  readonly localHost: string;
  readonly localPort: number;
  readonly mustPong = false;
  readonly #socket: Socket;
  readonly #framer = new SipFramer();
  #ended = false;

  constructor(socket: Socket, protocol: 'TCP' | 'TLS') {
    this.protocol = protocol;
    this.localHost = socket.localAddress ?? '0.0.0.0';
    this.localPort = socket.localPort ?? 0;
    this.#socket = socket;
  }

  get unsent(): number {
    return this.#socket.writableLength;
  }

  start(events: WireEvents): void {
    const socket = this.#socket;
    socket.on('data', (octets: Uint8Array) => this.#receive(octets, events));
    socket.on('error', (error) => events.onLost({ code: 'link.lost', detail: error.message }));
    socket.on('end', () => events.onLost({ code: 'link.lost', detail: 'the server closed the connection' }));
    socket.on('close', () => events.onLost({ code: 'link.lost', detail: 'the connection is closed' }));
    if (socket.destroyed) queueMicrotask(() => events.onLost({ code: 'link.lost', detail: 'the connection is closed' }));
  }

  write(message: Uint8Array, done: (error?: Error | null) => void): void {
    this.#socket.write(message, done);
  }

  ping(): void {
    this.#socket.write(PING);
  }

  destroy(): void {
    this.#ended = true;
    this.#socket.removeAllListeners();
    this.#socket.on('error', () => undefined);
    this.#socket.destroy();
  }

  #receive(octets: Uint8Array, events: WireEvents): void {
    events.onHeard();
    try {
      for (const frame of this.#framer.push(octets)) {
        if (this.#ended) return;
        if (frame.kind === 'ping') this.#socket.write(PONG);
        else if (frame.kind === 'pong') events.onPong();
        else events.onMessage(frame.octets);
      }
      if (this.#framer.failure !== null) throw this.#framer.failure;
    } catch (thrown) {
      events.onLost(toCodedError(thrown, 'sip.malformed'));
    }
  }
}
