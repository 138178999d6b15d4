import { ParleyError } from '../../../../shared/base/errors.ts';
import { decodeSequenceSet } from '../../../../shared/protocol/imap/sequence-set.ts';
import type { Asked } from '../../databases/open.ts';
import type { MailboxStatus, MailCalls, MessageRow } from '../storage/calls.ts';

/** What changed in a mailbox since its reader was told last, in the order that it is told in. */
export interface Changes {
  /** sequence numbers, each as it is when those before it are gone */
  readonly expunged: readonly number[];
  readonly messages: number | null;
  readonly flags: readonly { readonly sequence: number; readonly row: MessageRow }[];
}

/** The mailbox that a connection reads, with the numbers that its messages have for it (RFC 3501 section 2.3.1.2). */
export class Selected {
  readonly id: number;
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly #mail: Asked<MailCalls>;
  #uids: number[] = [];
  #known: number;
  isStale = false;

  constructor(mail: Asked<MailCalls>, name: string, status: MailboxStatus, isReadOnly: boolean) {
    this.#mail = mail;
    this.id = status.id;
    this.name = name;
    this.isReadOnly = isReadOnly;
    this.#known = status.modseq;
  }

  async open(): Promise<void> {
    this.#uids = await this.#mail.uids(this.id);
  }

  get messages(): number {
    return this.#uids.length;
  }

  sequenceOf(uid: number): number {
    return this.#uids.indexOf(uid) + 1;
  }

  /** UIDs of a set. A sequence number beyond the last is an error, a UID that is not there is none. @throws ParleyError `imap.malformed` */
  uidsIn(set: string, isByUid: boolean): number[] {
    if (isByUid) {
      const ranges = decodeSequenceSet(set, this.#uids.at(-1) ?? 0);
      return this.#uids.filter((uid) => ranges.some(({ from, to }) => uid >= from && uid <= to));
    }
    const ranges = decodeSequenceSet(set, this.messages);
    if (ranges.some(({ from, to }) => from < 1 || to > this.messages)) throw new ParleyError('imap.malformed', 'no such message');
    return this.#uids.filter((_, at) => ranges.some(({ from, to }) => at + 1 >= from && at + 1 <= to));
  }

  sequencesOf(uids: readonly number[]): number[] {
    const wanted = new Set(uids);
    return this.#uids.flatMap((uid, at) => (wanted.has(uid) ? [at + 1] : []));
  }

  /** Somebody else's changes, and our own that were not told. @param isSilent what expunged messages there are must wait */
  async refresh(isSilent: boolean): Promise<Changes> {
    if (!this.isStale) return { expunged: [], messages: null, flags: [] };
    this.isStale = false;
    const before = this.#uids;
    const now = await this.#mail.uids(this.id);
    const rows = await this.#mail.rows(this.id, null, this.#known);
    this.#known = rows.reduce((newest, { modseq }) => Math.max(newest, modseq), this.#known);
    const there = new Set(now);
    const expunged: number[] = [];
    if (isSilent && before.some((uid) => !there.has(uid))) {
      // those that are gone keep their numbers for now
      this.isStale = true;
      const last = before.at(-1) ?? 0;
      this.#uids = [...before, ...now.filter((uid) => uid > last)];
    } else {
      for (let at = before.length - 1; at >= 0; at--) if (!there.has(before[at] as number)) expunged.push(at + 1);
      this.#uids = now;
    }
    const known = new Set(before);
    const flags = rows.filter(({ uid }) => known.has(uid)).map((row) => ({ sequence: this.sequenceOf(row.uid), row }));
    const grown = this.#uids.length !== before.length - expunged.length;
    return { expunged, messages: grown ? this.#uids.length : null, flags };
  }

  /** What this connection itself did with flags it was told in the answer. */
  told(rows: readonly MessageRow[]): void {
    this.#known = rows.reduce((newest, { modseq }) => Math.max(newest, modseq), this.#known);
  }
}
