import { describe, expect, test } from 'vitest';
import type { TransferEvent } from '../../../shared/model/states/transfer-state.ts';
import { ALL_ASKED, BOB, composeFile, type InThread, offer, openInThread, openWith } from './fixture.ts';

type Store = InThread['store'];

const apply = (store: Store, transferId: number, ...events: TransferEvent[]) =>
  events.map((event) => store.applyTransfer({ transferId, event, now: 30 })).at(-1) as ReturnType<Store['applyTransfer']>;
const outbox = (store: Store, now = 1e6) => store.outboxReady(now, 100);
const notes = (store: Store) =>
  outbox(store).flatMap((item) => (item.kind === 'notification' ? [`${item.disposition} ${item.about} ${item.service}`] : []));

describe('an outgoing file', () => {
  test('enters the outbox when prepared and its message is sent when it is done', () => {
    const { store } = openInThread();
    const { transferId, message, conversation } = composeFile(store, openWith(store).id, 'f1');
    expect(message).toMatchObject({
      kind: 'file',
      text: '',
      status: 'queued',
      transfer: { state: 'preparing', previewable: true, savedAs: null },
    });
    expect(conversation.last).toMatchObject({ kind: 'file', text: 'f1.png', transferState: 'preparing' });
    expect(outbox(store)).toEqual([]);
    const fields = { sha1: 'aa', sha256: 'ff' };
    store.applyTransfer({ transferId, event: 'prepared', now: 11, fields });
    expect(outbox(store)).toMatchObject([
      { kind: 'file', attempts: 0, transfer: { hash: fields, sourcePath: '/home/alice/f1.png', modifiedAt: 5.5 } },
    ]);

    const offered = store.applyTransfer({ transferId, event: 'offer', now: 12, fields: { fileTransferId: 'ft' } });
    expect(offered).toMatchObject({ message: { status: 'sending' }, transfer: { state: 'offering', fileTransferId: 'ft', hash: fields } });
    expect(offered.conversation.last).toMatchObject({ status: 'sending', transferState: 'offering' });
    apply(store, transferId, 'started');
    store.checkpointTransfer(transferId, 500);
    expect(store.transfer(transferId).transferred).toBe(500);
    expect(apply(store, transferId, 'all-sent').message.status).toBe('sending');
    const done = apply(store, transferId, 'verified');
    expect(done).toMatchObject({ message: { status: 'sent' }, transfer: { state: 'done', transferred: 1000 } });
    store.checkpointTransfer(transferId, 700);
    expect(store.transfer(transferId).transferred).toBe(1000);
    expect(outbox(store)).toEqual([]);
    expect(store.openTransfers()).toEqual([]);
  });

  test('waits for its next time when postponed, with its attempts', () => {
    const { store } = openInThread();
    const { transferId } = composeFile(store, openWith(store).id, 'f1');
    apply(store, transferId, 'prepared', 'offer');
    const error = { code: 'peer.unavailable', detail: '480' } as const;
    expect(store.applyTransfer({ transferId, event: 'postponed', now: 31, notBefore: 90, error })).toMatchObject({
      message: { status: 'queued', error },
      transfer: { state: 'queued' },
    });
    expect(outbox(store, 89)).toEqual([]);
    expect(store.outboxNextAt(10)).toBe(90);
    expect(outbox(store, 90)).toMatchObject([{ kind: 'file', attempts: 1 }]);
  });

  test.each([
    ['declined', 'peer.declined'],
    ['expired', 'peer.timeout'],
    ['cancelled', 'file.cancelled'],
    ['failed', 'internal'],
  ] as const)('that was %s fails its message, and can be tried again', (event, code) => {
    const { store } = openInThread();
    const { transferId, message } = composeFile(store, openWith(store).id, 'f1');
    apply(store, transferId, 'prepared', 'offer');
    expect(apply(store, transferId, event)).toMatchObject({
      message: { status: 'failed', error: { code }, transfer: { error: { code } } },
      conversation: { last: { status: 'failed', transferState: event } },
    });
    expect(outbox(store)).toEqual([]);
    const retried = store.retry({ messageId: message.id, fileImdnId: 'f1-again', now: 40 });
    expect(retried.message).toMatchObject({
      status: 'queued',
      imdnId: 'f1-again',
      error: null,
      transfer: { state: 'queued', error: null },
    });
    expect(outbox(store)).toMatchObject([{ kind: 'file', attempts: 0 }]);
    expect(store.retry({ messageId: message.id, fileImdnId: 'other', now: 41 }).message.imdnId).toBe('f1-again');
  });

  test('that was lost is interrupted, its message waits, and a retry takes it up', () => {
    const { store } = openInThread();
    const { transferId, message } = composeFile(store, openWith(store).id, 'f1');
    apply(store, transferId, 'prepared', 'offer', 'started');
    expect(apply(store, transferId, 'lost')).toMatchObject({ message: { status: 'queued' }, transfer: { state: 'interrupted' } });
    expect(outbox(store)).toEqual([]);
    expect(store.openTransfers()).toMatchObject([{ id: transferId }]);
    store.retry({ messageId: message.id, fileImdnId: 'f1', now: 40 });
    expect(outbox(store)).toMatchObject([{ kind: 'file' }]);
  });

  test('an early receipt counts, and the end of the transfer does not take it back', () => {
    const { store } = openInThread();
    const { transferId } = composeFile(store, openWith(store).id, 'f1');
    apply(store, transferId, 'prepared', 'offer', 'started', 'all-sent');
    store.applyReceipt({ peer: BOB, imdnId: 'f1', event: 'delivered', now: 33 });
    expect(apply(store, transferId, 'verified').message.status).toBe('delivered');
  });
});

