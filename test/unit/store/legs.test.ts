import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../../electron/store/database.ts';
import { legs } from '../../../electron/store/migrations/0016-legs.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import type { OutboxItem } from '../../../electron/store/port.ts';
import { listKey } from '../../../shared/model/audience.ts';
import type { TransferEvent } from '../../../shared/model/states/transfer-state.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { BOB, CAROL, compose, composeFile, openInThread, openWith, take } from './fixture.ts';

const DAVE = 'sip:dave@example.com';
const folder = temporaryFolder();

const isFile = (item: OutboxItem): item is Extract<OutboxItem, { kind: 'file' }> => item.kind === 'file';

/** A file of 5 octets to three people, as far as the network's answer that it takes no lists. */
function spread() {
  const { store } = openInThread();
  const members = [BOB, CAROL, DAVE].map((address) => ({ address, name: address.slice(4, address.indexOf('@')) }));
  const { id } = store.openConversation({
    peer: listKey([BOB, CAROL, DAVE]),
    title: 'several',
    cpmConversationId: 'c-list',
    now: 1,
    members,
  });
  const { message, transferId } = composeFile(store, id, 'f1');
  store.applyTransfer({ transferId, event: 'prepared', now: 10, fields: { sha1: 'a'.repeat(40) } });
  store.applyTransfer({ transferId, event: 'offer', now: 11 });
  store.spreadTransfer({ transferId, now: 12 });
  const legOf = (address: string) => {
    const leg = store.transferLegs(transferId).find(({ peer }) => peer === address);
    if (leg === undefined) throw new Error(`no leg to ${address}`);
    return leg;
  };
  const apply = (address: string, ...events: TransferEvent[]) => {
    for (const event of events) store.applyTransfer({ transferId: legOf(address).id, event, now: 20 });
  };
  const get = (address: string) => apply(address, 'offer', 'started', 'all-sent', 'verified');
  const ready = (now = 100) => store.outboxReady(now, 10).filter(isFile);
  const whole = () => store.message(message.id);
  const states = () => store.messageInfo(message.id).recipients.map(({ status }) => status);
  return { store, id, transferId, messageId: message.id, legOf, apply, get, ready, whole, states };
}

