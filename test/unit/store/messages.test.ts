import { describe, expect, test } from 'vitest';
import type { OutboxItem } from '../../../electron/store/port.ts';
import { ALL_ASKED, BOB, CAROL, compose, NOTHING_ASKED, openInThread, openWith, owed, receive, take } from './fixture.ts';

const all = (now = 1e6) => [now, 100] as const;

describe('conversations', () => {
  test('a peer has one, whoever begins it', () => {
    const { store } = openInThread();
    const opened = openWith(store);
    expect(openWith(store).id).toBe(opened.id);
    expect(receive(store, 'm1').conversation.id).toBe(opened.id);
    expect(store.conversations({ limit: 10 }).items).toHaveLength(1);
  });

  test('a name replaces an address, not another name', () => {
    const { store } = openInThread();
    openWith(store);
    const named = { peer: BOB, cpmConversationId: 'x', now: 2 };
    expect(store.openConversation({ ...named, title: 'Bob' }).title).toBe('Bob');
    expect(store.openConversation({ ...named, title: 'Robert' }).title).toBe('Bob');
  });

  test('R-PF-10: an unused Conversation-ID gives way to the one that the peer used, a used one stays', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    receive(store, 'm1');
    expect(store.conversation(id).cpmConversationId).toBe('theirs');

    const other = openWith(store, CAROL);
    compose(store, other.id, 'o1');
    receive(store, 'm2', ALL_ASKED, CAROL);
    expect(store.conversation(other.id).cpmConversationId).toBe(`conversation with ${CAROL}`);
    const idOf = (item: OutboxItem | undefined) => (item?.kind === 'file' ? '' : item?.cpmConversationId);
    const [text] = take(store, 30);
    expect(idOf(text)).toBe(`conversation with ${CAROL}`);
    store.outboxUpdate({ outboxId: text?.id as number, event: 'accepted', now: 31 });
    expect(take(store, 32).map(idOf)).toEqual(['theirs']);
  });

  test('pages go by the time of the newest message, then by id', () => {
    const { store } = openInThread();
    for (let n = 1; n <= 7; n++)
      store.openConversation({ peer: `sip:p${n}@example.com`, title: `p${n}`, cpmConversationId: 'c', now: n === 3 ? 4 : n });
    const seen: string[] = [];
    let before: { pinned: boolean; updatedAt: number; id: number } | undefined;
    for (let more = true; more; ) {
      const page = store.conversations({ before, limit: 2 });
      seen.push(...page.items.map((item) => item.title));
      before = page.items.at(-1);
      more = page.more;
    }
    expect(seen).toEqual(['p7', 'p6', 'p5', 'p4', 'p3', 'p2', 'p1']);
  });

  test('a clock that is set back does not push a conversation down the list', () => {
    const { store } = openInThread();
    openWith(store, BOB);
    receive(store, 'm1', NOTHING_ASKED, BOB, 1000);
    receive(store, 'm2', NOTHING_ASKED, CAROL, 500);
    expect(receive(store, 'm3', NOTHING_ASKED, BOB, 400).conversation).toMatchObject({ updatedAt: 1000, last: { text: 'text m3' } });
    expect(store.conversations({ limit: 5 }).items.map(({ peer }) => peer)).toEqual([BOB, CAROL]);
  });

  test('the list shows the newest line, cut, never in the middle of a character', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const text = `${'a'.repeat(199)}😀 and on`;
    const { conversation } = store.composeText({ conversationId: id, text, imdnId: 'i', contributionId: 'c', now: 50 });
    expect(conversation).toMatchObject({
      updatedAt: 50,
      last: { direction: 'out', kind: 'text', text: 'a'.repeat(199), status: 'queued' },
    });
    expect(store.conversations({ limit: 1 }).items).toEqual([conversation]);
  });

  test('a draft is kept, and gone with the text that it became', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    expect(store.saveDraft({ conversationId: id, text: 'half a' }).draft).toBe('half a');
    expect(compose(store, id, 'i1').conversation.draft).toBe('');
    store.saveDraft({ conversationId: id, text: 'the next' });
    expect(compose(store, id, 'i1')).toMatchObject({ created: false, conversation: { draft: 'the next' } });
    expect(() => store.saveDraft({ conversationId: 99, text: 'x' })).toThrow(expect.objectContaining({ code: 'request.not-found' }));
  });

  test('settings', () => {
    const { store } = openInThread();
    expect(store.setting('instance')).toBeNull();
    store.setSetting('instance', 'a');
    store.setSetting('instance', 'b');
    expect(store.setting('instance')).toBe('b');
  });
});

