import type { SearchKey } from '../../../../shared/protocol/imap/search-keys.ts';
import type { PartStructure } from '../../../../shared/protocol/imap/structure.ts';

export interface MailboxEntry {
  readonly name: string;
  readonly isSubscribed: boolean;
}

export interface MailboxStatus {
  readonly id: number;
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly modseq: number;
  readonly messages: number;
  readonly unseen: number;
}

export interface MessageRow {
  readonly uid: number;
  readonly bodyId: number;
  readonly flags: readonly string[];
  readonly modseq: number;
  /** ms since the epoch */
  readonly received: number;
  readonly octets: number;
}

/** What is known of a message when its last octet has come. */
export interface Whole {
  readonly octets: number;
  readonly header: string;
  readonly words: string;
  readonly structure: PartStructure;
  readonly flags: readonly string[];
  readonly received: number;
}

export interface Appended {
  readonly uidValidity: number;
  readonly uid: number;
  readonly mailboxId: number;
}

/**
 * The calls of the message store's database. Mailboxes are asked for with their owner, who sees no others; `mailboxId` is one that such a call gave.
 * Each throws ParleyError: `request.not-found` for a mailbox that is not there, `request.invalid-state` for one that is, `history.full` above the quota.
 */
export interface MailCalls {
  mailboxes(owner: string): MailboxEntry[];
  status(owner: string, name: string): MailboxStatus | null;
  create(owner: string, name: string): void;
  remove(owner: string, name: string): void;
  rename(owner: string, from: string, to: string): void;
  subscribe(owner: string, name: string, isSubscribed: boolean): void;
  usage(owner: string): number;
  /** @returns the id of a body that is put in by chunks */
  begin(owner: string, mailbox: string): number;
  chunk(bodyId: number, number: number, octets: Uint8Array): void;
  finish(bodyId: number, mailbox: string, whole: Whole): Appended;
  drop(bodyId: number): void;
  uids(mailboxId: number): number[];
  /** ascending; those among `uids` (null: all) that changed after `since` */
  rows(mailboxId: number, uids: readonly number[] | null, since: number): MessageRow[];
  structure(bodyId: number): PartStructure;
  /** up to so many octets; fewer at the end of a chunk or of the body */
  read(bodyId: number, from: number, octets: number): Uint8Array;
  /** @returns what changed, and which did not because they changed after `unchangedSince` */
  store(mailboxId: number, uids: readonly number[], change: FlagChange): { readonly changed: MessageRow[]; readonly modified: number[] };
  /** those with \Deleted among `uids` (null: all) */
  expunge(mailboxId: number, uids: readonly number[] | null): number[];
  copy(
    mailboxId: number,
    uids: readonly number[],
    owner: string,
    to: string,
  ): { readonly uidValidity: number; readonly from: number[]; readonly to: number[] };
  search(mailboxId: number, key: SearchKey): number[];
}

export interface FlagChange {
  readonly mode: 'set' | 'add' | 'remove';
  readonly flags: readonly string[];
  /** null: whatever happened since */
  readonly unchangedSince: number | null;
}

const METHODS: Readonly<Record<keyof MailCalls, true>> = {
  mailboxes: true,
  status: true,
  create: true,
  remove: true,
  rename: true,
  subscribe: true,
  usage: true,
  begin: true,
  chunk: true,
  finish: true,
  drop: true,
  uids: true,
  rows: true,
  structure: true,
  read: true,
  store: true,
  expunge: true,
  copy: true,
  search: true,
};
export const MAIL_METHODS = Object.keys(METHODS) as (keyof MailCalls)[];

/** octets of a chunk; all but the last of a body are full */
export const CHUNK = 262_144;
