import type { WriteHandle } from '../../../sqlite/handles.ts';
import type { NetworkDatabaseKind } from '../../databases/kind.ts';
import { LOG_MIGRATIONS } from './schema.ts';

/** devices of one member whose place is known, and ms after which one that has not been seen loses it */
const MOST_DEVICES = 16;
const FORGOTTEN_AFTER = 30 * 86_400_000;
/** of one group: entries that everybody has, kept so that a repetition is known */
const MOST_GONE = 20_000;
/** to whom an entry goes that is for all */
export const ALL = '';

/** Something that was said, as it is put down. */
export interface NewEntry {
  readonly hall: string;
  /** addresses of members */
  readonly author: string;
  /** the device that it came from, `urn:uuid:…` or '' */
  readonly origin: string;
  /** {@link ALL}, or the only member that it is for */
  readonly recipient: string;
  /** under which identity its recipient has said what this is about: it is for the device that he said it on. null: for any of his */
  readonly answers: string | null;
  /** what the same author says again under this one is the same; null: nothing is */
  readonly identity: string | null;
  /** any of these makes it one that is there already as well */
  readonly unless: readonly string[];
  /** of what is inside of the message/cpim */
  readonly contentType: string;
  /** header fields of the message/cpim and of its content, with the empty lines */
  readonly head: Uint8Array;
  /** null: in that file, from `contentAt` on */
  readonly content: Uint8Array | null;
  readonly file: string | null;
  readonly contentAt: number;
  /** octets of head and content */
  readonly size: number;
  /** ms since the epoch */
  readonly receivedAt: number;
  readonly expiresAt: number;
}

export type LogEntry = Omit<NewEntry, 'identity' | 'unless' | 'answers' | 'hall' | 'receivedAt' | 'expiresAt'> & {
  readonly seq: number;
  /** the only device of its recipient that it is for; null: any */
  readonly instance: string | null;
};

export interface Appended {
  /** `known`: it is there already; `full`: no room; `stranger`: its author is no member */
  readonly outcome: 'kept' | 'known' | 'full' | 'stranger';
  /** 0 unless it is kept */
  readonly seq: number;
  readonly instance: string | null;
  /** files that had to go for it */
  readonly freed: readonly string[];
}

export interface Quota {
  readonly items: number;
  readonly octets: number;
}

/** Where a device of a member is. */
export interface Cursor {
  readonly hall: string;
  readonly address: string;
  readonly instance: string;
  readonly seq: number;
}

/** A text whose time is over before all had it. */
export interface ExpiredText {
  readonly seq: number;
  readonly hall: string;
  /** addresses of members */
  readonly author: string;
  readonly head: Uint8Array;
  /** no device of theirs has it */
  readonly missed: readonly string[];
}

export type LogCalls = ReturnType<typeof logCalls>;

const COLUMNS = 'seq, author, origin, recipient, instance, content_type AS contentType, head, content, file, content_at AS contentAt, size';

