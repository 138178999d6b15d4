import type { SipHeader } from '../../../shared/protocol/sip/message.ts';
import type { WriteHandle } from '../../sqlite/handles.ts';
import type { NetworkDatabaseKind } from '../databases/kind.ts';
import type { DeferredKind, DeferredRecord } from './port.ts';
import { DEFERRAL_MIGRATIONS } from './schema.ts';

/** devices of one user that are known, and ms after which one that has not been seen is forgotten */
const MOST_DEVICES = 16;
const FORGOTTEN_AFTER = 30 * 86_400_000;
/** of one user: what at least one device has and others may come for */
const MOST_DELIVERED = 1_000;

/** An item as the database has it: without its address, which is made of the token. */
export type StoredItem = Omit<DeferredRecord, 'uri'> & { readonly token: string };
export type NewItem = Omit<StoredItem, 'id' | 'isDelivered' | 'isReported' | 'taken' | 'holders'> & {
  /** of a large message; null where it is a file */
  readonly content: Uint8Array | null;
};

/** What went, and the file that nobody needs any more. */
export interface Removed {
  readonly token: string;
  readonly owner: string;
  readonly file: string | null;
  /** it was in the list of what waits: no notification, and at no device yet */
  readonly wasListed: boolean;
}

export interface Wanted {
  readonly owner: string;
  /** above this id */
  readonly after: number;
  readonly limit: number;
  readonly now: number;
  /** instances; one that says none is '' */
  readonly devices: readonly string[];
  readonly kinds: readonly DeferredKind[];
  /** also what another device has already */
  readonly withDelivered: boolean;
}

export type DeferralCalls = ReturnType<typeof deferralCalls>;

interface Row {
  readonly id: number;
  readonly token: string;
  readonly owner: string;
  readonly kind: string;
  readonly sender: string;
  readonly author: string;
  readonly sent_at: number;
  readonly expires_at: number;
  readonly size: number;
  readonly content_type: string;
  readonly subject: string | null;
  readonly conversation_id: string | null;
  readonly contribution_id: string | null;
  readonly imdn_id: string | null;
  readonly instance: string | null;
  readonly origin: string | null;
  readonly fields: string;
  readonly body: Uint8Array;
  readonly media_type: string | null;
  readonly file: string | null;
  readonly delivered: number;
  readonly reported: number;
  readonly taken: string;
  readonly holders: string;
}

const COLUMNS = `id, token, owner, kind, sender, author, sent_at, expires_at, size, content_type, subject, conversation_id, contribution_id,
  imdn_id, instance, origin, fields, body, media_type, file, delivered, reported,
  (SELECT json_group_object(device, taken) FROM progress WHERE item = items.id) AS taken,
  (SELECT json_group_array(device) FROM progress WHERE item = items.id AND is_whole) AS holders`;