describe('a file that goes to each recipient of a list by himself', () => {
  test('waits once for each of them, with the name, the hash and the ids of the one that was prepared', () => {
    const { ready, whole, states, transferId } = spread();
    const items = ready();
    expect(items.map(({ peer, audience, recipients }) => [peer, audience, recipients])).toEqual(
      [BOB, CAROL, DAVE].map((address) => [address, 'person', []]),
    );
    expect(items[0]?.transfer).toMatchObject({ whole: transferId, state: 'queued', imdnId: 'f1', hash: { sha1: 'a'.repeat(40) } });
    expect(new Set([transferId, ...items.map(({ transfer }) => transfer.id)]).size).toBe(4);
    expect(whole()).toMatchObject({ status: 'queued', transfer: { state: 'queued' } });
    expect(states()).toEqual(['queued', 'queued', 'queued']);
  });

  test('an id names a transfer or a leg of one, never both', () => {
    const { store, id, legOf } = spread();
    const next = composeFile(store, id, 'f2').transferId;
    expect(next).toBeGreaterThan(legOf(DAVE).id);
    expect(store.transfer(next)).toMatchObject({ whole: null, state: 'preparing' });
  });

  test('one recipient at a time gets one file at a time; nobody waits for anybody else', () => {
    const { store, id, apply, ready } = spread();
    const { transferId } = composeFile(store, id, 'f2');
    for (const event of ['prepared', 'offer'] as const) store.applyTransfer({ transferId, event, now: 13 });
    store.spreadTransfer({ transferId, now: 14 });
    expect(ready()).toHaveLength(6);
    apply(BOB, 'offer');
    expect(ready().map(({ peer, message }) => `${message.imdnId} ${peer}`)).toEqual([
      `f1 ${CAROL}`,
      `f1 ${DAVE}`,
      `f2 ${CAROL}`,
      `f2 ${DAVE}`,
    ]);
  });

  test('is sent when the last has it, and delivered when all say so; what one declines ends nothing for the others', () => {
    const { store, get, apply, whole, states, ready } = spread();
    get(BOB);
    expect(whole()).toMatchObject({ status: 'queued', transfer: { state: 'queued' } });
    apply(CAROL, 'offer');
    expect(whole()).toMatchObject({ status: 'sending', transfer: { state: 'offering' } });
    apply(CAROL, 'declined');
    expect(whole()).toMatchObject({ transfer: { state: 'queued' }, failedTo: [{ address: CAROL, name: 'carol' }] });
    get(DAVE);
    expect(states()).toEqual(['sent', 'failed', 'sent']);
    expect(whole()).toMatchObject({
      status: 'sent',
      transfer: { state: 'done', error: null },
      reach: { total: 3, delivered: 0, failed: 1 },
    });
    expect(ready()).toEqual([]);
    for (const peer of [BOB, DAVE]) store.applyReceipt({ peer, imdnId: 'f1', event: 'delivered', now: 30 });
    expect(whole()).toMatchObject({ status: 'delivered', reach: { total: 3, delivered: 2 } });
  });

  test('that nobody takes is failed, with what was answered', () => {
    const { store, legOf, apply, whole } = spread();
    apply(BOB, 'offer', 'declined');
    apply(CAROL, 'offer', 'declined');
    store.applyTransfer({ transferId: legOf(DAVE).id, event: 'offer', now: 20 });
    const error = { code: 'peer.unknown', detail: '404 Not Found' } as const;
    store.applyTransfer({ transferId: legOf(DAVE).id, event: 'failed', now: 20, error });
    expect(whole()).toMatchObject({ status: 'failed', transfer: { state: 'failed', error } });
  });

  test('is tried again for one who failed, or for all of them, and for nobody who has it', () => {
    const { store, messageId, get, apply, ready, whole, states, legOf } = spread();
    get(BOB);
    apply(CAROL, 'offer', 'declined');
    apply(DAVE, 'offer', 'started', 'failed');
    store.retry({ messageId, fileImdnId: 'other', recipient: DAVE, now: 40 });
    expect(ready().map(({ peer }) => peer)).toEqual([DAVE]);
    store.retry({ messageId, fileImdnId: 'other', now: 41 });
    expect(ready().map(({ peer }) => peer)).toEqual([DAVE, CAROL]);
    expect(states()).toEqual(['sent', 'queued', 'queued']);
    expect(whole()).toMatchObject({ status: 'sent', transfer: { state: 'queued' }, imdnId: 'f1', failedTo: [] });
    // who declined is asked anew, and reports on that
    const { imdnId } = legOf(CAROL);
    expect(imdnId).not.toBe('f1');
    expect(legOf(DAVE).imdnId).toBe('f1');
    get(CAROL);
    store.applyReceipt({ peer: CAROL, imdnId, event: 'delivered', now: 50 });
    expect(states()).toEqual(['sent', 'delivered', 'queued']);
  });

  test('a receipt of one who was given up is that he has it, and leaves the others alone', () => {
    const { store, apply, legOf, ready, states } = spread();
    apply(BOB, 'offer', 'started', 'lost');
    store.applyReceipt({ peer: BOB, imdnId: 'f1', event: 'delivered', now: 30 });
    expect(legOf(BOB).state).toBe('done');
    expect(ready().map(({ peer }) => peer)).toEqual([CAROL, DAVE]);
    expect(states()).toEqual(['delivered', 'queued', 'queued']);
  });

  test('a process that died in the middle leaves the legs that were moving interrupted, and the others as they were', () => {
    const { store, get, apply, legOf, whole } = spread();
    get(BOB);
    apply(CAROL, 'offer', 'started');
    store.checkpointTransfer(legOf(CAROL).id, 3);
    store.outboxRecover(60);
    expect([BOB, CAROL, DAVE].map((address) => legOf(address).state)).toEqual(['done', 'interrupted', 'queued']);
    expect(legOf(CAROL).transferred).toBe(3);
    expect(store.openTransfers().map(({ peer }) => peer)).toEqual([CAROL, DAVE]);
    expect(whole().transfer?.state).toBe('queued');
    expect(store.transfersByHash('a'.repeat(40)).map(({ peer }) => peer)).toContain(CAROL);
  });

  test('is removed with its legs and what waits of them', () => {
    const { store, messageId, apply, ready, transferId } = spread();
    expect(() => store.removeMessage({ messageId, now: 50 })).toThrow(/its file is queued/);
    for (const address of [BOB, CAROL, DAVE]) apply(address, 'cancelled');
    store.removeMessage({ messageId, now: 50 });
    expect(ready()).toEqual([]);
    expect(store.transferLegs(transferId)).toEqual([]);
  });

  test('only what is being offered to a list can be spread', () => {
    const { store, transferId } = spread();
    expect(() => store.spreadTransfer({ transferId, now: 13 })).toThrow(/queued/);
    const one = composeFile(store, openWith(store).id, 'f3').transferId;
    for (const event of ['prepared', 'offer'] as const) store.applyTransfer({ transferId: one, event, now: 10 });
    expect(() => store.spreadTransfer({ transferId: one, now: 13 })).toThrow(/person/);
  });
});

