import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../../electron/store/database.ts';
import { removal } from '../../../electron/store/migrations/0003-removal.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import { REMEMBERED_MS } from '../../../electron/store/port.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import {
  ALL_ASKED,
  BOB,
  compose,
  composeFile,
  type InThread,
  NOTHING_ASKED,
  offer,
  openInThread,
  openWith,
  owed,
  receive,
  take,
} from './fixture.ts';

type Store = InThread['store'];

const folder = temporaryFolder();
const texts = (store: Store, conversationId = 1) => store.messages({ conversationId, limit: 50 }).items.map(({ text }) => text);
const waiting = (store: Store) =>
  store.outboxReady(1e6, 100).map((item) => (item.kind === 'notification' ? `${item.disposition} ${item.about}` : item.message.imdnId));
const refused = (code: string) => expect.objectContaining({ code });

describe('a message that was removed', () => {
  test('is in no page, has no information, and is neither retried nor removed again', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const ids = ['a', 'b', 'c'].map((name) => compose(store, id, name).message.id);
    const [, middle = 0] = ids;
    store.removeMessage({ messageId: middle, now: 50 });
    expect(texts(store)).toEqual(['text a', 'text c']);
    expect(store.messages({ conversationId: id, after: ids[0], limit: 5 }).items.map((message) => message.id)).toEqual([ids[2]]);
    expect(store.messages({ conversationId: id, before: ids[2], limit: 1 })).toMatchObject({ moreBefore: false, items: [{ id: ids[0] }] });
    for (const call of [
      () => store.messageInfo(middle),
      () => store.removeMessage({ messageId: middle, now: 51 }),
      () => store.retry({ messageId: middle, fileImdnId: 'x', now: 51 }),
      () => compose(store, id, 'b'),
    ]) {
      expect(call).toThrow(refused('request.not-found'));
    }
  });

  test('is not found any more, and its neighbours are', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const ids = ['a', 'b', 'c'].map((name) => compose(store, id, name).message.id);
    const found = () => store.searchMessages({ text: 'text', limit: 10 }).items.map(({ message }) => message.id);
    expect(found()).toEqual([...ids].reverse());
    store.removeMessage({ messageId: ids[1] as number, now: 50 });
    expect(found()).toEqual([ids[2], ids[0]]);
    expect(store.messages({ conversationId: id, around: ids[1], limit: 4 }).items.map((message) => message.id)).toEqual([ids[0], ids[2]]);
  });

  test('leaves nothing of its content in the file', () => {
    const { store, database } = openInThread();
    const { id } = openWith(store);
    const { transferId, message } = composeFile(store, id, 'photo');
    store.applyTransfer({ transferId, event: 'cancelled', now: 20 });
    store.removeMessage({ messageId: message.id, now: 50 });
    store.removeMessage({ messageId: receive(store, 'secret').message.id, now: 51 });
    expect(database.prepare('SELECT text, error_code, error_detail FROM messages').all()).toEqual([
      { text: '', error_code: null, error_detail: null },
      { text: '', error_code: null, error_detail: null },
    ]);
    expect(database.prepare('SELECT count(*) AS n FROM transfers').get()).toEqual({ n: 0 });
  });

  test('leaves the line of the list to the one before it, and none to the first', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const text = compose(store, id, 'a').message.id;
    const { transferId, message } = composeFile(store, id, 'photo');
    store.applyTransfer({ transferId, event: 'cancelled', now: 20 });
    const other = receive(store, 'theirs').message.id;
    expect(store.removeMessage({ messageId: text, now: 50 }).last).toMatchObject({ text: 'text theirs' });
    expect(store.removeMessage({ messageId: other, now: 51 }).last).toEqual({
      direction: 'out',
      kind: 'file',
      author: '',
      text: 'photo.png',
      status: 'failed',
      transferState: 'cancelled',
      asks: false,
    });
    expect(store.removeMessage({ messageId: message.id, now: 52 })).toMatchObject({ last: null, updatedAt: 20 });
    expect(compose(store, id, 'b').conversation.last).toMatchObject({ text: 'text b' });
  });

  test('does not count as unread any more, and nobody is told that it was seen', () => {
    const stored = openInThread();
    const { store } = stored;
    const first = receive(store, 'one', ALL_ASKED);
    const second = receive(store, 'two', ALL_ASKED);
    expect(store.removeMessage({ messageId: first.message.id, now: 50 })).toMatchObject({ unread: 1, firstUnreadId: second.message.id });
    const { messages, conversation } = store.markRead({ conversationId: 1, upTo: 99, now: 51 });
    expect(messages.map((message) => message.id)).toEqual([second.message.id]);
    expect(conversation.unread).toBe(0);
    expect(owed(stored).map(({ note }) => note)).toEqual(['delivered one', 'displayed two']);
  });

  test('stays away when its sender repeats it, who is told once that it arrived', () => {
    const { store } = openInThread();
    const { message } = receive(store, 'one', ALL_ASKED);
    store.removeMessage({ messageId: message.id, now: 50 });
    expect(receive(store, 'one', ALL_ASKED)).toMatchObject({ duplicate: true, conversation: { unread: 0, last: null } });
    expect(texts(store)).toEqual([]);
    expect(waiting(store)).toEqual(['delivered one']);
  });

  test('takes what is told of it without coming back', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const { message } = compose(store, id, 'a');
    store.removeMessage({ messageId: message.id, now: 50 });
    for (const event of ['delivered', 'failed', 'displayed'] as const) {
      expect(store.applyReceipt({ peer: BOB, imdnId: 'a', event, now: 60 })).toBeNull();
    }
    expect(store.conversation(id).last).toBeNull();
  });

  test('is forgotten after a while, but not before what is owed about it has left', () => {
    const { store, database } = openInThread();
    const owed = receive(store, 'one', ALL_ASKED).message.id;
    const plain = receive(store, 'two', NOTHING_ASKED).message.id;
    for (const messageId of [owed, plain]) store.removeMessage({ messageId, now: 50 });
    const rows = () => (database.prepare('SELECT id FROM messages').all() as { id: number }[]).map((row) => row.id);
    store.outboxRecover(50 + REMEMBERED_MS);
    expect(rows()).toEqual([owed, plain]);
    store.outboxRecover(51 + REMEMBERED_MS);
    expect(rows()).toEqual([owed]);
    for (const { id } of store.outboxReady(1e12, 9)) store.outboxUpdate({ outboxId: id, event: 'accepted', now: 60 });
    store.outboxRecover(51 + REMEMBERED_MS);
    expect(rows()).toEqual([]);
  });
});

