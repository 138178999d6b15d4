import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '../../../electron/store/database.ts';
import { files } from '../../../electron/store/migrations/0010-files.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import type { TransferEvent } from '../../../shared/model/states/transfer-state.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { BOB, compose, composeFile, type InThread, NOTHING_ASKED, offer, openInThread, openWith } from './fixture.ts';

const folder = temporaryFolder();

type Store = InThread['store'];

const apply = (store: Store, transferId: number, ...events: TransferEvent[]) =>
  events.map((event) => store.applyTransfer({ transferId, event, now: 30 })).at(-1) as ReturnType<Store['applyTransfer']>;
const waiting = (store: Store) => store.outboxReady(1e6, 100).flatMap((item) => (item.kind === 'file' ? [item.transfer.id] : []));

const ask = (store: Store, size: number | null = null) => {
  const rows = store.composePull({
    conversationId: openWith(store).id,
    imdnId: 'p1',
    contributionId: 'k1',
    name: 'plan.pdf',
    type: null,
    size,
    hash: null,
    now: 10,
  });
  return { ...rows, transferId: rows.message.transfer?.id as number };
};

test('R-FT-08: a file that is asked for is an own message whose octets flow in', () => {
  const { store } = openInThread();
  const { message, transferId } = ask(store);
  expect(message).toMatchObject({
    direction: 'out',
    status: 'queued',
    transfer: { direction: 'in', pull: true, state: 'queued', size: 0, sizeKnown: false, type: 'application/octet-stream' },
  });
  expect(waiting(store)).toEqual([transferId]);
  apply(store, transferId, 'offer');
  store.applyTransfer({ transferId, event: 'started', now: 12, fields: { size: 700 } });
  expect(store.transfer(transferId)).toMatchObject({ size: 700, sizeKnown: true, direction: 'in' });
  apply(store, transferId, 'all-received');
  const done = store.applyTransfer({ transferId, event: 'verified', now: 13, fields: { finalPath: '/downloads/plan.pdf', sha1: 'aa' } });
  expect(done.message).toMatchObject({ status: 'sent', transfer: { state: 'done', savedAs: 'plan.pdf', verifiedBy: 'sha-1' } });
  expect(store.outboxReady(1e6, 10)).toEqual([]);
});

test('a file that is asked for, and whoever has it takes his time, does not hold back one that is sent there; nor the other way round', () => {
  const { store } = openInThread();
  const { transferId: asked } = ask(store);
  apply(store, asked, 'offer');
  const { transferId: sent } = composeFile(store, openWith(store).id, 'f1');
  const { transferId: next } = composeFile(store, openWith(store).id, 'f2');
  for (const id of [sent, next]) apply(store, id, 'prepared');
  expect(waiting(store)).toEqual([sent]);
  apply(store, sent, 'offer');
  expect(waiting(store)).toEqual([]);
  apply(store, asked, 'postponed');
  expect(waiting(store)).toEqual([asked]);
});

test('R-AD-07: what goes on waits for no person who is asked about another file, and not for what is put off longer', () => {
  const { store } = openInThread();
  const conversationId = openWith(store).id;
  const [asked, fresh, first, second] = [
    ask(store).transferId,
    ...['f1', 'f2', 'f3'].map((id) => composeFile(store, conversationId, id).transferId),
  ];
  for (const id of [fresh, first, second] as number[]) apply(store, id, 'prepared');
  for (const id of [first, second] as number[]) {
    apply(store, id, 'offer');
    store.applyTransfer({ transferId: id, event: 'started', now: 30, fields: { fileTransferId: 'ft' } });
  }
  const { transfer } = offer(store, 'o1');
  apply(store, transfer.id, 'accept', 'started');
  for (const id of [asked, fresh] as number[]) apply(store, id, 'offer');
  expect(waiting(store)).toEqual([]);
  for (const [transferId, notBefore] of [
    [first as number, 2e6],
    [second as number, 500],
    [transfer.id, 400],
  ] as const) {
    apply(store, transferId, 'lost');
    store.applyTransfer({ transferId, event: 'resume', now: 30, notBefore });
  }
  expect(waiting(store)).toEqual([transfer.id]);
  expect(store.outboxTake({ now: 0, limit: 0, notifications: 0 }).nextAt).toBe(400);
  // one of them at a time
  apply(store, transfer.id, 'offer');
  expect(waiting(store)).toEqual([]);
  apply(store, transfer.id, 'accept');
  expect(waiting(store)).toEqual([second]);
  // that it is to be asked for at once is said again
  store.applyTransfer({ transferId: first as number, event: 'resume', now: 30 });
  expect(waiting(store)).toEqual([first]);
});

test('R-FTR-04: a peer that asks for a file sends a message, and the octets flow out', () => {
  const { store } = openInThread();
  const asked = store.receiveOffer({
    peer: BOB,
    title: 'Bob',
    cpmConversationId: 'theirs',
    contributionId: 'k',
    imdnId: 'q1',
    fileTransferId: 'ft',
    name: '',
    type: 'application/octet-stream',
    size: null,
    hash: null,
    sentAt: 9,
    now: 20,
    notify: NOTHING_ASKED,
    pull: true,
  });
  expect(asked.conversation.unread).toBe(1);
  expect(asked.message).toMatchObject({ direction: 'in', transfer: { direction: 'out', pull: true, state: 'offered', sizeKnown: false } });
  expect(asked.conversation.last).toMatchObject({ transferState: 'offered', asks: true });
  const { id } = asked.transfer;
  const fields = { sourcePath: '/home/alice/plan.pdf', modifiedAt: 5, size: 9, name: 'plan.pdf', type: 'application/pdf' };
  expect(store.applyTransfer({ transferId: id, event: 'accept', now: 21, fields }).transfer).toMatchObject({
    ...fields,
    sizeKnown: true,
    state: 'accepting',
  });
  apply(store, id, 'started', 'all-sent');
  expect(apply(store, id, 'verified').message.transfer).toMatchObject({ state: 'done', savedAs: null, verifiedBy: null });
});

