import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../../electron/store/database.ts';
import { deferred } from '../../../electron/store/migrations/0011-deferred.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import type { ListedItem } from '../../../electron/store/port.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { BOB, CAROL, type InThread, NOTHING_ASKED, openInThread, openWith, receive } from './fixture.ts';

type Store = InThread['store'];

const folder = temporaryFolder();

function item(name: string, more: Partial<ListedItem> = {}): ListedItem {
  return {
    uri: `sip:dm-${name}@home1.example`,
    kind: 'pager',
    peer: BOB,
    sentAt: 100,
    size: 200,
    expiresAt: 5000,
    contentType: 'text/plain',
    subject: null,
    ...more,
  };
}

function listAll(store: Store, items: readonly ListedItem[], more: { anew?: boolean; now?: number; toFetch?: number } = {}) {
  return store.deferredList({ full: true, anew: false, removed: [], toFetch: -1, now: 1000, items, ...more });
}

const shown = (store: Store) => store.deferredPage({ limit: 100 }).items;
const states = (store: Store) => shown(store).map(({ id, state }) => `${id} ${state}`);

describe('the list of waiting items', () => {
  test('is kept, newest first and by pages, with what its senders are called here', () => {
    const { store } = openInThread();
    store.openConversation({ peer: CAROL, title: 'Carol Cook', cpmConversationId: 'c', now: 1 });
    listAll(store, [item('1', { sentAt: 100 }), item('2', { sentAt: 300, peer: CAROL }), item('3', { sentAt: null })]);
    expect(shown(store).map(({ id, title, sentAt }) => [id, title, sentAt])).toEqual([
      [3, '', 1000],
      [2, 'Carol Cook', 300],
      [1, '', 100],
    ]);
    const first = store.deferredPage({ limit: 2 });
    expect(first.more).toBe(true);
    expect(store.deferredPage({ limit: 2, before: { sentAt: 300, id: 2 } })).toMatchObject({ more: false, items: [{ id: 1 }] });
    expect(store.deferredSums()).toEqual({ count: 3, size: 600, ordered: 0 });
  });

  test('as a part changes what it names and leaves the others', () => {
    const { store } = openInThread();
    listAll(store, [item('1'), item('2')]);
    const change = store.deferredList({
      full: false,
      anew: false,
      items: [item('3'), item('1', { size: 900 })],
      removed: [item('2').uri, 'sip:never@heard.example'],
      toFetch: -1,
      now: 1000,
    });
    expect(change).toMatchObject({ many: false, removed: [2] });
    expect(change.changed.map(({ id, size }) => [id, size])).toEqual([
      [3, 200],
      [1, 900],
    ]);
    expect(states(store)).toEqual(['3 waiting', '1 waiting']);
  });

  test('as a whole takes away what nobody had chosen, and tells of what was chosen that it is gone or expired', () => {
    const { store } = openInThread();
    listAll(store, [item('1'), item('2'), item('3', { expiresAt: 900 })]);
    store.deferredOrder({ orders: [2, 3].map((id) => ({ id, order: 'deliver' })) });
    listAll(store, []);
    expect(states(store)).toEqual(['3 expired', '2 gone']);
    expect(store.deferredSums()).toEqual({ count: 0, size: 0, ordered: 0 });
    // there is nothing to be asked of the network about them; a person takes them out of the list
    const { removed } = store.deferredOrder({ orders: [2, 3].map((id) => ({ id, order: id === 2 ? 'delete' : 'deliver' })) });
    expect(removed).toEqual([2]);
    expect(store.deferredOrdered(10)).toEqual([]);
    listAll(store, [item('3')]);
    expect(states(store)).toEqual(['3 waiting']);
  });

  test('that comes late does not bring back what was settled; the first of a subscription does', () => {
    const { store } = openInThread();
    listAll(store, [item('1')]);
    store.deferredMove({ ids: [1], event: 'settle', now: 1000 });
    listAll(store, [item('1')]);
    expect(states(store)).toEqual([]);
    listAll(store, [item('1')], { anew: true });
    expect(states(store)).toEqual(['1 waiting']);
    store.deferredMove({ ids: [1], event: 'settle', now: 1000 });
    listAll(store, []);
    listAll(store, [item('1')]);
    expect(states(store)).toEqual(['2 waiting']);
  });

  test('by itself brings back what the network had taken an order for and did not do', () => {
    const { store } = openInThread();
    listAll(store, [item('1'), item('2')]);
    store.deferredOrder({ orders: [1, 2].map((id) => ({ id, order: id === 1 ? ('store' as const) : ('deliver' as const) })) });
    store.deferredMove({ ids: [1, 2], event: 'ask', now: 1 });
    store.deferredMove({ ids: [1, 2], event: 'settle', now: 1 });
    expect(states(store)).toEqual([]);
    store.deferredList({ full: false, anew: false, items: [item('1'), item('2')], removed: [], toFetch: -1, now: 1000 });
    expect(states(store)).toEqual(['2 waiting', '1 failed']);
    expect(shown(store).map(({ error }) => error?.code ?? null)).toEqual([null, 'deferred.not-done']);
    store.deferredOrder({ orders: [{ id: 1, order: 'store' }] });
    for (const event of ['ask', 'settle'] as const) store.deferredMove({ ids: [1], event, now: 1 });
    const items = [{ ...item('1'), undone: 'too-large' as const }];
    store.deferredList({ full: false, anew: false, items, removed: [], toFetch: -1, now: 1000 });
    expect(shown(store).map(({ error }) => error?.code ?? null)).toEqual([null, 'deferred.too-large']);
  });

  test('orders what is small by itself, where the person wants that', () => {
    const { store } = openInThread();
    listAll(store, [item('1', { size: 10 }), item('2', { size: 11 }), item('3', { size: null })], { toFetch: 10 });
    expect(store.deferredOrdered(10)).toEqual([{ id: 1, uri: item('1').uri, kind: 'pager', peer: BOB, sentAt: 100, order: 'deliver' }]);
  });

  test('of more than can be told one by one is to be read anew', () => {
    const { store } = openInThread();
    const many = Array.from({ length: 300 }, (_, at) => item(String(at)));
    expect(listAll(store, many)).toEqual({ changed: [], removed: [], many: true });
    expect(store.deferredSums().count).toBe(300);
  });
});