describe('a thread', () => {
  test('has every message once in its pages, from either end', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const other = openWith(store, CAROL);
    const ids: number[] = [];
    for (let n = 0; n < 25; n++) {
      ids.push(compose(store, id, `i${n}`).message.id);
      compose(store, other.id, `o${n}`);
    }
    const newest = store.messages({ conversationId: id, limit: 10 });
    expect(newest.items.map((item) => item.id)).toEqual(ids.slice(15));
    expect(newest).toMatchObject({ moreBefore: true, moreAfter: false });
    const middle = store.messages({ conversationId: id, before: ids[15] as number, limit: 10 });
    expect(middle.items.map((item) => item.id)).toEqual(ids.slice(5, 15));
    expect(middle).toMatchObject({ moreBefore: true, moreAfter: true });
    const oldest = store.messages({ conversationId: id, before: ids[5] as number, limit: 10 });
    expect(oldest.items.map((item) => item.id)).toEqual(ids.slice(0, 5));
    expect(oldest).toMatchObject({ moreBefore: false, moreAfter: true });
    const forth = store.messages({ conversationId: id, after: ids[4] as number, limit: 10 });
    expect(forth.items.map((item) => item.id)).toEqual(ids.slice(5, 15));
    expect(forth).toMatchObject({ moreBefore: true, moreAfter: true });
  });

  test('an empty page knows its neighbours, and a conversation that is not there is an error', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    expect(store.messages({ conversationId: id, limit: 5 })).toEqual({ items: [], moreBefore: false, moreAfter: false });
    const { message } = compose(store, id, 'i');
    expect(store.messages({ conversationId: id, after: message.id, limit: 5 })).toEqual({ items: [], moreBefore: true, moreAfter: false });
    expect(store.messages({ conversationId: id, before: message.id, limit: 5 })).toEqual({ items: [], moreBefore: false, moreAfter: true });
    expect(() => store.messages({ conversationId: 99, limit: 5 })).toThrow(expect.objectContaining({ code: 'request.not-found' }));
    expect(() => store.message(99)).toThrow(expect.objectContaining({ code: 'request.not-found' }));
    expect(() => compose(store, 99, 'x')).toThrow(expect.objectContaining({ code: 'request.not-found' }));
  });

  test('composing again with the same id answers with what is there', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const first = compose(store, id, 'same', 10);
    const again = compose(store, id, 'same', 99);
    expect(again).toEqual({ ...first, created: false });
    expect(store.outboxReady(...all())).toHaveLength(1);
  });
});

describe('receiving', () => {
  test('the key of duplicates is the peer with the imdn.Message-ID', () => {
    const { store } = openInThread();
    const first = receive(store, 'same');
    expect(first).toMatchObject({
      duplicate: false,
      conversation: { unread: 1 },
      message: { direction: 'in', status: 'received', sentAt: 9, storedAt: 20 },
    });
    expect(receive(store, 'same')).toMatchObject({ duplicate: true, message: { id: first.message.id }, conversation: { unread: 1 } });
    expect(receive(store, 'same', NOTHING_ASKED, CAROL).duplicate).toBe(false);
    const { id } = openWith(store);
    expect(compose(store, id, 'same').created).toBe(true);
  });

  test('a time that no clock shows counts as now', () => {
    const { store } = openInThread();
    for (const sentAt of [Number.NaN, -1, 1e20]) {
      const row = { peer: BOB, title: '', cpmConversationId: 'c', contributionId: 'c', text: '', now: 30, notify: NOTHING_ASKED };
      expect(store.receiveText({ ...row, imdnId: `${sentAt}`, sentAt }).message.sentAt).toBe(30);
    }
  });

  test('an error detail of the other side is cut', () => {
    const { store } = openInThread();
    compose(store, openWith(store).id, 'i');
    const rows = store.applyReceipt({
      peer: BOB,
      imdnId: 'i',
      event: 'failed',
      now: 2,
      error: { code: 'peer.declined', detail: 'x'.repeat(9999) },
    });
    expect(rows?.message.error).toEqual({ code: 'peer.declined', detail: 'x'.repeat(500) });
  });
});

