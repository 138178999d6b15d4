import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { encodeFrame, type MsrpFrame, type MsrpRequest } from '../../../shared/protocol/msrp/codec.ts';
import { TestAuthority } from '../../harness/certificates.ts';
import { RawPeer } from './harness.ts';

export type AuthReply = { readonly status: number; readonly headers?: Record<string, string> } | 'drop' | 'silence';

export const CHALLENGE = 'Digest realm="relay.example", nonce="n1", qop="auth", algorithm=SHA-256';

let authority: TestAuthority | null = null;

/** A relay over TLS that says what a test wants it to say to each AUTH; SENDs it answers 200, for itself. */
export class FakeRelay {
  readonly auths: MsrpFrame[] = [];
  readonly sends: MsrpFrame[] = [];
  readonly peers: RawPeer[] = [];
  readonly ca: string;
  readonly #server: Server;
  #seen = 0;
  #sessions = 0;

  private constructor(ca: string, server: Server) {
    this.ca = ca;
    this.#server = server;
  }

  /** @param script the reply to the nth AUTH, from 1 */
  static async start(script: (n: number, auth: MsrpRequest, relay: FakeRelay) => AuthReply, names = 'IP:127.0.0.1'): Promise<FakeRelay> {
    authority ??= new TestAuthority();
    const server = createServer(authority.issue(names));
    const relay = new FakeRelay(authority.certificate, server);
    server.on('tlsClientError', () => {});
    server.on('secureConnection', (socket: TLSSocket) => relay.#serve(new RawPeer(socket), script));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get uri(): string {
    return `msrps://127.0.0.1:${this.port};tcp`;
  }

  get account() {
    return { uri: this.uri, user: 'alice', password: 'secret' };
  }

  /** a path of its own for one session */
  grant(headers: Record<string, string> = {}): AuthReply {
    this.#sessions += 1;
    return { status: 200, headers: { 'Use-Path': `msrps://relay.example:9000/s${this.#sessions};tcp`, ...headers } };
  }

  async close(): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(peer: RawPeer, script: (n: number, auth: MsrpRequest, relay: FakeRelay) => AuthReply): void {
    this.peers.push(peer);
    let read = 0;
    peer.socket.on('data', () => {
      for (; read < peer.frames.length; read++) {
        const frame = peer.frames[read] as MsrpFrame;
        if (frame.head.kind !== 'request') continue;
        if (frame.head.method === 'SEND') {
          this.sends.push(frame);
          answer(peer, frame.head, 200);
        } else if (frame.head.method === 'AUTH') {
          this.auths.push(frame);
          this.#seen += 1;
          const reply = script(this.#seen, frame.head, this);
          if (reply === 'drop') peer.socket.destroy();
          else if (reply !== 'silence') answer(peer, frame.head, reply.status, reply.headers);
        }
      }
    });
  }
}

function answer(
  peer: RawPeer,
  { transactionId, fromPath, toPath }: MsrpRequest,
  status: number,
  headers: Record<string, string> = {},
): void {
  const fields = Object.entries(headers).map(([name, value]) => ({ name, value }));
  const head = {
    kind: 'response',
    transactionId,
    status,
    comment: null,
    toPath: fromPath.slice(0, 1),
    fromPath: toPath.slice(0, 1),
    headers: fields,
  } as const;
  peer.socket.write(encodeFrame({ head, body: null, flag: '$' }));
}
