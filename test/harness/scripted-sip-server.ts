import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import { fromUtf8, NO_BYTES, utf8 } from '../../shared/base/bytes.ts';
import type { SipTransport } from '../../shared/model/account.ts';
import { decodeSip, encodeSip } from '../../shared/protocol/sip/codec.ts';
import { SipFramer } from '../../shared/protocol/sip/framer.ts';
import { header, type SipHeader, type SipMessage, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';

/** how long a test waits for what must come */
const PATIENCE_MS = 8_000;

export interface Extra {
  readonly reason?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: Uint8Array;
  readonly toTag?: string;
}

export interface ServerOptions {
  readonly transport?: SipTransport;
  /** key, certificate and versions, for `tls` and `wss` */
  readonly tls?: TlsOptions;
  readonly host?: string;
  readonly port?: number;
}

/** A SIP server over raw TCP, TLS or secure WebSocket that does what the test says and nothing else. */
export class ScriptedSipServer {
  readonly #server: Server;
  readonly #connections: ScriptedConnection[] = [];
  readonly #waiting: ((connection: ScriptedConnection) => void)[] = [];

  /** WebSocket upgrade requests: path and Host */
  readonly upgrades: { readonly path: string; readonly host: string }[] = [];

  private constructor({ transport = 'tcp', tls = {} }: ServerOptions) {
    const accept = (socket: Socket, webSocket?: WebSocket): void => {
      const connection = new ScriptedConnection(socket, webSocket);
      this.#connections.push(connection);
      this.#waiting.shift()?.(connection);
    };
    if (transport === 'wss') {
      const server = createHttpsServer(tls);
      const webSockets = new WebSocketServer({ server, handleProtocols: (offered) => (offered.has('sip') ? 'sip' : false) });
      webSockets.on('connection', (webSocket, request) => {
        this.upgrades.push({ path: request.url ?? '', host: request.headers.host ?? '' });
        accept(request.socket, webSocket);
      });
      this.#server = server;
    } else {
      this.#server = transport === 'tls' ? createTlsServer(tls, accept) : createServer(accept);
    }
    this.#server.on('tlsClientError', () => undefined);
  }

  static async start(options: ServerOptions = {}): Promise<ScriptedSipServer> {
    const scripted = new ScriptedSipServer(options);
    await new Promise<void>((resolve) => scripted.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve));
    return scripted;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** the next connection a client opens */
  connection(): Promise<ScriptedConnection> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export class ScriptedConnection {
  readonly #socket: Socket;
  readonly #webSocket: WebSocket | undefined;
  readonly #framer = new SipFramer();
  readonly #received: SipMessage[] = [];
  readonly #texts = new WeakMap<SipMessage, string>();
  readonly #waiting = new Set<() => void>();
  pings = 0;
  /** RFC 5626 section 4.4.1; a WebSocket answers those of its own kind by itself */
  answersPings = false;
  pongs = 0;
  /** the kinds of WebSocket frames received */
  readonly frames: ('text' | 'binary')[] = [];
  isClosed = false;

  constructor(socket: Socket, webSocket?: WebSocket) {
    this.#socket = socket;
    this.#webSocket = webSocket;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
    if (webSocket === undefined) socket.on('data', (octets) => this.#receive(octets));
    webSocket?.on('error', () => undefined);
    webSocket?.on('message', (data, isBinary) => {
      this.frames.push(isBinary ? 'binary' : 'text');
      this.#receive(data as Buffer);
    });
    webSocket?.on('ping', () => {
      this.pings += 1;
      this.#wake();
    });
  }

  #receive(octets: Uint8Array): void {
    for (const frame of this.#framer.push(octets)) {
      if (frame.kind === 'ping') {
        this.pings += 1;
        if (this.answersPings) this.write('\r\n');
      }
      if (frame.kind === 'pong') this.pongs += 1;
      if (frame.kind !== 'message') continue;
      const message = decodeSip(frame.octets);
      this.#texts.set(message, fromUtf8(frame.octets));
      this.#received.push(message);
    }
    this.#wake();
  }

  /** the octets of a received message as text */
  textOf(message: SipMessage): string {
    return this.#texts.get(message) ?? '';
  }

  async request(method: string): Promise<SipRequest> {
    return (await this.#take((message) => message.kind === 'request' && message.method === method, method)) as SipRequest;
  }

  async response(status: number, method = ''): Promise<SipResponse> {
    const matches = (message: SipMessage): boolean =>
      message.kind === 'response' && message.status === status && (header(message, 'CSeq') ?? '').endsWith(method);
    return (await this.#take(matches, `${status} to ${method}`)) as SipResponse;
  }

  /** every message received and not taken yet */
  get untaken(): readonly SipMessage[] {
    return this.#received;
  }

  async until(condition: () => boolean): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    while (!condition()) {
      if (Date.now() > end) throw new Error('the condition was never met');
      await this.#next(Math.min(50, end - Date.now()));
    }
  }

  send(message: SipMessage): void {
    this.write(encodeSip(message));
  }

  /** raw octets on a stream, one frame on a WebSocket */
  write(octets: Uint8Array | string): void {
    if (this.#webSocket === undefined) this.#socket.write(octets);
    else this.#webSocket.send(octets, () => undefined);
  }

  /** ends the connection as a server does that stops */
  end(): void {
    if (this.#webSocket === undefined) this.#socket.end();
    else this.#webSocket.close(1001);
  }

  reply(request: SipRequest, status: number, extra: Extra = {}): void {
    this.send(replyTo(request, status, extra));
  }

  /** reads no more */
  pause(): void {
    this.#socket.pause();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #take(matches: (message: SipMessage) => boolean, what: string): Promise<SipMessage> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const at = this.#received.findIndex(matches);
      if (at >= 0) return this.#received.splice(at, 1)[0] as SipMessage;
      if (Date.now() > end) {
        const seen = this.#received.map((message) => (message.kind === 'request' ? message.method : message.status));
        throw new Error(`never received ${what}, only ${seen.join(', ') || 'nothing'}`);
      }
      await this.#next(100);
    }
  }

  #next(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}

export function replyTo(request: SipRequest, status: number, extra: Extra = {}): SipResponse {
  const repeated = request.headers.filter(({ name }) => ['Via', 'From', 'To', 'Call-ID', 'CSeq'].includes(name));
  const tag = extra.toTag ?? 'server';
  const tagged = repeated.map(({ name, value }): SipHeader => {
    return name === 'To' && status > 100 && !value.includes(';tag=') ? { name, value: `${value};tag=${tag}` } : { name, value };
  });
  const more = (extra.headers ?? []).map(([name, value]) => ({ name, value }));
  return { kind: 'response', status, reason: extra.reason ?? 'Answer', headers: [...tagged, ...more], body: extra.body ?? NO_BYTES };
}

export interface RequestParts {
  readonly uri: string;
  readonly callId: string;
  readonly branch: string;
  readonly cseq?: number;
  readonly from?: string;
  readonly to?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: Uint8Array | string;
}

/** A request of the kind a proxy delivers. */
export function requestOf(method: string, parts: RequestParts): SipRequest {
  const fields: [string, string][] = [
    ['Via', `SIP/2.0/TCP 127.0.0.1:5060;branch=${parts.branch}`],
    ['Max-Forwards', '66'],
    ['From', parts.from ?? '<sip:bob@home2.example>;tag=bobtag'],
    ['To', parts.to ?? '<sip:alice@home1.example>'],
    ['Call-ID', parts.callId],
    ['CSeq', `${parts.cseq ?? 1} ${method}`],
    ...((parts.headers ?? []) as [string, string][]),
  ];
  const body = typeof parts.body === 'string' ? utf8(parts.body) : (parts.body ?? NO_BYTES);
  return { kind: 'request', method, uri: parts.uri, headers: fields.map(([name, value]) => ({ name, value })), body };
}