describe('receipts', () => {
  test('tick forward only; displayed implies delivered', () => {
    const { store } = openInThread();
    compose(store, openWith(store).id, 'i');
    const receipt = (event: 'delivered' | 'displayed' | 'failed', now: number) =>
      store.applyReceipt({ peer: BOB, imdnId: 'i', event, now });
    expect(receipt('displayed', 30)).toMatchObject({
      message: { status: 'displayed', deliveredAt: 30, displayedAt: 30 },
      conversation: { last: { status: 'displayed' } },
    });
    expect(receipt('delivered', 40)?.message).toMatchObject({ status: 'displayed', deliveredAt: 30, displayedAt: 30 });
    expect(receipt('failed', 50)?.message).toMatchObject({ status: 'displayed', error: null });
  });

  test('are about messages to that very peer', () => {
    const { store } = openInThread();
    compose(store, openWith(store).id, 'i');
    receive(store, 'incoming');
    expect(store.applyReceipt({ peer: CAROL, imdnId: 'i', event: 'delivered', now: 2 })).toBeNull();
    expect(store.applyReceipt({ peer: BOB, imdnId: 'incoming', event: 'delivered', now: 2 })).toBeNull();
    expect(store.applyReceipt({ peer: BOB, imdnId: 'other', event: 'delivered', now: 2 })).toBeNull();
  });

  test('take a text whose own answer was lost out of the outbox, and a late outcome changes nothing', () => {
    const { store } = openInThread();
    compose(store, openWith(store).id, 'i');
    const [item] = take(store, 11);
    const outboxId = item?.id as number;
    store.applyReceipt({ peer: BOB, imdnId: 'i', event: 'delivered', now: 12 });
    expect(store.outboxUpdate({ outboxId, event: 'postponed', now: 13, notBefore: 14 })).toBeNull();
    expect(store.outboxReady(...all())).toEqual([]);
    expect(store.message(1).status).toBe('delivered');
  });

  test('a negative one fails the message, and a late positive one heals it', () => {
    const { store } = openInThread();
    compose(store, openWith(store).id, 'i');
    expect(store.applyReceipt({ peer: BOB, imdnId: 'i', event: 'failed', now: 2 })?.message).toMatchObject({
      status: 'failed',
      error: { code: 'peer.undelivered' },
    });
    expect(store.applyReceipt({ peer: BOB, imdnId: 'i', event: 'delivered', now: 3 })?.message).toMatchObject({
      status: 'delivered',
      error: null,
    });
  });
});

describe('reading', () => {
  test('counts down, and owes a display notification to those who asked', () => {
    const stored = openInThread();
    const { store } = stored;
    const ids = [receive(store, 'a', ALL_ASKED), receive(store, 'b'), receive(store, 'c', ALL_ASKED)].map((rows) => rows.message.id);
    const conversationId = 1;
    const first = store.markRead({ conversationId, upTo: ids[1] as number, now: 40 });
    expect(first).toMatchObject({
      conversation: { unread: 1 },
      messages: [{ id: ids[0], status: 'read', displayedAt: 40 }, { id: ids[1] }],
    });
    expect(store.markRead({ conversationId, upTo: ids[1] as number, now: 41 })).toMatchObject({
      conversation: { unread: 1 },
      messages: [],
    });
    expect(owed(stored).map(({ note }) => note)).toEqual(['displayed a', 'delivered c']);
    expect(store.markRead({ conversationId, upTo: 99, now: 42 }).conversation).toMatchObject({ unread: 0, last: { status: 'read' } });
  });

  test('names the oldest unread message, also in the list, until there is none', () => {
    const { store } = openInThread();
    const ids = [receive(store, 'a'), receive(store, 'b'), receive(store, 'c')].map((rows) => rows.message.id);
    const first = (): unknown[] => [store.conversation(1).firstUnreadId, store.conversations({ limit: 9 }).items[0]?.firstUnreadId];
    expect(first()).toEqual([ids[0], ids[0]]);
    expect(store.markRead({ conversationId: 1, upTo: ids[1] as number, now: 40 }).conversation.firstUnreadId).toBe(ids[2]);
    expect(first()).toEqual([ids[2], ids[2]]);
    store.markRead({ conversationId: 1, upTo: 99, now: 41 });
    expect(first()).toEqual([null, null]);
  });

  test('of messages of another conversation is not touched', () => {
    const { store } = openInThread();
    receive(store, 'a');
    receive(store, 'b', NOTHING_ASKED, CAROL);
    store.markRead({ conversationId: 1, upTo: 99, now: 40 });
    expect(store.conversation(2).unread).toBe(1);
    expect(() => store.markRead({ conversationId: 9, upTo: 99, now: 40 })).toThrow(expect.objectContaining({ code: 'request.not-found' }));
  });
});
