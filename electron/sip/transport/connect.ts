import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { SipTransport } from '../../../shared/model/account.ts';
import { uriHost } from '../addresses.ts';
import { certificateTrouble, type ServerNames, wrongName } from './certificate.ts';
import { StreamWire } from './stream-wire.ts';
import { openWebSocket } from './web-socket-wire.ts';
import type { Wire } from './wire.ts';

export interface ConnectOptions {
  readonly transport: SipTransport;
  /** the proxy as it was configured: name for SNI and the WebSocket URI */
  readonly proxyHost: string;
  readonly path: string | undefined;
  /** a certificate may be for it as well as for the proxy */
  readonly domain: string;
  /** PEM, trusted in place of the public authorities */
  readonly caCertificates: string | undefined;
}

/** Where to connect to: an address, not a name. */
export interface Target {
  readonly address: string;
  readonly port: number;
}

/**
 * One connection to one address, ready for SIP.
 * @throws ParleyError `link.unreachable`, `link.certificate`, or what `signal` was aborted with
 */
export async function connectWire(target: Target, options: ConnectOptions, signal: AbortSignal): Promise<Wire> {
  const where = `${uriHost(target.address)}:${target.port}`;
  const { transport } = options;
  if (transport === 'tcp') {
    const socket = connectTcp({ host: target.address, port: target.port });
    await ready(socket, 'connect', signal, (error) => new ParleyError('link.unreachable', `${where}: ${error.message}`));
    return new StreamWire(socket, 'TCP');
  }
  const socket = secured(target, options);
  await ready(socket, 'secureConnect', signal, (error) => tlsFailure(error, where));
  if (transport === 'tls') return new StreamWire(socket, 'TLS');
  return await openWebSocket(socket, `wss://${uriHost(options.proxyHost)}:${target.port}${options.path ?? '/'}`, where, signal);
}

function secured(target: Target, { transport, proxyHost, domain, caCertificates }: ConnectOptions): TLSSocket {
  const server: ServerNames = { names: [proxyHost, domain.replace(/^\[(.*)\]$/, '$1')], allowsWildcard: transport === 'wss' };
  return connectTls({
    host: target.address,
    port: target.port,
    minVersion: 'TLSv1.2',
    // RFC 6066 section 3: no address
    ...(isIP(proxyHost) === 0 ? { servername: proxyHost } : {}),
    ...(caCertificates === undefined ? {} : { ca: caCertificates }),
    ...(transport === 'wss' ? { ALPNProtocols: ['http/1.1'] } : {}),
    checkServerIdentity: (_, certificate) => wrongName(certificate, server),
  });
}

/** Resolves with the event; whoever takes the socket next adds listeners of its own. */
function ready(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
  describe: (error: Error) => ParleyError,
): Promise<void> {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 60_000);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => fail(signal.reason);
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      // an error before the next listener comes is seen by it as a closed socket
      socket.on('error', () => undefined);
    };
    const fail = (error: unknown): void => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onError = (error: Error): void => fail(describe(error));
    signal.addEventListener('abort', onAbort);
    socket.on('error', onError);
    socket.once(event, () => {
      settle();
      if (signal.aborted) fail(signal.reason);
      else resolve();
    });
  });
}

function tlsFailure(error: Error, where: string): ParleyError {
  const trouble = certificateTrouble(error);
  if (trouble !== null) return new ParleyError('link.certificate', `${where}: ${trouble}`);
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return new ParleyError('link.unreachable', `${where}: ${PLAIN.find(([pattern]) => pattern.test(code))?.[1] ?? error.message}`);
}

/** OpenSSL of Node and BoringSSL of Electron name some of these differently. */
const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS|WRONG_SSL_VERSION/, 'the server offers no TLS of version 1.2 or later'],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/, 'the server does not speak TLS there'],
  [/HANDSHAKE_FAILURE/, 'the server and this client have no TLS parameters in common'],
  [/^ECONNRESET$/, 'the server closed the connection before it was secured'],
];
