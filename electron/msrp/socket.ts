import type { Socket as TcpSocket } from 'node:net';
import { connect as connectTcp, isIP, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ParleyError } from '../../shared/base/errors.ts';
import type { Fingerprint } from '../../shared/protocol/sdp/fingerprint.ts';
import { type Identity, shows } from './certificate.ts';

/**
 * Called with octets that are only valid during the call, unless it returns false: then nothing more is read until `resume`, but what TLS has
 * deciphered already.
 */
export type ReadOctets = (octets: Buffer) => boolean;

const SMALL_READ = 65_536;
const LARGE_READ = 524_288;
const RECORD = 16_384;
const MAX_LARGE = 16;
let largeInUse = 0;

/**
 * One read buffer a connection, used again for every read: half the cost of a fresh 64 KiB a read. A peer that fills it gets a large one,
 * as long as there are not too many of them.
 */
class ReadBuffer {
  #buffer = Buffer.allocUnsafeSlow(SMALL_READ);
  #large = false;
  #wantsLarge = false;
  #released = false;

  readonly next = (): Buffer => {
    if (this.#wantsLarge && !this.#large && !this.#released && largeInUse < MAX_LARGE) {
      this.#large = true;
      largeInUse++;
      this.#buffer = Buffer.allocUnsafeSlow(LARGE_READ);
    }
    return this.#buffer;
  };

  filled(length: number): Buffer {
    if (length === this.#buffer.length) this.#wantsLarge = true;
    return this.#buffer.subarray(0, length);
  }

  release(): void {
    if (this.#large && !this.#released) largeInUse--;
    this.#released = true;
  }
}

function onreadOptions(read: ReadOctets): { onread: { buffer: () => Buffer; callback: (length: number) => boolean }; buffer: ReadBuffer } {
  const buffer = new ReadBuffer();
  return { onread: { buffer: buffer.next, callback: (length) => read(buffer.filled(length)) }, buffer };
}

type Open = (at: { host: string; port: number }, timeoutMs: number, read: ReadOctets, signal?: AbortSignal) => Promise<TcpSocket>;

/**
 * Opens a connection.
 * @throws ParleyError `msrp.unreachable` with the address that failed, `msrp.timeout`, `msrp.lost` when `signal` fires
 */
export const openSocket: Open = ({ host, port }, timeoutMs, read, signal) => {
  const { onread, buffer } = onreadOptions(read);
  const socket = connectTcp({ host, port, noDelay: true, onread });
  socket.once('close', () => buffer.release());
  return opened(socket, 'connect', `${host}:${port}`, timeoutMs, signal);
};

/**
 * The same over TLS 1.2 or later, to whoever proves to be `host` (RFC 4976 section 9.2).
 * @param ca PEM, in place of the public authorities
 */
export function openSecureSocket(ca: string | undefined): Open {
  return ({ host, port }, timeoutMs, read, signal) => {
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = connectTls({
      host,
      port,
      minVersion: 'TLSv1.2',
      ...name,
      ...(ca === undefined ? {} : { ca }),
      ...readRecords(read),
    });
    socket.setNoDelay(true);
    return opened(socket, 'secureConnect', `${host}:${port}`, timeoutMs, signal);
  };
}

/** The same to whoever shows the certificate with that fingerprint, whatever names it has; ours is shown to it. @throws also `msrp.untrusted` */
export function openProvenSocket(identity: Identity, expected: Fingerprint): Open {
  return async ({ host, port }, timeoutMs, read, signal) => {
    const own = { key: identity.key, cert: identity.certificate };
    const socket = connectTls({ host, port, minVersion: 'TLSv1.2', rejectUnauthorized: false, ...own, ...readRecords(read) });
    socket.setNoDelay(true);
    await opened(socket, 'secureConnect', `${host}:${port}`, timeoutMs, signal);
    if (shows(socket, expected)) return socket;
    socket.on('error', () => {});
    socket.destroy();
    throw new ParleyError('msrp.untrusted', `${host}:${port}: the certificate is not the one that was announced`);
  };
}

/**
 * Gives an accepted socket of TLS the same reading. `tls.Server` has no `onread`, so the buffer is handed to the socket where it would keep
 * one; on a runtime that keeps it elsewhere, reading falls back to `data` events. Nothing is read before `resume`.
 */
export function adoptSecureSocket(socket: TcpSocket, read: ReadOctets): TcpSocket {
  socket.setNoDelay(true);
  const symbols = Object.getOwnPropertySymbols(socket);
  const slots = ['kBuffer', 'kBufferGen', 'kBufferCb'].map((name) => symbols.find(({ description }) => description === name));
  const inside = socket as unknown as { [slot: symbol]: unknown; readonly _handle?: { useUserBuffer?: (buffer: Buffer) => void } | null };
  if (!slots.includes(undefined) && typeof inside._handle?.useUserBuffer === 'function') {
    const { buffer, callback } = readRecords(read).onread;
    const first = buffer();
    for (const [n, value] of [first, buffer, callback].entries()) inside[slots[n] as symbol] = value;
    inside._handle.useUserBuffer(first);
    return socket;
  }
  socket.pause();
  socket.on('data', (octets: Buffer) => {
    if (!read(octets)) socket.pause();
  });
  return socket;
}

/** TLS hands over what one record held, at most 16 KiB, also after it was told to stop: what was not taken stays where it is. */
function readRecords(read: ReadOctets): { onread: { buffer: () => Buffer; callback: (length: number) => boolean } } {
  let buffer = Buffer.allocUnsafeSlow(RECORD);
  const callback = (length: number): boolean => {
    const goesOn = read(buffer.subarray(0, length));
    if (!goesOn) buffer = Buffer.allocUnsafeSlow(RECORD);
    return goesOn;
  };
  return { onread: { buffer: () => buffer, callback } };
}

function opened(
  socket: TcpSocket,
  ready: 'connect' | 'secureConnect',
  where: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<TcpSocket> {
  return new Promise((resolve, reject) => {
    const settle = (error: ParleyError | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      socket.removeListener(ready, onReady);
      if (error === null) resolve(socket);
      else {
        socket.on('error', () => {});
        socket.destroy();
        reject(error);
      }
    };
    const onError = (error: Error): void => settle(new ParleyError('msrp.unreachable', `${where}: ${error.message}`, { cause: error }));
    const onReady = (): void => settle(null);
    const onAbort = (): void => settle(new ParleyError('msrp.lost', `${where}: given up`));
    const timer = setTimeout(() => settle(new ParleyError('msrp.timeout', `${where}: no connection`)), timeoutMs);
    socket.once('error', onError);
    socket.once(ready, onReady);
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * Gives an accepted, paused socket the same reading as {@link openSocket}. `net.Server` has no `onread`, so the connection's handle moves
 * to a socket that has; on a runtime that keeps its handles elsewhere, reading falls back to `data` events.
 */
export function adoptSocket(accepted: TcpSocket, read: ReadOctets): TcpSocket {
  const holder = accepted as unknown as { _handle?: object | null };
  const handle = holder._handle;
  if (handle === undefined || handle === null) {
    accepted.setNoDelay(true);
    accepted.on('data', (octets: Buffer) => {
      if (!read(octets)) accepted.pause();
    });
    return accepted;
  }
  const { onread, buffer } = onreadOptions(read);
  holder._handle = null;
  const socket = new Socket({ handle, onread } as unknown as ConstructorParameters<typeof Socket>[0]);
  accepted.destroy();
  socket.once('close', () => buffer.release());
  socket.setNoDelay(true);
  return socket;
}