function deferralCalls(handle: WriteHandle) {
  const insert = handle.change(`
    INSERT INTO items (token, owner, kind, sender, author, sent_at, expires_at, size, content_type, subject, conversation_id,
      contribution_id, imdn_id, instance, origin, fields, body, media_type, content, file)
    VALUES (:token, :owner, :kind, :sender, :author, :sentAt, :expiresAt, :size, :contentType, :subject, :conversationId,
      :contributionId, :imdnId, :instance, :origin, :fields, :body, :mediaType, :content, :file)`);
  const sameAs = handle.one<{ id: number }>(
    'SELECT id FROM items WHERE owner = :owner AND author = :author AND imdn_id = :imdnId AND kind = :kind',
  );
  const used = handle.one<{ items: number; octets: number }>('SELECT items, octets FROM usage WHERE owner = :owner');
  const listed = handle.many<Row>(`
    SELECT ${COLUMNS.replace('body,', "x'' AS body,").replace('fields,', "'[]' AS fields,")} FROM items
    WHERE owner = :owner AND NOT delivered AND kind <> 'notification' AND expires_at > :now ORDER BY id`);
  const one = handle.one<Row>(`SELECT ${COLUMNS} FROM items WHERE id = :id`);
  const octets = handle.one<{ content: Uint8Array | null; body: Uint8Array; media_type: string | null; file: string | null }>(
    'SELECT content, body, media_type, file FROM items WHERE id = :id',
  );
  const wanted = handle.many<Row>(`
    SELECT ${COLUMNS} FROM items
    WHERE owner = :owner AND id > :after AND expires_at > :now
      AND (
        kind IN (SELECT value FROM json_each(:kinds))
        OR (kind = 'file' AND EXISTS (SELECT 1 FROM progress WHERE item = items.id AND device IN (SELECT value FROM json_each(:devices))))
      )
      AND (NOT delivered OR :withDelivered)
      AND EXISTS (
        SELECT 1 FROM json_each(:devices) device
        WHERE (device.value <> '' OR NOT delivered) AND (instance IS NULL OR instance = device.value)
          AND NOT EXISTS (SELECT 1 FROM progress WHERE item = items.id AND progress.device = device.value AND is_whole)
      )
    ORDER BY id LIMIT :limit`);
  const due = handle.many<Row>(`SELECT ${COLUMNS} FROM items WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit`);
  const first = handle.one<{ at: number | null }>('SELECT min(expires_at) AS at FROM items');
  const remove = handle.change('DELETE FROM items WHERE id = :id');
  const took = handle.change(`
    INSERT INTO progress (item, device, taken, is_whole) SELECT id, :device, :taken, :isWhole FROM items WHERE id = :id
    ON CONFLICT (item, device) DO UPDATE SET taken = excluded.taken, is_whole = excluded.is_whole`);
  const markDelivered = handle.change('UPDATE items SET delivered = 1 WHERE id = :id');
  const lacking = handle.one<{ n: number }>(`
    SELECT count(*) AS n FROM devices WHERE owner = :owner AND seen_at > :since
      AND NOT EXISTS (SELECT 1 FROM progress WHERE item = :id AND device = instance AND is_whole)`);
  const oldestDelivered = handle.one<{ id: number }>(
    `SELECT id FROM items WHERE owner = :owner AND delivered ORDER BY id DESC LIMIT 1 OFFSET ${MOST_DELIVERED}`,
  );
  const seen = handle.change(
    'INSERT INTO devices VALUES (:owner, :instance, :now) ON CONFLICT (owner, instance) DO UPDATE SET seen_at = excluded.seen_at',
  );
  const forget = handle.change(`
    DELETE FROM devices WHERE owner = :owner AND instance NOT IN (
      SELECT instance FROM devices WHERE owner = :owner AND seen_at > :since ORDER BY seen_at DESC LIMIT ${MOST_DEVICES})`);
  const report = handle.change(
    'UPDATE items SET reported = 1 WHERE owner = :owner AND author = :author AND imdn_id = :imdnId AND NOT reported',
  );
  const counted = handle.many<{ owner: string; items: number }>(
    "SELECT owner, count(*) AS items FROM items WHERE NOT delivered AND kind <> 'notification' GROUP BY owner",
  );
  const named = handle.many<{ file: string }>('SELECT file FROM items WHERE file IS NOT NULL');

  const take = (row: Row | undefined): Removed | null => {
    if (row === undefined) return null;
    remove({ id: row.id });
    return { token: row.token, owner: row.owner, file: row.file, wasListed: row.delivered === 0 && row.kind !== 'notification' };
  };

  const hasRoom = (owner: string, size: number, quota: { readonly items: number; readonly octets: number }): boolean => {
    const usage = used({ owner }) ?? { items: 0, octets: 0 };
    return usage.items < quota.items && usage.octets + size <= quota.octets;
  };

  return {
    /** @returns `known`: it is there already; `full`: the quota of its owner does not let it in */
    keep(item: NewItem, quota: { readonly items: number; readonly octets: number }): { outcome: 'kept' | 'known' | 'full'; id: number } {
      const { owner, author, imdnId, kind, from, fields, ...rest } = item;
      const known = imdnId === null ? undefined : sameAs({ owner, author, imdnId, kind });
      if (known !== undefined) return { outcome: 'known', id: known.id };
      if (!hasRoom(owner, item.size, quota)) return { outcome: 'full', id: 0 };
      const { id } = insert({ ...rest, owner, author, imdnId, kind, sender: from, fields: JSON.stringify(fields) });
      return { outcome: 'kept', id };
    },

    hasRoom,

    /** without fields and body */
    list: (owner: string, now: number): StoredItem[] => listed({ owner, now }).map(itemOf),

    item: (id: number): StoredItem | null => {
      const row = one({ id });
      return row === undefined ? null : itemOf(row);
    },

    /** the message as it came, or the name of the file in which it is */
    content: (id: number): { readonly octets: Uint8Array | null; readonly file: string | null } | null => {
      const row = octets({ id });
      if (row === undefined) return null;
      return { octets: row.media_type === null ? row.body : row.content, file: row.file };
    },

    wanted: ({ devices, kinds, withDelivered, ...rest }: Wanted): StoredItem[] =>
      wanted({
        ...rest,
        devices: JSON.stringify(devices),
        kinds: JSON.stringify(kinds),
        withDelivered: withDelivered ? 1 : 0,
      }).map(itemOf),

    expired: (now: number, limit: number): StoredItem[] => due({ now, limit }).map(itemOf),

    nextExpiry: (): number | null => first({})?.at ?? null,

    /** octets that a device has of an item that is not whole there yet */
    progress(id: number, device: string, taken: number): void {
      if (device !== '') took({ id, device, taken, isWhole: 0 });
    },

    /** A device has all of it. It stays for the other known ones of its owner where it is for all. @returns what goes with that */
    delivered(id: number, device: string, forAll: boolean, now: number): { readonly isFirst: boolean; readonly removed: Removed[] } {
      const row = one({ id });
      if (row === undefined) return { isFirst: false, removed: [] };
      const { owner, instance } = row;
      const isFirst = row.delivered === 0;
      if (!forAll || instance !== null || device === '' || row.kind === 'file')
        return { isFirst, removed: [take(row)].flatMap((each) => each ?? []) };
      took({ id, device, taken: row.size, isWhole: 1 });
      const left = lacking({ owner, id, since: now - FORGOTTEN_AFTER })?.n ?? 0;
      if (left === 0) return { isFirst, removed: [take(row)].flatMap((each) => each ?? []) };
      if (!isFirst) return { isFirst, removed: [] };
      markDelivered({ id });
      const oldest = oldestDelivered({ owner });
      return { isFirst, removed: oldest === undefined ? [] : [take(one({ id: oldest.id }))].flatMap((each) => each ?? []) };
    },

    /** @returns null when it had gone before */
    remove: (id: number): Removed | null => take(one({ id })),

    /** @returns a file that is still kept, although a device of his says that it has it */
    reported(owner: string, author: string, imdnId: string): number | null {
      report({ owner, author, imdnId });
      return sameAs({ owner, author, imdnId, kind: 'file' })?.id ?? null;
    },

    seen(owner: string, instance: string, now: number): void {
      seen({ owner, instance, now });
      forget({ owner, since: now - FORGOTTEN_AFTER });
    },

    /** how many are listed, by owner */
    counts: (): { readonly owner: string; readonly items: number }[] => counted({}),

    files: (): string[] => named({}).map(({ file }) => file),
  };
}