test('what is paused waits for its person, over a restart, and goes on where it was', () => {
  const { store } = openInThread();
  const { transferId } = composeFile(store, openWith(store).id, 'f1');
  apply(store, transferId, 'prepared', 'offer', 'started');
  store.checkpointTransfer(transferId, 400);
  apply(store, transferId, 'pause');
  store.outboxRecover(40);
  expect(store.transfer(transferId)).toMatchObject({ state: 'paused', transferred: 400 });
  expect(waiting(store)).toEqual([]);
  apply(store, transferId, 'resume');
  expect(store.transfer(transferId)).toMatchObject({ state: 'queued', transferred: 400 });
  expect(waiting(store)).toEqual([transferId]);
});

test('an interrupted incoming file is asked for again from where it was, or taken when its sender goes on', () => {
  const { store } = openInThread();
  const { transfer } = offer(store, 'o1');
  apply(store, transfer.id, 'accept', 'started');
  store.checkpointTransfer(transfer.id, 300);
  apply(store, transfer.id, 'lost', 'resume');
  expect(waiting(store)).toEqual([transfer.id]);
  expect(apply(store, transfer.id, 'accept')).toMatchObject({
    transfer: { state: 'accepting', transferred: 300 },
    message: { status: 'received' },
  });
  expect(waiting(store)).toEqual([]);
  expect(store.transfersByHash('aa').map(({ id }) => id)).toEqual([transfer.id]);
});

test('files of one invitation are known by it while they can be decided on', () => {
  const { store } = openInThread();
  const { transfer } = offer(store, 'o1');
  const again = { peer: BOB, title: 'Bob', cpmConversationId: 'theirs', contributionId: 'k', sentAt: 9, now: 21, notify: NOTHING_ASKED };
  const file = { fileTransferId: 'ft2', name: 'b.png', type: 'image/png', size: 5, hash: null };
  const second = store.receiveOffer({ ...again, ...file, imdnId: 'o2', invitation: 'i1' });
  expect(transfer.invitation).toBeNull();
  expect(second.message.transfer?.invitation).toBe('i1');
  expect(apply(store, second.transfer.id, 'accept').message.transfer?.invitation).toBeNull();
});

test('a thumbnail is kept with its file and goes with it', () => {
  const { store } = openInThread();
  const { transferId, message } = composeFile(store, openWith(store).id, 'f1');
  expect(store.thumbnail(transferId)).toBeNull();
  const thumbnail = { type: 'image/png', width: 16, height: 9, octets: new Uint8Array([1, 2, 3]) } as const;
  expect(store.setThumbnail(transferId, thumbnail)?.message.transfer?.thumbnail).toBe(true);
  expect(new Uint8Array(store.thumbnail(transferId)?.octets as Uint8Array)).toEqual(thumbnail.octets);
  apply(store, transferId, 'cancelled');
  store.removeMessage({ messageId: message.id, now: 50 });
  expect(store.thumbnail(transferId)).toBeNull();
  expect(store.setThumbnail(transferId, thumbnail)).toBeNull();
});

test('the files of a conversation come newest first, without its texts', () => {
  const { store } = openInThread();
  const { id } = openWith(store);
  const sent = ['f1', 'f2', 'f3'].map((name) => {
    compose(store, id, `text before ${name}`);
    return composeFile(store, id, name).message.id;
  });
  const first = store.filesPage({ conversationId: id, limit: 2 });
  expect(first).toMatchObject({ items: [{ id: sent[2] }, { id: sent[1] }], more: true });
  expect(store.filesPage({ conversationId: id, before: sent[1] as number, limit: 2 })).toMatchObject({
    items: [{ id: sent[0] }],
    more: false,
  });
});

test('a store of the version before keeps its files, and finds them', () => {
  const path = join(folder, 'before.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, MIGRATIONS.indexOf(files)) });
  before.exec(`INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at) VALUES (1, '${BOB}', 'Bob', 'c', 1);
    INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
    VALUES (1, 1, 'out', 'file', '', 'sending', 1, 1, 'm1', 'k1');
    INSERT INTO transfers (id, message_id, state, name, type, size, transferred, sha1, source_path, modified_at)
    VALUES (7, 1, 'interrupted', 'meadow.png', 'image/png', 900, 300, 'aa', '/home/alice/meadow.png', 5.5);`);
  before.close();
  const { store, database } = openInThread(path);
  expect(store.transfer(7)).toMatchObject({
    state: 'interrupted',
    size: 900,
    sizeKnown: true,
    transferred: 300,
    pull: false,
    direction: 'out',
  });
  expect(store.searchMessages({ text: 'meadow', limit: 5 }).items).toHaveLength(1);
  expect(composeFile(store, 1, 'brook').transferId).toBe(8);
  expect(store.searchMessages({ text: 'brook', limit: 5 }).items).toHaveLength(1);
  expect(database.pragma('foreign_key_check')).toEqual([]);
  database.close();
});
