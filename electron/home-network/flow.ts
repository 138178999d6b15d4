import type { Socket } from 'node:net';
import { utf8 } from '../../shared/base/bytes.ts';
import { Emitter } from '../../shared/base/emitter.ts';
import { SipFramer } from '../../shared/protocol/sip/framer.ts';
import type { Bounds } from './settings.ts';

/** the reason of an end that needs no explanation */
export const CLOSED_BY_PEER = 'closed by peer';
const PAUSE_AT = 1_048_576;
/** ms for the last octets to leave a closed flow */
const LINGER = 500;
const PONG = utf8('\r\n');

/** One TCP connection of a peer: the flow of RFC 5626. It ends when its stream cannot be followed, is flooded, or its peer stops reading. */
export class Flow {
  readonly remote: { readonly host: string; readonly port: number };
  /** called once, with the reason in a few words */
  readonly onClosed = new Emitter<string>();
  /** a whole message */
  readonly onMessage = new Emitter<Uint8Array>();
  /** last time anything came in, ms since the epoch */
  lastHeard: number;
  readonly #socket: Socket;
  readonly #framer = new SipFramer();
  readonly #bounds: Bounds;
  readonly #now: () => number;
  #faults = 0;
  #closed = false;

  constructor(socket: Socket, bounds: Bounds, now: () => number) {
    this.#socket = socket;
    this.#bounds = bounds;
    this.#now = now;
    this.remote = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    this.lastHeard = now();
    socket.setNoDelay(true);
    socket.on('data', (octets: Uint8Array) => this.#received(octets));
    socket.on('drain', () => socket.resume());
    socket.on('error', (error) => this.close(error.message));
    socket.on('close', () => this.close(CLOSED_BY_PEER));
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  /** Octets to a closed flow are dropped: its transactions hear of the end by onClosed. */
  send(octets: Uint8Array): void {
    if (this.#closed) return;
    this.#socket.write(octets);
    // back-pressure: who does not read gets no more of his requests read
    if (this.#socket.writableLength > PAUSE_AT) this.#socket.pause();
    if (this.#socket.writableLength > this.#bounds.unsentOctets) this.close('does not read');
  }

  /** A malformed message or refused credentials; too many of them end the flow. */
  fault(reason: string): void {
    this.#faults += 1;
    if (this.#faults > this.#bounds.faultsPerFlow) this.close(reason);
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    // let an answer that is already written still go out
    this.#socket.destroySoon();
    setTimeout(() => this.#socket.destroy(), LINGER).unref();
    this.onClosed.emit(reason);
  }

  #received(octets: Uint8Array): void {
    if (this.#closed) return;
    this.lastHeard = this.#now();
    try {
      for (const frame of this.#framer.push(octets)) {
        if (frame.kind === 'message') this.onMessage.emit(frame.octets);
        else if (frame.kind === 'ping') this.send(PONG);
        if (this.#closed) return;
      }
      if (this.#framer.failure !== null) this.close(this.#framer.failure.message);
    } catch (thrown) {
      this.close(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }
}