describe('a file that the network sent to all of a list', () => {
  test('is tried again for the one who did not get it, by himself', () => {
    const { store } = openInThread();
    const members = [BOB, CAROL].map((address) => ({ address, name: '' }));
    const { id } = store.openConversation({ peer: listKey([BOB, CAROL]), title: 'two', cpmConversationId: 'c', now: 1, members });
    const { message, transferId } = composeFile(store, id, 'f1');
    for (const event of ['prepared', 'offer', 'started', 'all-sent', 'verified'] as const)
      store.applyTransfer({ transferId, event, now: 10 });
    store.applyReceipt({ peer: CAROL, imdnId: 'f1', event: 'failed', now: 20 });
    store.applyReceipt({ peer: BOB, imdnId: 'f1', event: 'delivered', now: 20 });
    expect(store.message(message.id)).toMatchObject({ status: 'delivered', failedTo: [{ address: CAROL }] });
    store.retry({ messageId: message.id, fileImdnId: 'f1', recipient: CAROL, now: 30 });
    expect(store.outboxReady(40, 5).map(({ peer }) => peer)).toEqual([CAROL]);
    const leg = store.transferLegs(transferId).find(({ peer }) => peer === CAROL)?.id ?? 0;
    for (const event of ['offer', 'declined'] as const) store.applyTransfer({ transferId: leg, event, now: 50 });
    expect(store.message(message.id)).toMatchObject({
      status: 'delivered',
      transfer: { state: 'done' },
      reach: { delivered: 1, failed: 1 },
    });
  });
});

describe('a text to a list that one did not get', () => {
  test('leaves again for that one alone, and stays where it was for the others', () => {
    const { store } = openInThread();
    const members = [BOB, CAROL, DAVE].map((address) => ({ address, name: '' }));
    const { id } = store.openConversation({ peer: listKey([BOB, CAROL, DAVE]), title: 'all', cpmConversationId: 'c', now: 1, members });
    const { message } = compose(store, id, 'm1');
    const [item] = take(store, 10);
    store.outboxUpdate({ outboxId: item?.id ?? 0, event: 'accepted', now: 11 });
    for (const peer of [CAROL, DAVE]) store.applyReceipt({ peer, imdnId: 'm1', event: 'failed', now: 12 });
    expect(store.message(message.id)).toMatchObject({ status: 'sent', failedTo: [{ address: CAROL }, { address: DAVE }] });
    store.retry({ messageId: message.id, fileImdnId: 'x', recipient: CAROL, now: 13 });
    const [again] = take(store, 20);
    expect(again).toMatchObject({ kind: 'text', recipients: [{ status: 'sent' }, { status: 'queued' }, { status: 'failed' }] });
    // nothing is known yet of the try that is under way
    expect(() => store.retry({ messageId: message.id, fileImdnId: 'x', recipient: DAVE, now: 21 })).toThrow(/on its way/);
    store.outboxUpdate({ outboxId: again?.id ?? 0, event: 'accepted', now: 22 });
    expect(store.messageInfo(message.id)).toMatchObject({
      message: { status: 'sent', failedTo: [{ address: DAVE }] },
      recipients: [{ status: 'sent' }, { status: 'sent' }, { status: 'failed' }],
    });
  });
});

test('a store of the version before keeps its files, what waits of them and their ids, and takes lists apart from there', () => {
  const path = join(folder, 'before.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, legs.version - 1) });
  before.exec(`INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at, kind) VALUES (1, '${listKey([BOB, CAROL])}', 'two', 'c', 1, 'list');
    INSERT INTO members (conversation_id, position, address, name) VALUES (1, 0, '${BOB}', 'Bob'), (1, 1, '${CAROL}', 'Carol');
    INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
    VALUES (1, 1, 'out', 'file', '', 'queued', 1, 1, 'f1', 'k1');
    INSERT INTO recipients (message_id, address, position, status) VALUES (1, '${BOB}', 0, 'queued'), (1, '${CAROL}', 1, 'queued');
    INSERT INTO transfers (id, message_id, state, name, type, size, sha1) VALUES (7, 1, 'queued', 'a.txt', 'text/plain', 5, 'aa');
    INSERT INTO outbox (conversation_id, message_id, kind, created_at) VALUES (1, 1, 'file', 1);`);
  before.close();
  const { store, database } = openInThread(path);
  expect(store.outboxReady(10, 10).filter(isFile)).toMatchObject([{ audience: 'list', transfer: { id: 7, whole: null } }]);
  store.applyTransfer({ transferId: 7, event: 'offer', now: 11 });
  store.spreadTransfer({ transferId: 7, now: 12 });
  expect(store.outboxReady(20, 10).filter(isFile)).toMatchObject([
    { peer: BOB, transfer: { id: 8, whole: 7 } },
    { peer: CAROL, transfer: { id: 9 } },
  ]);
  database.close();
});
