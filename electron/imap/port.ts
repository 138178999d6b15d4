/** A mail server and whose mailboxes on it. */
export interface MailAccount {
  readonly host: string;
  readonly port: number;
  /** plain is for this machine alone: the name and password go as they are */
  readonly security: 'plain' | 'starttls' | 'tls';
  readonly user: string;
  readonly password: string;
  /** PEM of whom to trust beside the system's authorities */
  readonly caCertificates?: string | undefined;
}

/** The levels of a mailbox's name: `['c1', 'k1']`. Which character stands between them is the server's affair. */
export type MailFolder = readonly string[];

export interface MailHead {
  readonly uid: number;
  /** octets */
  readonly size: number;
  /** ms since the epoch: when the server got it, or what it was told then */
  readonly received: number;
  /** the header block */
  readonly header: Uint8Array;
}

/**
 * One signed-in connection. Each call throws ParleyError: `history.unreachable`, `history.refused`, `history.full`, `request.not-found`,
 * `history.failed`.
 */
export interface MailClient {
  readonly isOpen: boolean;
  folders(): Promise<readonly MailFolder[]>;
  /** makes it, with those above it, where it is not there */
  ensure(folder: MailFolder): Promise<void>;
  append(folder: MailFolder, octets: Uint8Array, received: number): Promise<void>;
  /** UIDs, ascending, of the messages with that in that header field */
  withHeader(folder: MailFolder, name: string, value: string): Promise<readonly number[]>;
  /** UIDs, ascending, of the messages with that text, whatever its case */
  withText(folder: MailFolder, text: string): Promise<readonly number[]>;
  uids(folder: MailFolder): Promise<readonly number[]>;
  /** what UIDs there are worth: with another value they name other messages (RFC 3501 section 2.3.1.1) */
  uidValidity(folder: MailFolder): Promise<number>;
  heads(folder: MailFolder, uids: readonly number[]): Promise<readonly MailHead[]>;
  /** @throws ParleyError `history.failed` for one above `longest` octets, before it is read */
  message(folder: MailFolder, uid: number, longest: number): Promise<Uint8Array>;
  /** the content of a part (`2`), with its transfer encoding undone, as it comes */
  part(folder: MailFolder, uid: number, part: string): Promise<AsyncIterable<Uint8Array>>;
  remove(folder: MailFolder, uids: readonly number[]): Promise<void>;
  removeFolder(folder: MailFolder): Promise<void>;
  close(): Promise<void>;
}
