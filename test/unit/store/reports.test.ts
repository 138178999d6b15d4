import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../../electron/store/database.ts';
import { reports } from '../../../electron/store/migrations/0008-reports.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import type { Notify } from '../../../electron/store/port.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { ALL_ASKED, BOB, CAROL, compose, offer, openInThread, openWith, owed, receive, take } from './fixture.ts';

const folder = temporaryFolder();
const REFUSING: Notify = { ...ALL_ASKED, displayReports: 'refuse' };

const leave = (store: ReturnType<typeof openInThread>['store'], now: number) => {
  const [item] = take(store, now);
  if (item?.kind !== 'notification') return null;
  store.outboxUpdate({ outboxId: item.id, event: 'accepted', now });
  return `${item.report ?? item.disposition} ${item.about}`;
};

describe('a person who refuses to tell what was displayed', () => {
  test('says so as soon as the message is there, once, and nothing when it is read', () => {
    const stored = openInThread();
    const { store } = stored;
    receive(store, 'm1', REFUSING);
    receive(store, 'm1', REFUSING);
    expect([leave(store, 30), leave(store, 30), leave(store, 30)]).toEqual(['delivered m1', 'forbidden m1', null]);
    receive(store, 'm1', REFUSING);
    store.markRead({ conversationId: 1, upTo: 99, now: 40, displayReports: 'send' });
    receive(store, 'm1', REFUSING);
    expect(owed(stored)).toEqual([]);
  });

  test('and is asked for display alone tells nothing of delivery', () => {
    const { store } = openInThread();
    receive(store, 'm1', { ...REFUSING, positiveDelivery: false });
    expect([leave(store, 30), leave(store, 30)]).toEqual(['forbidden m1', null]);
  });

  test('was not asked: nothing is told', () => {
    const stored = openInThread();
    receive(stored.store, 'm1', { ...REFUSING, display: false });
    expect(owed(stored).map(({ note }) => note)).toEqual(['delivered m1']);
  });

  test('of a file says so once the file is there', () => {
    const stored = openInThread();
    const { store } = stored;
    const { transfer } = offer(store, 'f1', 'ft1', REFUSING);
    expect(owed(stored)).toEqual([]);
    for (const event of ['accept', 'started', 'all-received', 'verified'] as const) {
      store.applyTransfer({ transferId: transfer.id, event, now: 30 });
    }
    store.fileOpened(transfer.id, 40, 'send');
    expect([leave(store, 50), leave(store, 50), leave(store, 50)]).toEqual(['delivered f1', 'forbidden f1', null]);
  });

  test('changed their mind: what was read meanwhile is not told later, what waits to be told is withdrawn', () => {
    const stored = openInThread();
    const { store } = stored;
    for (const id of ['m1', 'm2', 'm3']) receive(store, id, ALL_ASKED);
    const upTo = (n: number) => ({ conversationId: 1, upTo: n, now: 40 });
    store.markRead(upTo(1));
    store.markRead({ ...upTo(2), displayReports: 'silent' });
    expect(owed(stored).map(({ note }) => note)).toEqual(['displayed m1', 'delivered m2', 'delivered m3']);
    store.withdrawDisplayed();
    expect(owed(stored).map(({ note }) => note)).toEqual(['delivered m2', 'delivered m3']);
    store.markRead(upTo(3));
    expect(owed(stored).map(({ note }) => note)).toEqual(['delivered m2', 'displayed m3']);
  });
});

test('a file that came and could not be kept for a reason of this device is reported as error, one that differs as failed', () => {
  const { store } = openInThread();
  const told = (imdnId: string, event: 'failed' | 'mismatch', code: 'internal' | 'file.hash-mismatch') => {
    const { transfer } = offer(store, imdnId, `ft ${imdnId}`);
    for (const step of ['accept', 'started', 'all-received'] as const)
      store.applyTransfer({ transferId: transfer.id, event: step, now: 30 });
    store.applyTransfer({ transferId: transfer.id, event, now: 31, error: { code, detail: '' } });
    return leave(store, 32);
  };
  expect(told('f1', 'failed', 'internal')).toBe('error f1');
  expect(told('f2', 'mismatch', 'file.hash-mismatch')).toBe('failed f2');
});