describe('orders', () => {
  test('are one each, the last one counts, and nothing changes what is on its way', () => {
    const { store } = openInThread();
    listAll(store, [item('1'), item('2'), item('3')]);
    const orders = [
      { id: 1, order: 'deliver' },
      { id: 1, order: 'store' },
      { id: 2, order: 'delete' },
      { id: 3, order: 'interwork' },
      { id: 99, order: 'deliver' },
    ] as const;
    expect(store.deferredOrder({ orders }).changed.at(-1)).toMatchObject({ id: 3, state: 'chosen', order: 'interwork' });
    expect(store.deferredOrdered(10).map(({ id, order }) => [id, order])).toEqual([
      [1, 'store'],
      [2, 'delete'],
      [3, 'interwork'],
    ]);
    store.deferredMove({ ids: [1], event: 'ask', now: 1 });
    store.deferredOrder({ orders: [{ id: 1, order: 'delete' }] });
    store.deferredOrderAll({ order: null, except: [2] });
    expect(store.deferredOrdered(10).map(({ id, order }) => [id, order])).toEqual([
      [1, 'store'],
      [2, 'delete'],
    ]);
  });

  test('that failed say why until they are given again', () => {
    const { store } = openInThread();
    listAll(store, [item('1')]);
    store.deferredOrder({ orders: [{ id: 1, order: 'deliver' }] });
    store.deferredMove({ ids: [1], event: 'ask', now: 1 });
    const error = { code: 'deferred.refused', detail: '403 Forbidden' } as const;
    expect(store.deferredMove({ ids: [1], event: 'refuse', error, now: 1 }).changed).toMatchObject([{ state: 'failed', error }]);
    expect(store.deferredSums()).toMatchObject({ count: 1, ordered: 0 });
    store.deferredOrderAll({ order: 'deliver', except: [] });
    expect(shown(store)).toMatchObject([{ state: 'chosen', error: null }]);
  });

  test('survive: what was on its way when the process ended is asked for again', () => {
    const path = join(folder, 'orders.db');
    const { store, database } = openInThread(path);
    listAll(store, [item('1'), item('2')]);
    store.deferredOrder({ orders: [1, 2].map((id) => ({ id, order: 'deliver' })) });
    store.deferredMove({ ids: [1], event: 'ask', now: 1 });
    database.close();
    const again = openInThread(path);
    again.store.deferredRecover();
    expect(states(again.store)).toEqual(['2 chosen', '1 chosen']);
    again.database.close();
  });
});

