import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Clock } from '../../shared/base/clock.ts';
import { systemClock } from '../../shared/base/clock.ts';
import type { CodedError } from '../../shared/base/errors.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { encodeMsrpUri } from '../../shared/protocol/msrp/uri.ts';
import type { ConnectionOwner } from './connection.ts';
import { Connection } from './connection.ts';
import { sessionId } from './ids.ts';
import type { EngineLimits } from './limits.ts';
import { ENGINE_LIMITS } from './limits.ts';
import type { MsrpEngine, MsrpSession, SessionHandlers } from './port.ts';
import type { RelayAccount, RelayOwner } from './relay.ts';
import { Relay } from './relay.ts';
import type { SessionOwner } from './session.ts';
import { Session } from './session.ts';
import { adoptSocket, openSecureSocket, openSocket } from './socket.ts';

/** the discard port, which RFC 4145 section 4.1 puts where nobody listens */
const NO_PORT = 9;

export interface EngineOptions {
  readonly clock?: Clock;
  readonly limits?: Partial<EngineLimits>;
  /** speaks for every session; without one they are reached at the listening port */
  readonly relay?: RelayAccount | null;
  /** PEM of the authorities to trust in place of the public ones, for what is reached over TLS */
  readonly caCertificates?: string | undefined;
}

export function createMsrpEngine(options: EngineOptions = {}): MsrpEngine {
  return new Engine(options);
}

/** One listener for all sessions, one connection for all sessions to the same `host:port` (RFC 4975 section 5.4). */
class Engine implements MsrpEngine, ConnectionOwner, SessionOwner, RelayOwner {
  readonly clock: Clock;
  readonly limits: EngineLimits;
  readonly relay: Relay | null;
  readonly #ca: string | undefined;
  readonly #sessions = new Map<string, Session>();
  readonly #connections = new Set<Connection>();
  readonly #opening = new Map<string, Promise<Connection>>();
  #server: Server | null = null;
  #address: { host: string; port: number } | null = null;
  #closed = false;

  constructor(options: EngineOptions) {
    this.clock = options.clock ?? systemClock;
    this.limits = { ...ENGINE_LIMITS, ...options.limits };
    this.#ca = options.caCertificates;
    this.relay = options.relay ? new Relay(this, options.relay) : null;
  }

  get address(): { readonly host: string; readonly port: number } {
    if (this.#address === null) throw new ParleyError('request.invalid-state', 'not listening');
    return this.#address;
  }

  listen(at: { host: string; port: number }): Promise<void> {
    if (this.#server !== null || this.#closed) return Promise.reject(new ParleyError('request.invalid-state', 'listening or closed'));
    const server = createServer({ pauseOnConnect: true }, (socket) => this.#accept(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', (error) => {
        this.#server = null;
        reject(new ParleyError('msrp.unreachable', `${at.host}:${at.port}: ${error.message}`, { cause: error }));
      });
      server.listen({ host: at.host, port: at.port }, () => {
        server.removeAllListeners('error');
        // A failed accept (no more descriptors) must not end the app.
        server.on('error', () => {});
        const bound = server.address();
        this.#address = { host: at.host, port: bound !== null && typeof bound === 'object' ? bound.port : at.port };
        resolve();
      });
    });
  }

  createSession(handlers: SessionHandlers, setup?: 'active'): MsrpSession {
    if (this.#closed) throw new ParleyError('request.invalid-state', 'engine closed');
    if (this.#sessions.size >= this.limits.maxSessions) throw new ParleyError('msrp.refused', 'too many sessions');
    const { host, port: listening } = this.address;
    const port = setup === 'active' ? NO_PORT : listening;
    const id = sessionId();
    const scheme = this.relay === null ? 'msrp' : 'msrps';
    const session = new Session(this, id, encodeMsrpUri({ scheme, host, port, sessionId: id, transport: 'tcp' }), handlers);
    this.#sessions.set(id, session);
    return session;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.relay?.close();
    const error: CodedError = { code: 'msrp.lost', detail: 'engine closed' };
    for (const session of [...this.#sessions.values()]) session.lost(error);
    for (const connection of [...this.#connections]) connection.fail(error);
    const server = this.#server;
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
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
    at: { host: string; port: number; secure: boolean },
    fresh: boolean,
    signal: AbortSignal | undefined,
  ): Promise<{ connection: Connection; reused: boolean }> {
    const key = `${at.secure ? 'tls:' : ''}${at.host}:${at.port}`;
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
    return this.#open({ ...at, secure: true }, `relay:${at.host}:${at.port}`, undefined);
  }

  async #open(at: { host: string; port: number; secure: boolean }, key: string, signal: AbortSignal | undefined): Promise<Connection> {
    const connection = new Connection(this, key);
    const open = at.secure ? openSecureSocket(this.#ca) : openSocket;
    const socket = await open(at, this.limits.connectMs, connection.read, signal);
    if (this.#closed) {
      socket.destroy();
      throw new ParleyError('msrp.lost', 'engine closed');
    }
    this.#connections.add(connection);
    connection.start(socket);
    return connection;
  }

  #accept(accepted: Socket): void {
    if (this.#closed || this.#connections.size >= this.limits.maxConnections) {
      accepted.destroy();
      return;
    }
    // whoever connects and says nothing makes room for the next one, and never takes it from those that have a session
    const waiting = [...this.#connections].filter(({ openedTo, sessions }) => openedTo === null && sessions.size === 0);
    if (waiting.length >= this.limits.maxHalfOpen)
      waiting[0]?.fail({ code: 'msrp.refused', detail: 'too many connections without a session' });
    const connection = new Connection(this, null);
    this.#connections.add(connection);
    connection.start(adoptSocket(accepted, connection.read));
  }
}
