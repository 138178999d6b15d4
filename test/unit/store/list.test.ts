import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../../electron/store/database.ts';
import { list } from '../../../electron/store/migrations/0004-list.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { ALL_ASKED, BOB, CAROL, compose, type InThread, NOTHING_ASKED, offer, openInThread, openWith, receive } from './fixture.ts';

type Store = InThread['store'];

const folder = temporaryFolder();

function listed(store: Store, archived = false): string[] {
  const titles: string[] = [];
  let before: { pinned: boolean; updatedAt: number; id: number } | undefined;
  for (let more = true; more; ) {
    const page = store.conversations({ archived, before, limit: 2 });
    titles.push(...page.items.map(({ title }) => title));
    before = page.items.at(-1);
    more = page.more;
  }
  return titles;
}

function five(): Store {
  const { store } = openInThread();
  for (const n of [1, 2, 3, 4, 5]) {
    store.openConversation({ peer: `sip:p${n}@example.com`, title: `p${n}`, cpmConversationId: 'c', now: n });
  }
  return store;
}

describe('the list', () => {
  test('has pinned conversations first, each part newest first, whatever the size of a page', () => {
    const store = five();
    for (const conversationId of [2, 4]) expect(store.arrangeConversation({ conversationId, pinned: true }).pinned).toBe(true);
    expect(listed(store)).toEqual(['p4', 'p2', 'p5', 'p3', 'p1']);
    store.arrangeConversation({ conversationId: 4, pinned: false });
    expect(listed(store)).toEqual(['p2', 'p5', 'p4', 'p3', 'p1']);
  });

  test('has archived ones apart, until the next message, either way', () => {
    const { store } = openInThread();
    const bob = openWith(store).id;
    const carol = openWith(store, CAROL).id;
    for (const conversationId of [bob, carol]) store.arrangeConversation({ conversationId, archived: true });
    expect([listed(store), listed(store, true)]).toEqual([[], ['carol@example.com', 'bob@example.com']]);
    expect(receive(store, 'm1', NOTHING_ASKED, CAROL).conversation.archived).toBe(false);
    expect(compose(store, bob, 'i').conversation.archived).toBe(false);
    expect(listed(store, true)).toEqual([]);
  });

  test('has a mark for what one wants to come back to, until it is read', () => {
    const { store } = openInThread();
    const { message, conversation } = receive(store, 'm1');
    store.markRead({ conversationId: conversation.id, upTo: message.id, now: 30 });
    expect(store.arrangeConversation({ conversationId: conversation.id, markedUnread: true })).toMatchObject({
      markedUnread: true,
      unread: 0,
    });
    expect(store.markRead({ conversationId: conversation.id, upTo: message.id, now: 31 })).toMatchObject({
      messages: [],
      conversation: { markedUnread: false },
    });
  });

  test('says that a conversation is not there', () => {
    const { store } = openInThread();
    expect(() => store.arrangeConversation({ conversationId: 9, pinned: true })).toThrow(
      expect.objectContaining({ code: 'request.not-found' }),
    );
    expect(() => store.removeConversation(9, 1)).toThrow(expect.objectContaining({ code: 'request.not-found' }));
  });
});

describe('a conversation that was deleted', () => {
  test('is out of the list with all that was in it, and what waits does not leave', () => {
    const { store, database } = openInThread();
    const { id } = openWith(store);
    compose(store, id, 'a');
    receive(store, 'm1', ALL_ASKED);
    store.saveDraft({ conversationId: id, text: 'half a' });
    store.removeConversation(id, 50);
    expect(listed(store)).toEqual([]);
    expect(store.messages({ conversationId: id, limit: 5 }).items).toEqual([]);
    expect(store.conversation(id)).toMatchObject({ unread: 0, firstUnreadId: null, draft: '', last: null });
    // its author is still told that it arrived
    expect(store.outboxReady(1e6, 9).map((item) => item.kind)).toEqual(['notification']);
    expect(database.prepare("SELECT count(*) AS n FROM messages WHERE text <> ''").get()).toEqual({ n: 0 });
  });

  test('stays away when an old message is repeated, and comes back empty with a new one, or when it is opened', () => {
    const { store } = openInThread();
    const { conversation } = receive(store, 'm1');
    store.removeConversation(conversation.id, 50);
    expect(receive(store, 'm1').duplicate).toBe(true);
    expect(listed(store)).toEqual([]);
    expect(receive(store, 'm2').conversation).toMatchObject({ id: conversation.id, unread: 1, last: { text: 'text m2' } });
    expect(listed(store)).toHaveLength(1);
    expect(store.messages({ conversationId: conversation.id, limit: 5 }).items).toHaveLength(1);
    store.removeConversation(conversation.id, 60);
    expect(store.openConversation({ peer: BOB, title: 'Bob', cpmConversationId: 'c', now: 70 }).updatedAt).toBe(70);
    expect(listed(store)).toHaveLength(1);
  });

  test('lets a text that is on its way come to its end unseen, and tries it no more', () => {
    for (const event of ['accepted', 'postponed', 'failed'] as const) {
      const { store } = openInThread();
      const { id } = openWith(store);
      compose(store, id, 'a');
      const outboxId = store.outboxTake({ now: 20, limit: 1, notifications: 0 }).items[0]?.id as number;
      store.removeConversation(id, 50);
      expect(store.outboxUpdate({ outboxId, event, now: 60 })).toBeNull();
      expect(store.outboxReady(1e9, 9)).toEqual([]);
      expect(store.conversation(id).last).toBeNull();
    }
  });

  test('is not deleted while a file is under way', () => {
    const { store } = openInThread();
    const { conversation, transfer } = offer(store, 'f');
    expect(() => store.removeConversation(conversation.id, 50)).toThrow(expect.objectContaining({ code: 'request.invalid-state' }));
    store.applyTransfer({ transferId: transfer.id, event: 'declined', now: 51 });
    store.removeConversation(conversation.id, 52);
    expect(listed(store)).toEqual([]);
  });
});

test('a store of the version before keeps its list', () => {
  const path = join(folder, 'before.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, MIGRATIONS.indexOf(list)) });
  before.exec(
    `INSERT INTO conversations (peer, title, cpm_conversation_id, updated_at) VALUES ('${BOB}', 'Bob', 'c', 5), ('${CAROL}', 'Carol', 'd', 6)`,
  );
  before.close();
  const { store, database } = openInThread(path);
  expect(listed(store)).toEqual(['Carol', 'Bob']);
  expect(store.conversation(1)).toMatchObject({ pinned: false, archived: false, markedUnread: false });
  store.arrangeConversation({ conversationId: 1, pinned: true });
  expect(listed(store)).toEqual(['Bob', 'Carol']);
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  database.close();
  rmSync(path);
});
