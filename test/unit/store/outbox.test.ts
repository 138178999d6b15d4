import { describe, expect, test } from 'vitest';
import {
  ALL_ASKED,
  BOB,
  CAROL,
  compose,
  composeFile,
  type InThread,
  NOTHING_ASKED,
  openInThread,
  openWith,
  owed,
  receive,
  take,
} from './fixture.ts';

type Store = InThread['store'];

const kinds = (store: Store, now = 1e6) =>
  store.outboxReady(now, 100).map((item) => (item.kind === 'notification' ? item.disposition : item.message.imdnId));
const rowOf = (store: Store, imdnId: string, now = 1e6): number => {
  const item = store.outboxReady(now, 100).find((candidate) => candidate.kind !== 'notification' && candidate.message.imdnId === imdnId);
  return item?.id as number;
};

function prepared(store: Store, conversationId: number, imdnId: string): number {
  const { transferId } = composeFile(store, conversationId, imdnId);
  store.applyTransfer({ transferId, event: 'prepared', now: 11, fields: { sha256: 'ff' } });
  return transferId;
}

describe('order', () => {
  test('texts of a conversation leave one at a time as composed; conversations do not wait for each other', () => {
    const { store } = openInThread();
    const [bob, carol] = [openWith(store).id, openWith(store, CAROL).id];
    for (const id of ['b1', 'b2', 'b3']) compose(store, bob, id);
    compose(store, carol, 'c1');
    expect(kinds(store)).toEqual(['b1', 'c1']);
    const outboxId = rowOf(store, 'b1');
    const taken = store.outboxTake({ now: 12, limit: 1, notifications: 1 });
    expect(taken.changed).toMatchObject([{ message: { imdnId: 'b1', status: 'sending' }, conversation: { id: bob } }]);
    expect(kinds(store)).toEqual(['c1']);
    expect(store.outboxUpdate({ outboxId, event: 'accepted', now: 13 })?.message.status).toBe('sent');
    expect(kinds(store)).toEqual(['b2', 'c1']);
  });

  test('a postponed text holds back the later ones until its time, and counts its attempts', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    compose(store, id, 'b1');
    compose(store, id, 'b2');
    const outboxId = rowOf(store, 'b1');
    expect(store.outboxTake({ now: 12, limit: 9, notifications: 9 })).toMatchObject({
      items: [{ id: outboxId, attempts: 0 }],
      nextAt: null,
    });
    const error = { code: 'peer.unavailable', detail: '480' } as const;
    expect(store.outboxUpdate({ outboxId, event: 'postponed', now: 13, notBefore: 500, error })?.message).toMatchObject({
      status: 'queued',
      error,
    });
    expect(kinds(store, 499)).toEqual([]);
    expect(store.outboxTake({ now: 499, limit: 9, notifications: 9 })).toEqual({ items: [], changed: [], nextAt: 500 });
    expect(store.outboxReady(500, 9)).toMatchObject([
      { id: outboxId, attempts: 1, kind: 'text', peer: BOB, contributionId: 'contribution b1' },
    ]);
  });

  test('a failed text lets the next one go, and a retried one takes its old place', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    for (const name of ['b1', 'b2', 'b3']) compose(store, id, name);
    const outboxId = rowOf(store, 'b1');
    take(store, 12);
    const failed = store.outboxUpdate({ outboxId, event: 'failed', now: 13, error: { code: 'peer.unknown', detail: '404' } });
    expect(failed).toMatchObject({ message: { status: 'failed', error: { code: 'peer.unknown' } } });
    expect(kinds(store)).toEqual(['b2']);
    const retried = store.retry({ messageId: failed?.message.id as number, fileImdnId: 'unused', now: 14 });
    expect(retried.message).toMatchObject({ status: 'queued', error: null, imdnId: 'b1' });
    expect(kinds(store)).toEqual(['b1']);
    expect(store.outboxUpdate({ outboxId, event: 'accepted', now: 15 })).toBeNull();
    store.retry({ messageId: retried.message.id, fileImdnId: 'unused', now: 16 });
    take(store, 17);
    expect(kinds(store)).toEqual([]);
  });

  test('a retry does not overtake a text that is on its way', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const { message } = compose(store, id, 'b1');
    compose(store, id, 'b2');
    store.outboxUpdate({ outboxId: rowOf(store, 'b1'), event: 'failed', now: 13 });
    const second = rowOf(store, 'b2');
    take(store, 14);
    store.retry({ messageId: message.id, fileImdnId: 'unused', now: 15 });
    expect(kinds(store)).toEqual([]);
    store.outboxUpdate({ outboxId: second, event: 'accepted', now: 16 });
    expect(kinds(store)).toEqual(['b1']);
  });

  test('a file holds back files and no text, until its invitation is accepted', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    composeFile(store, id, 'unprepared');
    const first = prepared(store, id, 'f1');
    prepared(store, id, 'f2');
    compose(store, id, 't1');
    expect(kinds(store)).toEqual(['f1', 't1']);
    store.applyTransfer({ transferId: first, event: 'offer', now: 12 });
    expect(kinds(store)).toEqual(['t1']);
    store.applyTransfer({ transferId: first, event: 'started', now: 13 });
    expect(kinds(store).sort()).toEqual(['f2', 't1']);
  });

  test('the limit holds over all kinds, what a person wrote first; notifications have one of their own', () => {
    const { store } = openInThread();
    for (const peer of [CAROL, 'sip:dave@example.com', 'sip:eve@example.com']) receive(store, `from ${peer}`, ALL_ASKED, peer);
    compose(store, openWith(store).id, 't1');
    expect(store.outboxReady(1e6, 2).map((item) => item.kind)).toEqual(['text', 'notification']);
    expect(store.outboxReady(1e6, 9, 2).map((item) => item.kind)).toEqual(['text', 'notification', 'notification']);
    expect(store.outboxReady(1e6, 0)).toEqual([]);
  });

  test('RFC 3428 section 8: one MESSAGE at a time to the same address, texts before notifications', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    receive(store, 'm1', ALL_ASKED);
    receive(store, 'm2', ALL_ASKED);
    compose(store, id, 't1');
    compose(store, id, 't2');
    const outcome = (event: 'accepted' | 'postponed', now: number, notBefore = 0) => {
      const [item, ...others] = take(store, now);
      expect(others).toEqual([]);
      expect(take(store, now)).toEqual([]);
      store.outboxUpdate({ outboxId: item?.id as number, event, now, notBefore });
      return item?.kind === 'notification' ? item.about : item?.kind === 'text' ? item.message.imdnId : '';
    };
    expect(outcome('accepted', 30)).toBe('t1');
    // nothing waits for a text that waits itself
    expect(outcome('postponed', 31, 500)).toBe('t2');
    expect(outcome('postponed', 32, 400)).toBe('m1');
    expect(take(store, 399)).toEqual([]);
    expect([outcome('accepted', 400), outcome('accepted', 400), outcome('accepted', 500)]).toEqual(['m1', 'm2', 't2']);
  });
});

