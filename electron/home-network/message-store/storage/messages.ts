import { ParleyError } from '../../../../shared/base/errors.ts';
import type { PartStructure } from '../../../../shared/protocol/imap/structure.ts';
import type { WriteHandle } from '../../../sqlite/handles.ts';
import { CHUNK, type FlagChange, type MailboxStatus, type MailCalls, type MessageRow } from './calls.ts';

type MessageCalls = Omit<MailCalls, 'mailboxes' | 'status' | 'create' | 'remove' | 'rename' | 'subscribe' | 'usage' | 'search'>;

interface Row {
  readonly uid: number;
  readonly bodyId: number;
  readonly flags: string;
  readonly modseq: number;
  readonly received: number;
  readonly octets: number;
}

const MOST_FLAGS = 32;
const ROW =
  'SELECT uid, body_id AS bodyId, flags, modseq, received, octets FROM messages JOIN bodies ON bodies.id = body_id WHERE mailbox_id = :mailboxId';

/** @param need a mailbox that is there */
export function messageCalls(handle: WriteHandle, need: (owner: string, name: string) => MailboxStatus): MessageCalls {
  const begin = handle.change('INSERT INTO bodies (owner) VALUES (:owner)');
  const addChunk = handle.change('INSERT INTO chunks (body_id, number, octets) VALUES (:bodyId, :number, :octets)');
  const complete = handle.change(
    'UPDATE bodies SET octets = :octets, header = :header, words = :words, structure = :structure, is_whole = 1 WHERE id = :bodyId AND is_whole = 0',
  );
  const ownerOf = handle.one<{ owner: string }>('SELECT owner FROM bodies WHERE id = :bodyId');
  const insert = handle.change(
    'INSERT INTO messages (mailbox_id, uid, body_id, flags, modseq, received) VALUES (:mailboxId, :uid, :bodyId, :flags, :modseq, :received)',
  );
  const advance = handle.change('UPDATE mailboxes SET uid_next = uid_next + :uids, modseq = modseq + 1 WHERE id = :mailboxId');
  const counters = handle.one<{ uidNext: number; modseq: number; uidValidity: number }>(
    'SELECT uid_next AS uidNext, modseq, uid_validity AS uidValidity FROM mailboxes WHERE id = :mailboxId',
  );
  const drop = handle.change('DELETE FROM bodies WHERE id = :bodyId AND is_whole = 0');
  const uids = handle.many<{ uid: number }>('SELECT uid FROM messages WHERE mailbox_id = :mailboxId ORDER BY uid');
  const rowsSince = handle.many<Row>(`${ROW} AND modseq > :since ORDER BY uid`);
  const rowOf = handle.one<Row>(`${ROW} AND uid = :uid`);
  const structureOf = handle.one<{ structure: string }>('SELECT structure FROM bodies WHERE id = :bodyId');
  const chunkAt = handle.one<{ octets: Uint8Array }>(
    'SELECT substr(octets, :from + 1, :length) AS octets FROM chunks WHERE body_id = :bodyId AND number = :number',
  );
  const setFlags = handle.change('UPDATE messages SET flags = :flags, modseq = :modseq WHERE mailbox_id = :mailboxId AND uid = :uid');
  const erase = handle.change('DELETE FROM messages WHERE mailbox_id = :mailboxId AND uid = :uid');

  /** One more change of a mailbox. @returns its counters with that change */
  const change = (mailboxId: number, added: number) => {
    advance({ mailboxId, uids: added });
    const after = counters({ mailboxId });
    if (after === undefined) throw new ParleyError('request.not-found', 'no such mailbox');
    return after;
  };
  const rowsOf = (mailboxId: number, wanted: readonly number[] | null, since: number): Row[] =>
    wanted === null
      ? rowsSince({ mailboxId, since })
      : wanted.flatMap((uid) => rowOf({ mailboxId, uid }) ?? []).filter(({ modseq }) => modseq > since);

  return {
    begin(owner, mailbox) {
      need(owner, mailbox);
      return begin({ owner }).id;
    },
    chunk: (bodyId, number, octets) => void addChunk({ bodyId, number, octets }),
    finish(bodyId, mailbox, { octets, header, words, structure, flags, received }) {
      const { owner } = ownerOf({ bodyId }) ?? { owner: '' };
      const { id: mailboxId, uidValidity } = need(owner, mailbox);
      const { changes } = complete({ bodyId, octets, header, words, structure: JSON.stringify(structure) });
      if (changes === 0) throw new ParleyError('request.not-found', 'nothing was begun');
      const { uidNext, modseq } = change(mailboxId, 1);
      const uid = uidNext - 1;
      insert({ mailboxId, uid, bodyId, flags: flagText(flags), modseq, received });
      return { uidValidity, uid, mailboxId };
    },
    drop: (bodyId) => void drop({ bodyId }),
    uids: (mailboxId) => uids({ mailboxId }).map(({ uid }) => uid),
    rows: (mailboxId, wanted, since) => rowsOf(mailboxId, wanted, since).map(messageRow),
    structure(bodyId) {
      const found = structureOf({ bodyId });
      if (found === undefined) throw new ParleyError('request.not-found', 'no such message');
      return JSON.parse(found.structure) as PartStructure;
    },
    read(bodyId, from, length) {
      const number = Math.floor(from / CHUNK);
      return chunkAt({ bodyId, number, from: from - number * CHUNK, length })?.octets ?? new Uint8Array(0);
    },
    store(mailboxId, wanted, { mode, flags, unchangedSince }: FlagChange) {
      const modified: number[] = [];
      const changed: MessageRow[] = [];
      const found = rowsOf(mailboxId, wanted, -1);
      const free = found.filter(({ uid, modseq }) => {
        const isFree = unchangedSince === null || modseq <= unchangedSince;
        if (!isFree) modified.push(uid);
        return isFree;
      });
      if (free.length === 0) return { changed, modified };
      const { modseq } = change(mailboxId, 0);
      for (const row of free) {
        const next = flagText(changedFlags(flagsIn(row.flags), mode, flags));
        const isSame = next === row.flags;
        if (!isSame) setFlags({ mailboxId, uid: row.uid, flags: next, modseq });
        changed.push(messageRow({ ...row, flags: next, modseq: isSame ? row.modseq : modseq }));
      }
      return { changed, modified };
    },
    expunge(mailboxId, wanted) {
      const gone = rowsOf(mailboxId, wanted, -1).filter(({ flags }) => flagsIn(flags).includes('\\Deleted'));
      for (const { uid } of gone) erase({ mailboxId, uid });
      if (gone.length > 0) change(mailboxId, 0);
      return gone.map(({ uid }) => uid);
    },
    copy(mailboxId, wanted, owner, to) {
      const { id } = need(owner, to);
      const found = rowsOf(mailboxId, wanted, -1);
      const { uidNext, modseq, uidValidity } = change(id, found.length);
      const first = uidNext - found.length;
      for (const [at, { bodyId, flags, received }] of found.entries()) {
        insert({ mailboxId: id, uid: first + at, bodyId, flags, modseq, received });
      }
      return { uidValidity, from: found.map(({ uid }) => uid), to: found.map((_, at) => first + at) };
    },
  };
}

function messageRow(row: Row): MessageRow {
  return { ...row, flags: flagsIn(row.flags) };
}

function flagsIn(text: string): string[] {
  return text === '' ? [] : text.split(' ');
}

/** Sorted, so that the same flags are the same text; names of flags differ by more than their case. */
function flagText(flags: readonly string[]): string {
  const byName = new Map(flags.map((flag) => [flag.toLowerCase(), flag]));
  if (byName.size > MOST_FLAGS) throw new ParleyError('request.invalid', `more than ${MOST_FLAGS} flags`);
  return [...byName.values()].sort().join(' ');
}

function changedFlags(before: readonly string[], mode: FlagChange['mode'], flags: readonly string[]): readonly string[] {
  if (mode === 'set') return flags;
  const named = new Set(flags.map((flag) => flag.toLowerCase()));
  const others = before.filter((flag) => !named.has(flag.toLowerCase()));
  return mode === 'add' ? [...others, ...flags] : others;
}