describe('an incoming file', () => {
  test('R-FTR-10: owes its delivery notification when it was verified, and the display one when it was opened', () => {
    const { store } = openInThread();
    const { transfer, message, conversation } = offer(store, 'm1');
    expect(conversation).toMatchObject({ unread: 1, last: { kind: 'file', text: 'a.png', transferState: 'offered', asks: false } });
    expect(message.transfer).toMatchObject({ state: 'offered', previewable: false });
    expect(transfer).toMatchObject({ direction: 'in', hash: { sha1: 'aa', sha256: null }, cpmConversationId: 'theirs' });
    store.markRead({ conversationId: 1, upTo: message.id, now: 25 });
    apply(store, transfer.id, 'accept', 'started', 'all-received');
    store.fileOpened(transfer.id, 26);
    expect(notes(store)).toEqual([]);
    const done = store.applyTransfer({ transferId: transfer.id, event: 'verified', now: 31, fields: { finalPath: '/downloads/a.png' } });
    expect(done.message.transfer).toMatchObject({ state: 'done', savedAs: 'a.png', previewable: true, transferred: 1000 });
    expect(notes(store)).toEqual(['delivered m1 filetransfer']);
    store.fileOpened(transfer.id, 32);
    store.fileOpened(transfer.id, 33);
    expect(notes(store)).toEqual(['displayed m1 filetransfer']);
    store.outboxUpdate({ outboxId: outbox(store)[0]?.id as number, event: 'accepted', now: 34 });
    store.fileOpened(transfer.id, 35);
    expect(notes(store)).toEqual([]);
  });

  test('R-FTR-10: of a file that was not what its hash said the negative notification is owed, once, and no other', () => {
    const { store } = openInThread();
    const { transfer } = offer(store, 'm1');
    apply(store, transfer.id, 'accept', 'started', 'all-received');
    expect(apply(store, transfer.id, 'mismatch')).toMatchObject({
      message: { error: { code: 'file.hash-mismatch' }, transfer: { state: 'quarantined', savedAs: null, previewable: false } },
    });
    store.fileOpened(transfer.id, 40);
    expect(notes(store)).toEqual(['failed m1 filetransfer']);
    store.outboxUpdate({ outboxId: outbox(store)[0]?.id as number, event: 'accepted', now: 41 });
    expect(offer(store, 'm1', 'ft2').transfer.state).toBe('offered');
    apply(store, transfer.id, 'accept', 'started', 'all-received', 'mismatch');
    expect(notes(store)).toEqual([]);
  });

  test('a file that came whole and could not be kept owes it too; one that broke off before does not', () => {
    const { store } = openInThread();
    const broken = offer(store, 'm1').transfer;
    apply(store, broken.id, 'accept', 'started', 'failed');
    expect(notes(store)).toEqual([]);
    const unkept = offer(store, 'm2').transfer;
    apply(store, unkept.id, 'accept', 'started', 'all-received', 'failed');
    expect(notes(store)).toEqual(['failed m2 filetransfer']);
    offer(store, 'm2', 'ft2');
    apply(store, unkept.id, 'accept', 'started', 'all-received', 'verified');
    expect(notes(store)).toEqual(['delivered m2 filetransfer']);
  });

  test('no negative notification that was not asked for', () => {
    const { store } = openInThread();
    const { transfer } = offer(store, 'm1', 'ft1', { ...ALL_ASKED, negativeDelivery: false });
    apply(store, transfer.id, 'accept', 'started', 'all-received', 'mismatch');
    expect(notes(store)).toEqual([]);
  });

  test.each(['expired', 'cancelled', 'failed', 'lost'] as const)('offered again after it was %s is the same transfer', (event) => {
    const { store } = openInThread();
    const { transfer } = offer(store, 'm1');
    apply(store, transfer.id, ...(event === 'lost' ? (['accept', 'started', 'lost'] as const) : [event]));
    const again = offer(store, 'm1', 'ft2');
    expect(again).toMatchObject({
      duplicate: true,
      transfer: { id: transfer.id, state: 'offered', fileTransferId: 'ft2' },
      conversation: { unread: 1 },
    });
    expect(again.message.error).toBeNull();
  });

  test('offered again after an answer changes nothing; a lost notification of a finished one is owed again', () => {
    const { store } = openInThread();
    const declined = offer(store, 'm1').transfer;
    apply(store, declined.id, 'declined');
    expect(offer(store, 'm1', 'ft2').transfer).toMatchObject({ state: 'declined', fileTransferId: 'ft1' });
    expect(store.message(declined.messageId).error).toBeNull();

    const done = offer(store, 'm2').transfer;
    apply(store, done.id, 'accept', 'started', 'all-received', 'verified');
    store.outboxUpdate({ outboxId: outbox(store)[0]?.id as number, event: 'failed', now: 40 });
    expect(notes(store)).toEqual([]);
    expect(offer(store, 'm2')).toMatchObject({ duplicate: true, transfer: { state: 'done' } });
    expect(notes(store)).toEqual(['delivered m2 filetransfer']);
  });

  test('is not retried by the one who receives it', () => {
    const { store } = openInThread();
    const { message } = offer(store, 'm1');
    const retry = () => store.retry({ messageId: message.id, fileImdnId: 'x', now: 1 });
    expect(retry).toThrow(expect.objectContaining({ code: 'request.invalid-state' }));
  });
});