describe('notifications', () => {
  test('R-V20-01: a stored text owes a delivery notification to the device that sent it', () => {
    const { store } = openInThread();
    receive(store, 'm1', ALL_ASKED);
    const [note, ...others] = take(store, 20);
    expect(others).toEqual([]);
    expect(note).toMatchObject({
      disposition: 'delivered',
      about: 'm1',
      aboutDateTime: ALL_ASKED.dateTime,
      originInstance: ALL_ASKED.originInstance,
      service: 'msg',
      peer: BOB,
      createdAt: 20,
    });
    expect(take(store, 21)).toEqual([]);
    store.outboxUpdate({ outboxId: note?.id as number, event: 'postponed', now: 22, notBefore: 30 });
    expect(take(store, 30)).toEqual([{ ...note, attempts: 1 }]);
  });

  test('R-FTR-10: none is owed that was not asked for', () => {
    const { store } = openInThread();
    receive(store, 'm1', { ...ALL_ASKED, positiveDelivery: false, display: false });
    store.markRead({ conversationId: 1, upTo: 99, now: 30 });
    expect(take(store, 40)).toEqual([]);
  });

  test('displayed takes the place of a delivered one that has not left, not of one on its way', () => {
    const stored = openInThread();
    const { store } = stored;
    receive(store, 'm1', ALL_ASKED);
    receive(store, 'm2', ALL_ASKED);
    const [onItsWay] = take(store, 21);
    store.markRead({ conversationId: 1, upTo: 99, now: 30 });
    expect(owed(stored).map(({ note }) => note)).toEqual(['displayed m1', 'displayed m2']);
    store.outboxUpdate({ outboxId: onItsWay?.id as number, event: 'postponed', now: 31, notBefore: 32 });
    expect(owed(stored).map(({ note }) => note)).toEqual(['delivered m1', 'displayed m1', 'displayed m2']);
  });

  test('a duplicate queues one again only when none waits and none was accepted', () => {
    const stored = openInThread();
    const { store } = stored;
    receive(store, 'm1', ALL_ASKED);
    receive(store, 'm1', ALL_ASKED);
    expect(owed(stored)).toHaveLength(1);
    store.outboxUpdate({ outboxId: owed(stored)[0]?.id as number, event: 'failed', now: 22 });
    expect(owed(stored)).toHaveLength(0);
    receive(store, 'm1', ALL_ASKED);
    expect(owed(stored)).toHaveLength(1);
    store.outboxUpdate({ outboxId: owed(stored)[0]?.id as number, event: 'accepted', now: 23 });
    receive(store, 'm1', ALL_ASKED);
    expect(owed(stored)).toHaveLength(0);
  });

  test('a duplicate does not bring delivered back after displayed', () => {
    const stored = openInThread();
    const { store } = stored;
    receive(store, 'm1', ALL_ASKED);
    store.markRead({ conversationId: 1, upTo: 99, now: 30 });
    receive(store, 'm1', ALL_ASKED);
    expect(owed(stored).map(({ note }) => note)).toEqual(['displayed m1']);
    store.outboxUpdate({ outboxId: owed(stored)[0]?.id as number, event: 'accepted', now: 31 });
    receive(store, 'm1', ALL_ASKED);
    expect(owed(stored)).toEqual([]);
  });

  test('each has an id of its own, 64 random bits or more', () => {
    const { store } = openInThread();
    for (let n = 0; n < 50; n++) receive(store, `m${n}`, ALL_ASKED, `sip:peer${n}@example.com`);
    const notes = take(store, 30).flatMap((item) => (item.kind === 'notification' ? [item] : []));
    const ids = notes.map((note) => note.imdnId);
    expect(new Set(ids).size).toBe(50);
    expect(ids.every((id) => /^[\w-]{24}$/.test(id))).toBe(true);
    expect(new Set(notes.map((note) => note.contributionId)).size).toBe(50);
  });
});