describe('a text that waits', () => {
  test('is withdrawn before it left, and holds back no other', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const first = compose(store, id, 'a').message.id;
    compose(store, id, 'b');
    store.removeMessage({ messageId: first, now: 50 });
    expect(waiting(store)).toEqual(['b']);
  });

  test('is left alone while it is on its way, and can be removed when that is over', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const { message } = compose(store, id, 'a');
    const [item] = take(store, 20);
    const outboxId = item?.id as number;
    expect(() => store.removeMessage({ messageId: message.id, now: 50 })).toThrow(refused('request.invalid-state'));
    store.outboxUpdate({ outboxId, event: 'postponed', now: 60, notBefore: 70 });
    store.removeMessage({ messageId: message.id, now: 61 });
    expect(take(store, 80)).toEqual([]);
    expect(store.outboxUpdate({ outboxId, event: 'accepted', now: 80 })).toBeNull();
    expect(waiting(store)).toEqual([]);
  });
});

describe('a file', () => {
  test('is removed when its transfer is over only', () => {
    const { store } = openInThread();
    const { message, transfer } = offer(store, 'f');
    expect(() => store.removeMessage({ messageId: message.id, now: 50 })).toThrow(refused('request.invalid-state'));
    store.applyTransfer({ transferId: transfer.id, event: 'declined', now: 51 });
    expect(store.removeMessage({ messageId: message.id, now: 52 }).last).toBeNull();
    expect(() => store.transfer(transfer.id)).toThrow(refused('request.not-found'));
  });

  test('whose sender offers it again is a new card', () => {
    const { store } = openInThread();
    const { message, transfer } = offer(store, 'f');
    store.applyTransfer({ transferId: transfer.id, event: 'expired', now: 51 });
    store.removeMessage({ messageId: message.id, now: 52 });
    const again = offer(store, 'f', 'ft2');
    expect(again).toMatchObject({ duplicate: false, transfer: { state: 'offered' }, conversation: { unread: 1 } });
    expect(again.message.id).toBeGreaterThan(message.id);
  });
});

test('a store of the version before keeps its messages and can remove them', () => {
  const path = join(folder, 'before.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, MIGRATIONS.indexOf(removal)) });
  before.exec(`
    INSERT INTO conversations (peer, title, cpm_conversation_id, unread, updated_at) VALUES ('${BOB}', 'Bob', 'c', 1, 5);
    INSERT INTO messages (conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
      VALUES (1, 'in', 'text', 'old', 'read', 1, 2, 'i1', 'c1'), (1, 'in', 'text', 'older', 'received', 1, 2, 'i2', 'c2');
  `);
  before.close();
  const { store, database } = openInThread(path);
  expect(texts(store)).toEqual(['old', 'older']);
  expect(store.removeMessage({ messageId: 2, now: 50 }).unread).toBe(0);
  expect(texts(store)).toEqual(['old']);
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  database.close();
  rmSync(path);
});

test('what is told of a message: ids, and how often it was tried', () => {
  const { store } = openInThread();
  const { id } = openWith(store);
  const { message } = compose(store, id, 'a');
  expect(store.messageInfo(message.id)).toEqual({
    message,
    peer: BOB,
    recipients: [],
    deliveryReport: null,
    displayReport: null,
    leftAt: null,
    takenAt: null,
    kept: false,
    leftBy: null,
    cpmConversationId: `conversation with ${BOB}`,
    contributionId: 'contribution a',
    waiting: { attempts: 0, nextTryAt: 0 },
  });
  const outboxId = take(store, 20)[0]?.id as number;
  store.outboxUpdate({ outboxId, event: 'postponed', now: 21, notBefore: 500 });
  expect(store.messageInfo(message.id).waiting).toEqual({ attempts: 1, nextTryAt: 500 });
  store.outboxUpdate({ outboxId, event: 'accepted', now: 22 });
  expect(store.messageInfo(message.id)).toMatchObject({ waiting: null, message: { status: 'sent' } });
  expect(store.messageInfo(receive(store, 'x').message.id)).toMatchObject({ cpmConversationId: 'theirs', waiting: null });
});
