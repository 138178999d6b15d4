import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { createServer as createSecureServer } from 'node:tls';
import type { Clock } from '../../shared/base/clock.ts';
import { systemClock } from '../../shared/base/clock.ts';
import type { CodedError } from '../../shared/base/errors.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { encodeMsrpUri } from '../../shared/protocol/msrp/uri.ts';
import { createIdentity, type Identity, shows } from './certificate.ts';
import type { ConnectionOwner } from './connection.ts';
import { Connection } from './connection.ts';
import { sessionId } from './ids.ts';
import type { EngineLimits } from './limits.ts';
import { ENGINE_LIMITS } from './limits.ts';
import type { MsrpEngine, MsrpSession, SessionHandlers } from './port.ts';
import type { RelayAccount, RelayOwner } from './relay.ts';
import { Relay } from './relay.ts';
import type { ConnectionTarget, SessionOwner } from './session.ts';
import { Session } from './session.ts';
import { adoptSecureSocket, adoptSocket, openProvenSocket, openSecureSocket, openSocket } from './socket.ts';

/** the discard port, which RFC 4145 section 4.1 puts where nobody listens */
const NO_PORT = 9;

export interface EngineOptions {
  readonly clock?: Clock;
  readonly limits?: Partial<EngineLimits>;
  /** speaks for every session; without one they are reached at the listening port */
  readonly relay?: RelayAccount | null;
  /** PEM of the authorities to trust in place of the public ones, for what is reached over TLS */
  readonly caCertificates?: string | undefined;
  /** sessions that are offered, and not behind a relay, are offered over TLS, known by the fingerprints of both certificates */
  readonly offersTls?: boolean | undefined;
}

export function createMsrpEngine(options: EngineOptions = {}): MsrpEngine {
  return new Engine(options);
}

/** One listener for all sessions (and one for those over TLS), one connection for all sessions to the same `host:port` (RFC 4975 section 5.4). */
class Engine implements MsrpEngine, ConnectionOwner, SessionOwner, RelayOwner {
  readonly clock: Clock;
  readonly limits: EngineLimits;
  readonly relay: Relay | null;
  readonly offersTls: boolean;
  readonly #ca: string | undefined;
  readonly #sessions = new Map<string, Session>();
  readonly #connections = new Set<Connection>();
  readonly #opening = new Map<string, Promise<Connection>>();
  #servers: Server[] = [];
  /** accepted for TLS, before the end of the handshake, by {@link origin} */
  readonly #unshaken = new Map<string, Socket>();
  #identity: Identity | null = null;
  #address: { host: string; port: number } | null = null;
  #securePort = NO_PORT;
  #closed = false;

  constructor(options: EngineOptions) {
    this.clock = options.clock ?? systemClock;
    this.limits = { ...ENGINE_LIMITS, ...options.limits };
    this.offersTls = options.offersTls ?? false;
    this.#ca = options.caCertificates;
    this.relay = options.relay ? new Relay(this, options.relay) : null;
  }

