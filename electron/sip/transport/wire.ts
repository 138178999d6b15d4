import type { CodedError } from '../../../shared/base/errors.ts';

/** A connection that carries whole SIP messages: octets on a stream cut by Content-Length, or frames of a WebSocket. */
export interface Wire {
  readonly protocol: 'TCP' | 'TLS' | 'WSS';
  readonly localHost: string;
  readonly localPort: number;
  /** every server of this kind answers a ping */
  readonly mustPong: boolean;
  /** octets that still wait for the other end to read */
  readonly unsent: number;
  /** Begins to deliver. Nothing is delivered before, nor after `destroy`. */
  start(events: WireEvents): void;
  write(message: Uint8Array, done: (error?: Error | null) => void): void;
  ping(): void;
  destroy(): void;
}

export interface WireEvents {
  /** one whole message, in octets of its own */
  readonly onMessage: (octets: Uint8Array) => void;
  /** anything at all came in */
  readonly onHeard: () => void;
  readonly onPong: () => void;
  /** the connection is gone, or what came in cannot be followed; may come more than once */
  readonly onLost: (error: CodedError) => void;
}