function logCalls(handle: WriteHandle) {
  const last = handle.one<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'entries'");
  const members = handle.many<{ address: string; since: number }>('SELECT address, since FROM members WHERE hall = :hall');
  const cursors = handle.many<Omit<Cursor, 'hall'>>('SELECT address, instance, seq FROM cursors WHERE hall = :hall');
  const member = handle.one<{ since: number }>('SELECT since FROM members WHERE hall = :hall AND address = :address');
  const enter = handle.change('INSERT INTO members VALUES (:hall, :address, :since) ON CONFLICT DO NOTHING');
  const go = handle.change('DELETE FROM members WHERE hall = :hall AND address = :address');
  const move = handle.change(`
    INSERT INTO cursors SELECT hall, address, :instance, :seq, :now FROM members WHERE hall = :hall AND address = :address
    ON CONFLICT (hall, address, instance) DO UPDATE SET seq = max(seq, excluded.seq), seen_at = excluded.seen_at`);
  const remember = handle.change(`
    UPDATE members SET since = max(since, (SELECT max(seq) FROM cursors
      WHERE cursors.hall = members.hall AND cursors.address = members.address AND seen_at <= :since))
    WHERE hall = :hall AND EXISTS (
      SELECT 1 FROM cursors WHERE cursors.hall = members.hall AND cursors.address = members.address AND seen_at <= :since)`);
  const forget = handle.change('DELETE FROM cursors WHERE hall = :hall AND seen_at <= :since');
  const crowd = handle.change(`
    DELETE FROM cursors WHERE hall = :hall AND address = :address AND instance NOT IN (
      SELECT instance FROM cursors WHERE hall = :hall AND address = :address ORDER BY seen_at DESC, seq DESC LIMIT ${MOST_DEVICES})`);
  const same = handle.one<{ seq: number }>(
    'SELECT seq FROM entries WHERE hall = :hall AND author = :author AND recipient = :recipient AND identity = :identity',
  );
  const used = handle.one<Quota>('SELECT items, octets FROM usage WHERE hall = :hall AND recipient = :recipient');
  const insert = handle.change(`
    INSERT INTO entries (hall, author, origin, recipient, instance, identity, content_type, head, content, file, content_at, size,
      received_at, expires_at)
    VALUES (:hall, :author, :origin, :recipient, :instance, :identity, :contentType, :head, :content, :file, :contentAt, :size,
      :receivedAt, :expiresAt)`);
  const toCome = handle.many<LogEntry>(`
    SELECT * FROM (SELECT ${COLUMNS} FROM entries WHERE hall = :hall AND recipient = '' AND seq > :after AND NOT is_gone ORDER BY seq LIMIT :limit)
    UNION ALL
    SELECT * FROM (
      SELECT ${COLUMNS} FROM entries WHERE hall = :hall AND recipient = :address AND seq > :after AND NOT is_gone ORDER BY seq LIMIT :limit)
    ORDER BY seq LIMIT :limit`);
  const awaited = handle.one<{ seq: number }>(`
    SELECT seq FROM entries WHERE hall = :hall AND recipient IN ('', :address) AND seq > :after AND NOT is_gone AND author <> :address LIMIT 1`);
  const said = handle.one<{ origin: string }>(
    "SELECT origin FROM entries WHERE hall = :hall AND author = :author AND recipient = '' AND identity = :identity",
  );
  // how far a device of each member is, or where he came in
  const placesBy = (which: 'min' | 'max') =>
    handle.many<{ address: string; seq: number }>(`
      SELECT members.address, coalesce(${which}(cursors.seq), members.since) AS seq FROM members
      LEFT JOIN cursors ON cursors.hall = members.hall AND cursors.address = members.address
      WHERE members.hall = :hall GROUP BY members.address`);
  const slowest = placesBy('min');
  const furthest = placesBy('max');
  const passed = handle.many<{ seq: number; file: string | null }>(
    'SELECT seq, file FROM entries WHERE hall = :hall AND recipient = :recipient AND seq <= :seq AND NOT is_gone',
  );
  const forGone = handle.many<{ seq: number; file: string | null }>(`
    SELECT seq, file FROM entries WHERE hall = :hall AND recipient <> '' AND NOT is_gone
      AND recipient NOT IN (SELECT address FROM members WHERE hall = :hall)`);
  const empty = handle.change("UPDATE entries SET is_gone = 1, head = x'', content = NULL, file = NULL WHERE seq = :seq");
  const oldestGone = handle.one<{ seq: number }>(
    `SELECT seq FROM entries WHERE hall = :hall AND is_gone ORDER BY seq DESC LIMIT 1 OFFSET ${MOST_GONE}`,
  );
  const removeGone = handle.change('DELETE FROM entries WHERE hall = :hall AND is_gone AND seq <= :seq');
  const due = handle.many<{ seq: number }>('SELECT seq FROM entries WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit');
  const first = handle.one<{ at: number | null }>('SELECT min(expires_at) AS at FROM entries');
  const one = handle.one<{ hall: string; author: string; recipient: string; head: Uint8Array; file: string | null; isGone: number }>(
    'SELECT hall, author, recipient, head, file, is_gone AS isGone FROM entries WHERE seq = :seq',
  );
  const missing = handle.many<{ address: string }>(`
    SELECT members.address FROM members
    LEFT JOIN cursors ON cursors.hall = members.hall AND cursors.address = members.address
    WHERE members.hall = :hall AND members.address <> :author AND since < :seq
    GROUP BY members.address HAVING coalesce(max(cursors.seq), since) < :seq`);
  const remove = handle.change('DELETE FROM entries WHERE seq = :seq');
  const named = handle.many<{ file: string }>('SELECT file FROM entries WHERE file IS NOT NULL');
  const namedIn = handle.many<{ file: string }>('SELECT file FROM entries WHERE hall = :hall AND file IS NOT NULL');
  const clear = ['entries', 'members', 'usage'].map((table) => handle.change(`DELETE FROM ${table} WHERE hall = :hall`));

  const end = (): number => last({})?.seq ?? 0;

  /** Empties what all of those devices have. @returns files that nobody needs any more */
  const emptyUpTo = (hall: string, places: readonly { readonly address: string; readonly seq: number }[]): string[] => {
    const low = places.length === 0 ? end() : Math.min(...places.map(({ seq }) => seq));
    const rows = [
      ...passed({ hall, recipient: ALL, seq: low }),
      ...places.flatMap(({ address, seq }) => passed({ hall, recipient: address, seq })),
      ...forGone({ hall }),
    ];
    for (const { seq } of rows) empty({ seq });
    const oldest = oldestGone({ hall });
    if (oldest !== undefined) removeGone({ hall, seq: oldest.seq });
    return rows.flatMap(({ file }) => (file === null ? [] : [file]));
  };

  const hasRoom = ({ hall, recipient, size }: Pick<NewEntry, 'hall' | 'recipient' | 'size'>, quota: Quota): boolean => {
    const { items, octets } = used({ hall, recipient }) ?? { items: 0, octets: 0 };
    return items < quota.items && octets + size <= quota.octets;
  };

  return {
    /** Those who are new begin at the end of the log; who is not among them any more loses his place. */
    open(hall: string, addresses: readonly string[]) {
      for (const { address } of members({ hall })) if (!addresses.includes(address)) go({ hall, address });
      for (const address of addresses) enter({ hall, address, since: end() });
      return { end: end(), members: members({ hall }), cursors: cursors({ hall }) };
    },

    /** @returns after which entry he begins */
    admit(hall: string, address: string): number {
      enter({ hall, address, since: end() });
      return member({ hall, address })?.since ?? 0;
    },

    expel(hall: string, address: string): void {
      go({ hall, address });
    },

    append({ unless, answers, ...entry }: NewEntry, quota: Quota): Appended {
      const { hall, author, recipient, identity } = entry;
      const not = (outcome: Appended['outcome'], freed: string[] = []): Appended => ({ outcome, seq: 0, instance: null, freed });
      if (member({ hall, address: author }) === undefined) return not('stranger');
      for (const each of identity === null ? unless : [identity, ...unless]) {
        if (same({ hall, author, recipient, identity: each }) !== undefined) return not('known');
      }
      // before anybody is refused, what each member has on one of his devices goes: one that lies in a drawer stops no group
      const freed = hasRoom(entry, quota) ? [] : emptyUpTo(hall, furthest({ hall }));
      if (!hasRoom(entry, quota)) return not('full', freed);
      const origin = answers === null ? '' : (said({ hall, author: recipient, identity: answers })?.origin ?? '');
      const instance = origin === '' ? null : origin;
      return { outcome: 'kept', seq: insert({ ...entry, instance }).id, instance, freed };
    },

    /** What is for that member, from the oldest on. */
    read: (hall: string, address: string, after: number, limit: number): LogEntry[] => toCome({ hall, address, after, limit }),

    /** Somebody else's word waits for him after that. */
    awaits: (hall: string, address: string, after: number): boolean => awaited({ hall, address, after }) !== undefined,

    pass(moved: readonly Cursor[], now: number): void {
      for (const { hall, address, instance, seq } of moved) {
        if (move({ hall, address, instance, seq, now }).changes > 0) crowd({ hall, address });
      }
    },

    /** Empties what every device has that it is for. @returns files that nobody needs any more */
    trim(hall: string, now: number): string[] {
      const since = now - FORGOTTEN_AFTER;
      remember({ hall, since });
      forget({ hall, since });
      return emptyUpTo(hall, slowest({ hall }));
    },

    expired: (now: number, limit: number): number[] => due({ now, limit }).map(({ seq }) => seq),

    nextExpiry: (): number | null => first({})?.at ?? null,

    /** Its time is over. @returns the file that nobody needs any more, and the text where somebody has not got it */
    expire(seq: number): { readonly file: string | null; readonly text: ExpiredText | null } {
      const found = one({ seq });
      if (found === undefined) return { file: null, text: null };
      const { hall, author, recipient, head, file, isGone } = found;
      const missed = isGone !== 0 || recipient !== ALL ? [] : missing({ hall, author, seq }).map(({ address }) => address);
      remove({ seq });
      return { file, text: missed.length === 0 ? null : { seq, hall, author, head, missed } };
    },

    /** Nothing stays of a group. @returns files that nobody needs any more */
    clear(hall: string): string[] {
      const files = namedIn({ hall }).map(({ file }) => file);
      for (const each of clear) each({ hall });
      return files;
    },

    files: (): string[] => named({}).map(({ file }) => file),
  };
}

/** by name; an object, so that none is forgotten */
const EVERY: Readonly<Record<keyof LogCalls, true>> = {
  ...{ open: true, admit: true, expel: true, append: true, read: true, awaits: true, pass: true, trim: true },
  ...{ expired: true, nextExpiry: true, expire: true, clear: true, files: true },
};
export const LOG_CALLS = Object.keys(EVERY) as (keyof LogCalls)[];

/** What is said in groups, and how far each device is. */
export const CONFERENCE_LOG: NetworkDatabaseKind = {
  // 'PAGl': Parley, the log of groups
  applicationId: 0x5041476c,
  migrations: LOG_MIGRATIONS,
  calls: logCalls,
};