describe('recovery', () => {
  test('what was on its way waits again; nothing else moves', () => {
    const { store } = openInThread();
    const [bob, carol] = [openWith(store).id, openWith(store, CAROL).id];
    compose(store, bob, 'b1');
    receive(store, 'm1', ALL_ASKED, CAROL);
    expect(take(store, 21).map((item) => item.kind)).toEqual(['text', 'notification']);
    compose(store, carol, 'c1');
    expect(kinds(store)).toEqual([]);
    store.outboxRecover(50);
    expect(kinds(store, 50)).toEqual(['b1', 'c1']);
    store.outboxUpdate({ outboxId: rowOf(store, 'c1'), event: 'accepted', now: 51 });
    expect(kinds(store, 51)).toEqual(['b1', 'delivered']);
    expect(store.message(1)).toMatchObject({ imdnId: 'b1', status: 'queued' });
    expect(store.outboxReady(50, 1)).toMatchObject([{ attempts: 1 }]);
  });
});

test('the row of a file is moved by its transfer only', () => {
  const { store } = openInThread();
  prepared(store, openWith(store).id, 'f1');
  const outboxId = rowOf(store, 'f1');
  take(store, 1);
  expect(store.outboxReady(1, 9)).toMatchObject([{ id: outboxId, kind: 'file', attempts: 0 }]);
  expect(() => store.outboxUpdate({ outboxId, event: 'accepted', now: 1 })).toThrow(
    expect.objectContaining({ code: 'request.invalid-state' }),
  );
});

describe('a peer that is heard from', () => {
  test('gets what was postponed for it at once, and nobody else does', () => {
    const { store } = openInThread();
    for (const peer of [BOB, CAROL]) openWith(store, peer);
    for (const [index, imdnId] of ['for-bob', 'for-carol'].entries()) {
      compose(store, index + 1, imdnId, 10);
      const item = store.outboxReady(10, 10).find((ready) => ready.kind === 'text' && ready.message.imdnId === imdnId);
      store.outboxUpdate({ outboxId: item?.id as number, event: 'postponed', now: 10, notBefore: 600_000 });
    }
    expect(store.outboxReady(20, 10)).toEqual([]);
    receive(store, 'hello', NOTHING_ASKED, BOB, 20);
    expect(store.outboxReady(20, 10).map((ready) => ready.peer)).toEqual([BOB]);
    store.applyReceipt({ peer: CAROL, imdnId: 'unheard of', event: 'delivered', now: 30 });
    expect(store.outboxReady(30, 10).map((ready) => ready.peer)).toEqual([BOB, CAROL]);
  });
});

test('no server keeps a message waiting for longer than an hour between two tries', () => {
  const { store } = openInThread();
  const { id } = openWith(store);
  compose(store, id, 'm1');
  const [row] = take(store, 10);
  store.outboxUpdate({ outboxId: row?.id as number, event: 'postponed', now: 10, notBefore: 10 + 9_999_999_000 });
  expect(store.outboxNextAt(10)).toBe(10 + 3_600_000);
});

test('a retried text has a new day to get out', () => {
  const { store } = openInThread();
  const { message } = compose(store, openWith(store).id, 'm1');
  const [row] = take(store, 10);
  store.outboxUpdate({ outboxId: row?.id as number, event: 'failed', now: 11, error: { code: 'peer.unavailable', detail: '480' } });
  store.retry({ messageId: message.id, fileImdnId: 'unused', now: 90_000_000 });
  expect(store.outboxReady(90_000_000, 1)).toMatchObject([{ kind: 'text', createdAt: 90_000_000 }]);
});

test('a clock that is set back does not keep a message waiting', () => {
  const { store } = openInThread();
  compose(store, openWith(store).id, 'm1');
  const later = 90_000_000;
  const [row] = take(store, later);
  store.outboxUpdate({ outboxId: row?.id as number, event: 'postponed', now: later, notBefore: later + 60_000 });
  expect(take(store, 1000)).toMatchObject([{ attempts: 1 }]);
});