test('a repeated event changes nothing, an impossible one is refused and leaves no trace', () => {
  const { store } = openInThread();
  const { transferId } = composeFile(store, openWith(store).id, 'f1');
  apply(store, transferId, 'prepared', 'offer');
  const before = store.transfer(transferId);
  expect(store.applyTransfer({ transferId, event: 'offer', now: 50, fields: { size: 1 } }).transfer).toEqual(before);
  const impossible = () => store.applyTransfer({ transferId, event: 'verified', now: 50, fields: { size: 1 } });
  expect(impossible).toThrow(expect.objectContaining({ code: 'request.invalid-state' }));
  expect(store.transfer(transferId)).toEqual(before);
});

test('recovery: an offer to this person is over, everything else under way is interrupted, preparing goes on', () => {
  const { store } = openInThread();
  const { id } = openWith(store);
  const preparing = composeFile(store, id, 'f0').transferId;
  const waiting = composeFile(store, id, 'f1').transferId;
  const offering = composeFile(store, id, 'f2').transferId;
  const finishing = composeFile(store, id, 'f3').transferId;
  apply(store, waiting, 'prepared');
  apply(store, offering, 'prepared', 'offer');
  apply(store, finishing, 'prepared', 'offer', 'started', 'all-sent');
  const offered = offer(store, 'm1').transfer.id;
  const receiving = offer(store, 'm2').transfer.id;
  apply(store, receiving, 'accept', 'started');
  store.outboxRecover(60);
  store.outboxRecover(61);
  const state = (transferId: number) => store.transfer(transferId).state;
  expect([preparing, waiting, offering, finishing, offered, receiving].map(state)).toEqual([
    'preparing',
    'queued',
    'interrupted',
    'interrupted',
    'expired',
    'interrupted',
  ]);
  expect(outbox(store).map((item) => item.kind === 'file' && item.transfer.id)).toEqual([waiting]);
  expect(store.message(store.transfer(offering).messageId).status).toBe('queued');
});

