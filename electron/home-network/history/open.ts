import type { Clock } from '../../../shared/base/clock.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { connectMail } from '../../imap/client.ts';
import type { MailAccount, MailClient } from '../../imap/port.ts';
import type { Bindings } from '../bindings.ts';
import type { NetworkDatabases } from '../databases/open.ts';
import type { Directory } from '../directory.ts';
import type { MessageStore } from '../message-store/port.ts';
import type { Rules } from '../rules/rules.ts';
import type { HomeUser } from '../settings.ts';
import { Recorder } from './recorder.ts';
import { Witness } from './witness.ts';

/** A mail server of the operator's own in place of the embedded one. In `user` and `password`, `{user}` and `{password}` are the account's. */
export type HistoryServer = Pick<MailAccount, 'host' | 'port' | 'security' | 'user' | 'password' | 'caCertificates'>;

export interface HistoryOptions {
  readonly directory: Directory;
  readonly bindings: Bindings;
  readonly rules: Rules;
  readonly databases: NetworkDatabases;
  readonly server: HistoryServer;
  readonly isAnchored: boolean;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

export interface History {
  readonly store: MessageStore;
  readonly witness: Witness;
  readonly mailboxes: Mailboxes;
  /** resolves when what was taken on is written, or has failed once */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** The message store as the home of what its owners refer to. */
export interface Mailboxes {
  readonly host: string;
  readonly port: number;
  /** the name that is signed in with for that user */
  nameOf(user: HomeUser): string;
  connect(user: HomeUser): Promise<MailClient>;
}

const URL_OF_SERVER = /^(imap|imaps|imap\+starttls):\/\/([^:@/]{1,200}):([^@/]{1,200})@(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]{1,253}):(\d{1,5})$/;
const SECURITY = { imap: 'plain', imaps: 'tls', 'imap+starttls': 'starttls' } as const;

/** `imaps://{user}:{password}@mail.example:993`. @throws Error with one line that says what to correct */
export function readHistoryServer(text: string): HistoryServer {
  const match = URL_OF_SERVER.exec(text);
  if (match === null) throw new Error('--history takes imap://, imaps:// or imap+starttls:// with USER:PASSWORD@HOST:PORT');
  const [, scheme = 'imap', user = '', password = '', host = '', port = ''] = match;
  return { security: SECURITY[scheme as keyof typeof SECURITY], user, password, host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** Recording into the Message Storage Server (cpm.md section 16.7); it begins with what an earlier run has left. */
export async function openHistory(options: HistoryOptions): Promise<History> {
  const { directory, server, databases, clock, log } = options;
  const filled = (template: string, user: string, password: string): string =>
    template.replace(/\{(user|password)\}/g, (_, name: string) => (name === 'user' ? user : password));
  const mailboxes: Mailboxes = {
    host: server.host,
    port: server.port,
    nameOf: ({ user, password }) => filled(server.user, user, password),
    connect: (user) =>
      connectMail({ ...server, user: mailboxes.nameOf(user), password: filled(server.password, user.user, user.password) }),
  };
  const recorder = new Recorder({
    domain: directory.domain,
    databases,
    clock,
    log,
    connect: async (owner) => {
      const user = directory.byName(owner);
      if (user === null) throw new ParleyError('history.refused', 'no such user');
      return mailboxes.connect(user);
    },
  });
  await recorder.open();
  const witness = new Witness({ ...options, store: recorder, now: () => clock.now() });
  return { store: recorder, witness, mailboxes, settled: () => recorder.settled(), close: () => recorder.close() };
}
