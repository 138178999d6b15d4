import type { Database } from 'better-sqlite3';
import { openHandle } from '../../../electron/sqlite/handles.ts';
import { openDatabase } from '../../../electron/store/database.ts';
import type { Notify } from '../../../electron/store/port.ts';
import { createReads, type Reads } from '../../../electron/store/reads.ts';
import { createWrites, type Writes } from '../../../electron/store/writes.ts';

export interface InThread {
  readonly database: Database;
  /** every SQL text that the store prepared */
  readonly sql: readonly string[];
  readonly store: Reads & Writes;
}

/** The store without its thread; in memory unless a path is given. */
export function openInThread(path = ':memory:'): InThread {
  const database = openDatabase({ path, nativeBinding: null });
  const sql: string[] = [];
  const handle = openHandle(database, (text) => sql.push(text));
  const reads = createReads(handle);
  return { database, sql, store: { ...reads, ...createWrites(handle, reads) } };
}

export const BOB = 'sip:bob@example.com';
export const CAROL = 'sip:carol@example.com';

export const NOTHING_ASKED: Notify = {
  positiveDelivery: false,
  negativeDelivery: false,
  display: false,
  originInstance: null,
  dateTime: '',
};
export const ALL_ASKED: Notify = {
  positiveDelivery: true,
  negativeDelivery: true,
  display: true,
  originInstance: 'urn:uuid:00000000-0000-4000-8000-000000000001',
  dateTime: '2026-11-20T10:00:00+01:00',
};

export function openWith(store: InThread['store'], peer = BOB) {
  return store.openConversation({ peer, title: peer.slice(4), cpmConversationId: `conversation with ${peer}`, now: 1 });
}

export function compose(store: InThread['store'], conversationId: number, imdnId: string, now = 10) {
  return store.composeText({ conversationId, text: `text ${imdnId}`, imdnId, contributionId: `contribution ${imdnId}`, now });
}

export function composeFile(store: InThread['store'], conversationId: number, imdnId: string, type = 'image/png') {
  const rows = store.composeFile({
    conversationId,
    imdnId,
    contributionId: `contribution ${imdnId}`,
    path: `/home/alice/${imdnId}.png`,
    name: `${imdnId}.png`,
    type,
    size: 1000,
    modifiedAt: 5.5,
    now: 10,
  });
  return { ...rows, transferId: rows.message.transfer?.id as number };
}

export function receive(store: InThread['store'], imdnId: string, notify: Notify = NOTHING_ASKED, peer = BOB, now = 20) {
  return store.receiveText({
    peer,
    title: peer.slice(4),
    cpmConversationId: 'theirs',
    contributionId: `contribution ${imdnId}`,
    imdnId,
    text: `text ${imdnId}`,
    sentAt: 9,
    now,
    notify,
  });
}

export function offer(store: InThread['store'], imdnId: string, fileTransferId = 'ft1', notify: Notify = ALL_ASKED) {
  return store.receiveOffer({
    peer: BOB,
    title: 'Bob',
    cpmConversationId: 'theirs',
    contributionId: `contribution ${imdnId}`,
    imdnId,
    fileTransferId,
    name: 'a.png',
    type: 'image/png',
    size: 1000,
    hash: { sha1: 'aa', sha256: null },
    sentAt: 9,
    now: 20,
    notify,
  });
}

/** Takes up what is ready now, in work from then on. */
export function take(store: InThread['store'], now: number) {
  return store.outboxTake({ now, limit: 100, notifications: 100 }).items;
}

/** Every notification that is owed and not on its way, in the order of what they are about. */
export function owed({ database }: Pick<InThread, 'database'>): { id: number; note: string }[] {
  return database
    .prepare(
      `SELECT o.id, o.disposition || ' ' || m.imdn_id AS note FROM outbox AS o JOIN messages AS m ON m.id = o.message_id
       WHERE o.kind = 'notification' AND o.in_work = 0 ORDER BY o.message_id, o.id`,
    )
    .all() as { id: number; note: string }[];
}
