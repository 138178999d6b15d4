import { createHash, timingSafeEqual } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Emitter } from '../../../shared/base/emitter.ts';
import { NetworkDatabase, type NetworkDatabases } from '../databases/open.ts';
import type { Directory } from '../directory.ts';
import { serveConnection } from './imap/connection.ts';
import { MAIL_BOUNDS, type MailBounds, type MailHost } from './imap/host.ts';
import { MAIL_METHODS, type MailCalls } from './storage/calls.ts';

export interface MessageStoreOptions {
  readonly host: string;
  /** 0 takes any free one */
  readonly port: number;
  readonly directory: Directory;
  readonly databases: NetworkDatabases;
  readonly bounds?: Partial<MailBounds>;
  readonly now: () => number;
}

export interface MessageStoreServer {
  readonly address: { readonly host: string; readonly port: number };
  close(): Promise<void>;
}

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.|localhost$)/;

/**
 * The embedded Message Storage Server: IMAP4rev1 with CONDSTORE over the network's database (cpm.md section 16.7), each user's mailboxes for himself, with
 * the name and password that he registers with. There is no TLS, so who comes from elsewhere than this machine is turned away. Rejects with the error of
 * `listen`.
 */
export async function startMessageStore(options: MessageStoreOptions): Promise<MessageStoreServer> {
  const { directory, databases, now } = options;
  const bounds: MailBounds = { ...MAIL_BOUNDS, ...options.bounds };
  const database = new NetworkDatabase<MailCalls>(databases, 'message-store', MAIL_METHODS);
  const changes = new Emitter<number>();
  const connections = new Map<Socket, Promise<void>>();
  const byOwner = new Map<string, number>();
  const host: MailHost = {
    mail: database.calls,
    bounds,
    now,
    signIn: (name, password) => {
      const user = directory.byDigestName(name);
      const isRight = sameSecret(user?.password ?? '', password);
      return user !== null && isRight ? user.user : null;
    },
    admit(owner) {
      const own = (byOwner.get(owner) ?? 0) + 1;
      if (own > bounds.connectionsPerUser) return false;
      byOwner.set(owner, own);
      return true;
    },
    changed: (mailboxId) => changes.emit(mailboxId),
    onChanged: (listener) => changes.on(listener),
  };
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    if (connections.size >= bounds.connections || !LOOPBACK.test(socket.remoteAddress ?? '')) {
      socket.end('* BYE Not here\r\n');
      return;
    }
    const served = serveConnection(socket, host, (owner) => byOwner.set(owner, (byOwner.get(owner) ?? 1) - 1));
    connections.set(
      socket,
      served.finally(() => connections.delete(socket)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    address: { host: options.host, port: (server.address() as AddressInfo).port },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections.keys()) socket.destroy();
      await Promise.all([closed, ...connections.values()]);
      await database.close();
    },
  };
}

/** In the same time, however much of it is right. */
function sameSecret(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other)) && one !== '';
}