test('only pictures of a kind and size that a host shows are previewable', () => {
  const { store } = openInThread();
  const { id } = openWith(store);
  expect(composeFile(store, id, 'a', 'image/svg+xml').message.transfer?.previewable).toBe(false);
  expect(composeFile(store, id, 'b', 'image/webp').message.transfer?.previewable).toBe(true);
  const row = { conversationId: id, imdnId: 'c', contributionId: 'c', path: '/c', name: 'c', type: 'image/png', modifiedAt: 1, now: 1 };
  expect(store.composeFile({ ...row, size: 32 * 1024 * 1024 + 1 }).message.transfer?.previewable).toBe(false);
});

describe('a file of which the other side tells that it has it', () => {
  test('is done when its last acknowledgement was lost', () => {
    const { store } = openInThread();
    const { transferId } = composeFile(store, openWith(store).id, 'f1');
    apply(store, transferId, 'prepared', 'offer', 'started', 'lost');
    store.applyReceipt({ peer: BOB, imdnId: 'f1', event: 'delivered', now: 33 });
    expect(store.transfer(transferId)).toMatchObject({ state: 'done', transferred: 1000 });
  });

  test('leaves the outbox, and no answer to another offer brings it back', () => {
    const { store } = openInThread();
    const { transferId, message } = composeFile(store, openWith(store).id, 'f1');
    apply(store, transferId, 'prepared', 'offer', 'started', 'lost');
    store.retry({ messageId: message.id, fileImdnId: 'f1', now: 30 });
    apply(store, transferId, 'offer');
    store.applyReceipt({ peer: BOB, imdnId: 'f1', event: 'delivered', now: 33 });
    expect(apply(store, transferId, 'postponed').message.transfer).toMatchObject({ state: 'done', error: null });
    expect(outbox(store)).toEqual([]);
  });

  test('and of which it tells that it could not keep it is sent anew by a retry', () => {
    const { store } = openInThread();
    const { transferId, message } = composeFile(store, openWith(store).id, 'f1');
    apply(store, transferId, 'prepared', 'offer', 'started', 'all-sent', 'verified');
    expect(store.retry({ messageId: message.id, fileImdnId: 'f2', now: 34 }).message.transfer?.state).toBe('done');
    store.applyReceipt({ peer: BOB, imdnId: 'f1', event: 'failed', now: 35 });
    const again = store.retry({ messageId: message.id, fileImdnId: 'f2', now: 36 });
    expect(again.message).toMatchObject({ status: 'queued', imdnId: 'f2', transfer: { state: 'queued', transferred: 0 } });
    expect(outbox(store)).toHaveLength(1);
  });
});