test('the way back and the first recipient are kept with the message', () => {
  const { store } = openInThread();
  receive(store, 'm1', { ...ALL_ASKED, route: ['sip:list@example.com', 'sip:edge@example.com'], originalTo: 'sip:team@example.com' });
  receive(store, 'm2', ALL_ASKED, CAROL);
  expect(take(store, 30)).toMatchObject([
    { route: ['sip:list@example.com', 'sip:edge@example.com'], originalTo: 'sip:team@example.com' },
    { route: [], originalTo: null },
  ]);
});

describe('what came in place of a notification', () => {
  const note = (store: ReturnType<typeof openInThread>['store'], about: 'delivery' | 'display', report: 'forbidden' | 'error' | 'stored') =>
    store.noteReport({ peer: BOB, imdnId: 'm1', about, report, now: 50 });
  const known = (store: ReturnType<typeof openInThread>['store']) => {
    const { deliveryReport, displayReport, message } = store.messageInfo(1);
    return [deliveryReport, displayReport, message.status];
  };

  test('is kept beside the state, which it does not change', () => {
    const { store } = openInThread();
    compose(store, openWith(store).id, 'm1');
    take(store, 10);
    expect(note(store, 'delivery', 'stored')?.message.status).toBe('sending');
    expect(note(store, 'delivery', 'stored')).toBeNull();
    expect(note(store, 'delivery', 'forbidden')).not.toBeNull();
    expect(note(store, 'delivery', 'stored')).toBeNull();
    expect(note(store, 'display', 'error')).not.toBeNull();
    expect(known(store)).toEqual(['forbidden', 'error', 'sending']);
  });

  test('gives way to the real one, and comes too late after it', () => {
    const { store } = openInThread();
    compose(store, openWith(store).id, 'm1');
    store.applyReceipt({ peer: BOB, imdnId: 'm1', event: 'delivered', now: 40 });
    expect(note(store, 'delivery', 'error')).toBeNull();
    expect(note(store, 'display', 'forbidden')).not.toBeNull();
    store.applyReceipt({ peer: BOB, imdnId: 'm1', event: 'displayed', now: 60 });
    expect(known(store)).toEqual([null, 'forbidden', 'displayed']);
  });

  test('counts from whom the message went to only', () => {
    const { store } = openInThread();
    compose(store, openWith(store).id, 'm1');
    expect(store.noteReport({ peer: CAROL, imdnId: 'm1', about: 'display', report: 'forbidden', now: 50 })).toBeNull();
    expect(store.noteReport({ peer: BOB, imdnId: 'm2', about: 'display', report: 'forbidden', now: 50 })).toBeNull();
    expect(known(store)).toEqual([null, null, 'queued']);
  });
});

test('a store of the version before is taken over as it is, with what it owes', () => {
  const path = join(folder, 'before.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, reports.version - 1) });
  before.exec(`INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at) VALUES (1, '${BOB}', 'Bob', 'c', 1);
    INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id, notify_delivery, notify_display)
    VALUES (1, 1, 'in', 'text', 'hello', 'received', 1, 1, 'm1', 'k1', 1, 1);
    INSERT INTO outbox (conversation_id, message_id, kind, disposition, imdn_id, contribution_id, created_at)
    VALUES (1, 1, 'notification', 'delivered', 'n1', 'k2', 1);`);
  before.close();
  const { store, database } = openInThread(path);
  expect(take(store, 10)).toMatchObject([{ about: 'm1', disposition: 'delivered', report: null, route: [], imdnId: 'n1' }]);
  expect(store.messageInfo(1)).toMatchObject({ deliveryReport: null, displayReport: null });
  store.markRead({ conversationId: 1, upTo: 1, now: 20 });
  expect(owed({ database }).map(({ note }) => note)).toEqual(['displayed m1']);
  database.close();
});

test('who is heard from gets what was postponed, without a walk through all that waits', () => {
  const { database, sql } = openInThread();
  const hasten = sql.find((text) => /SET not_before = :now/.test(text)) as string;
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${hasten.replace(/:(\w+)/g, '1')}`).all() as { detail: string }[];
  expect(plan.map(({ detail }) => detail)).toEqual(['SEARCH outbox USING INDEX outbox_postponed (conversation_id=? AND not_before>?)']);
});