/** by name; an object, so that none is forgotten */
const EVERY: Readonly<Record<keyof DeferralCalls, true>> = {
  ...{ keep: true, hasRoom: true, list: true, item: true, content: true, wanted: true, expired: true, nextExpiry: true, progress: true },
  ...{ delivered: true, remove: true, reported: true, seen: true, counts: true, files: true },
};
export const DEFERRAL_CALLS = Object.keys(EVERY) as (keyof DeferralCalls)[];

/** What cannot be delivered yet, for each user (cpm.md section 16.2). */
export const DEFERRAL: NetworkDatabaseKind = {
  // 'PADf': Parley, deferral
  applicationId: 0x50414466,
  migrations: DEFERRAL_MIGRATIONS,
  calls: deferralCalls,
};

function itemOf(row: Row): StoredItem {
  return {
    id: row.id,
    token: row.token,
    owner: row.owner,
    kind: row.kind as DeferredKind,
    from: row.sender,
    author: row.author,
    sentAt: row.sent_at,
    expiresAt: row.expires_at,
    size: row.size,
    contentType: row.content_type,
    subject: row.subject,
    conversationId: row.conversation_id,
    contributionId: row.contribution_id,
    imdnId: row.imdn_id,
    instance: row.instance,
    origin: row.origin,
    fields: JSON.parse(row.fields) as SipHeader[],
    body: row.body,
    mediaType: row.media_type,
    file: row.file,
    isDelivered: row.delivered !== 0,
    isReported: row.reported !== 0,
    taken: JSON.parse(row.taken) as Record<string, number>,
    holders: JSON.parse(row.holders) as string[],
  };
}