describe('a message that the network had kept', () => {
  const kept = (store: Store, imdnId: string, sentAt: number, deferred = true, peer = BOB) =>
    store.receiveText({
      peer,
      title: peer,
      cpmConversationId: 'theirs',
      contributionId: imdnId,
      imdnId,
      text: imdnId,
      sentAt,
      now: 5000,
      notify: NOTHING_ASKED,
      deferred,
    });
  const thread = (store: Store, conversationId = 1) => store.messages({ conversationId, limit: 100 }).items.map(({ imdnId }) => imdnId);

  test('stands where it was sent, unread, and the list goes on showing the newest one', () => {
    const { store } = openInThread();
    kept(store, 'old', 1000, false);
    kept(store, 'of carol', 1000, false, CAROL);
    listAll(store, [item('a')]);
    kept(store, 'new', 4000, false);
    for (const sentAt of [2000, 3000, 2500, 500]) kept(store, `kept ${sentAt}`, sentAt);
    // before the oldest one there is no room
    expect(thread(store)).toEqual(['old', 'kept 500', 'kept 2000', 'kept 2500', 'kept 3000', 'new']);
    const { conversation, message } = kept(store, 'kept 3500', 3500);
    expect(message).toMatchObject({ deferred: true, sentAt: 3500, storedAt: 5000 });
    expect(conversation).toMatchObject({ unread: 7, last: { text: 'new' } });
    expect(kept(store, 'kept 3500', 3500)).toMatchObject({ duplicate: true });
    expect(kept(store, 'newest', 4500).conversation).toMatchObject({ last: { text: 'newest' } });
    expect(thread(store).slice(-2)).toEqual(['new', 'newest']);
  });

  test('is never doubled when it also came otherwise, in either order', () => {
    const { store } = openInThread();
    kept(store, 'a', 1000, false);
    expect(kept(store, 'a', 1000)).toMatchObject({ duplicate: true });
    kept(store, 'b', 2000);
    expect(kept(store, 'b', 2000, false)).toMatchObject({ duplicate: true, conversation: { unread: 2 } });
  });

  test('comes last where no room was left for it, rather than anywhere else', () => {
    const { store } = openInThread();
    kept(store, 'one', 1000, false);
    kept(store, 'three', 3000, false);
    kept(store, 'two', 2000);
    expect(thread(store)).toEqual(['one', 'three', 'two']);
  });

  test('hundreds of them, in any order, find their places between two', () => {
    const { store } = openInThread();
    kept(store, 'first', 1, false);
    listAll(store, [item('a')]);
    kept(store, 'last', 4999, false);
    const times = Array.from({ length: 300 }, (_, at) => 10 + ((at * 7919) % 300) * 10);
    for (const time of times) kept(store, String(time), time);
    const pages = [store.messages({ conversationId: 1, limit: 200 }).items];
    pages.unshift(store.messages({ conversationId: 1, limit: 200, before: pages[0]?.[0]?.id }).items);
    const sent = pages.flat().map(({ sentAt }) => sentAt);
    expect(sent).toHaveLength(302);
    expect(sent).toEqual([...sent].sort((a, b) => a - b));
  });
});

test('a store of the version before opens, and has nothing that waits', () => {
  const path = join(folder, 'before.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, MIGRATIONS.indexOf(deferred)) });
  before.exec(`INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at) VALUES (1, '${BOB}', 'Bob', 'c', 1);
    INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
    VALUES (1, 1, 'in', 'text', 'hello', 'received', 1, 1, 'm1', 'k1');`);
  before.close();
  const { store, database } = openInThread(path);
  expect(store.message(1)).toMatchObject({ text: 'hello', deferred: false });
  expect(store.deferredSums()).toEqual({ count: 0, size: 0, ordered: 0 });
  expect(listAll(store, [item('1')]).changed).toHaveLength(1);
  expect(receive(store, 'm2').message.id).toBeGreaterThan(2 ** 30);
  expect(openWith(store).id).toBe(1);
  database.close();
});
