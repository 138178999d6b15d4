import type { Asked } from '../../databases/open.ts';
import type { MailCalls } from '../storage/calls.ts';

/** What one peer or all of them together may take. */
export interface MailBounds {
  readonly connections: number;
  readonly connectionsPerUser: number;
  /** octets of one message */
  readonly message: number;
  /** octets of one user's messages */
  readonly quota: number;
  /** ms of silence: before somebody signed in, and after (RFC 3501 section 5.4 wants 30 minutes at least) */
  readonly idleBefore: number;
  readonly idle: number;
}

export const MAIL_BOUNDS: MailBounds = {
  connections: 200,
  connectionsPerUser: 20,
  message: 1_073_741_824,
  quota: 8 * 1_073_741_824,
  idleBefore: 60_000,
  idle: 35 * 60_000,
};

/** What the connections of the server share. */
export interface MailHost {
  readonly mail: Asked<MailCalls>;
  readonly bounds: MailBounds;
  /** the owner of the mailboxes, or null */
  signIn(user: string, password: string): string | null;
  /** one more connection of that user; false: there are too many */
  admit(owner: string): boolean;
  /** that mailbox is not what it was */
  changed(mailboxId: number): void;
  /** @returns what ends it */
  onChanged(listener: (mailboxId: number) => void): () => void;
  readonly now: () => number;
}