  get address(): { readonly host: string; readonly port: number } {
    if (this.#address === null) throw new ParleyError('request.invalid-state', 'not listening');
    return this.#address;
  }

  get fingerprint(): string | undefined {
    return this.#identity?.fingerprint;
  }

  async listen(at: { host: string; port: number }): Promise<void> {
    if (this.#servers.length > 0 || this.#closed) throw new ParleyError('request.invalid-state', 'listening or closed');
    const plain = createServer({ pauseOnConnect: true }, (socket) => this.#accept(socket));
    this.#servers.push(plain);
    try {
      const port = await bound(plain, at);
      // who is behind a relay is reached there
      if (this.relay === null) this.#securePort = await this.#listenSecurely(at.host);
      this.#address = { host: at.host, port };
    } catch (thrown) {
      for (const server of this.#servers.splice(0)) server.close();
      throw thrown;
    }
  }

  /** Whoever connects shows a certificate; whose it is, is asked when it names a session. @returns the port */
  #listenSecurely(host: string): Promise<number> {
    const identity = createIdentity(this.clock.now());
    this.#identity = identity;
    const own = { key: identity.key, cert: identity.certificate, minVersion: 'TLSv1.2' } as const;
    const theirs = { requestCert: true, rejectUnauthorized: false, handshakeTimeout: this.limits.halfOpenMs };
    const server = createSecureServer({ ...own, ...theirs }, (socket) => {
      this.#unshaken.delete(origin(socket));
      const isNew = (read: Connection['read']): Socket => adoptSecureSocket(socket, read);
      this.#admit(socket, isNew, (expected) => shows(socket, expected));
    });
    // those of them that have not shaken hands are not among the connections yet
    server.maxConnections = this.limits.maxConnections;
    server.on('connection', (socket: Socket) => {
      const from = origin(socket);
      this.#unshaken.set(from, socket);
      socket.once('close', () => this.#unshaken.delete(from));
    });
    this.#servers.push(server);
    return bound(server, { host, port: 0 });
  }

  createSession(handlers: SessionHandlers, setup?: 'active'): MsrpSession {
    if (this.#closed) throw new ParleyError('request.invalid-state', 'engine closed');
    if (this.#sessions.size >= this.limits.maxSessions) throw new ParleyError('msrp.refused', 'too many sessions');
    const session = new Session(this, sessionId(), handlers, setup);
    this.#sessions.set(session.id, session);
    return session;
  }

  localUri(id: string, secure: boolean, setup: 'active' | undefined): string {
    const { host, port: plain } = this.address;
    const listening = secure && this.relay === null ? this.#securePort : plain;
    const port = setup === 'active' ? NO_PORT : listening;
    return encodeMsrpUri({ scheme: secure ? 'msrps' : 'msrp', host, port, sessionId: id, transport: 'tcp' });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.relay?.close();
    const error: CodedError = { code: 'msrp.lost', detail: 'engine closed' };
    for (const session of [...this.#sessions.values()]) session.lost(error);
    for (const connection of [...this.#connections]) connection.fail(error);
    for (const socket of this.#unshaken.values()) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }

  /**
   * By session id alone: it is unguessable, and behind back-to-back agents and gateways the rest of the URI may have been rewritten. So an
   * exact match and "sessmatch" are one look-up.
   */
  sessionFor(toPath: readonly string[]): Session | null {
    const uri = toPath[0] as string;
    const from = uri.indexOf('/', uri.indexOf('://') + 3) + 1;
    const to = uri.indexOf(';', from);
    if (from === 0 || to < 0) return null;
    return this.#sessions.get(uri.slice(from, to)) ?? null;
  }

  connectionLost(connection: Connection, error: CodedError): void {
    this.#connections.delete(connection);
    for (const session of [...connection.sessions]) session.lost(error);
    connection.sessions.clear();
  }

  forget(session: Session): void {
    this.#sessions.delete(session.id);
  }

  async connectionTo(
    at: ConnectionTarget,
    fresh: boolean,
    signal: AbortSignal | undefined,
  ): Promise<{ connection: Connection; reused: boolean }> {
    const key = `${at.secure ? `tls:${at.fingerprint?.hash ?? ''}:` : ''}${at.host}:${at.port}`;
    if (!fresh) {
      for (const connection of this.#connections)
        if (connection.openedTo === key && !connection.closed) return { connection, reused: true };
      const opening = this.#opening.get(key);
      if (opening !== undefined) {
        const connection = await opening.catch(() => null);
        if (connection !== null && !connection.closed) return { connection, reused: true };
      }
    }
    if (this.#connections.size >= this.limits.maxConnections) throw new ParleyError('msrp.unreachable', 'too many connections');
    const opening = this.#open(at, key, signal);
    this.#opening.set(key, opening);
    try {
      return { connection: await opening, reused: false };
    } finally {
      if (this.#opening.get(key) === opening) this.#opening.delete(key);
    }
  }

  openSecure(at: { readonly host: string; readonly port: number }): Promise<Connection> {
    return this.#open({ ...at, secure: true, fingerprint: null }, `relay:${at.host}:${at.port}`, undefined);
  }

  async #open(at: ConnectionTarget, key: string, signal: AbortSignal | undefined): Promise<Connection> {
    // a session that has an answer over TLS was announced, so we have an identity then
    const secured = at.fingerprint === null ? openSecureSocket(this.#ca) : openProvenSocket(this.#identity as Identity, at.fingerprint);
    const connection = new Connection(this, key);
    const socket = await (at.secure ? secured : openSocket)(at, this.limits.connectMs, connection.read, signal);
    if (this.#closed) {
      socket.destroy();
      throw new ParleyError('msrp.lost', 'engine closed');
    }
    this.#connections.add(connection);
    connection.start(socket);
    return connection;
  }

  #accept(accepted: Socket): void {
    this.#admit(accepted, (read) => adoptSocket(accepted, read), null);
  }

  #admit(accepted: Socket, adopt: (read: Connection['read']) => Socket, shows: Connection['shows']): void {
    if (this.#closed || this.#connections.size >= this.limits.maxConnections) {
      accepted.destroy();
      return;
    }
    // whoever connects and says nothing makes room for the next one, and never takes it from those that have a session
    const waiting = [...this.#connections].filter(({ openedTo, sessions }) => openedTo === null && sessions.size === 0);
    if (waiting.length >= this.limits.maxHalfOpen)
      waiting[0]?.fail({ code: 'msrp.refused', detail: 'too many connections without a session' });
    const connection = new Connection(this, null, shows);
    this.#connections.add(connection);
    connection.start(adopt(connection.read));
  }
}

function origin({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** @returns the port it has. @throws ParleyError `msrp.unreachable` */
function bound(server: Server, at: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new ParleyError('msrp.unreachable', `${at.host}:${at.port}: ${error.message}`, { cause: error })),
    );
    server.listen({ host: at.host, port: at.port }, () => {
      server.removeAllListeners('error');
      // A failed accept (no more descriptors) must not end the app.
      server.on('error', () => {});
      const address = server.address();
      resolve(address !== null && typeof address === 'object' ? address.port : at.port);
    });
  });
}
