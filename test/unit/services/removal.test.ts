import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { hashFile } from '../../../electron/msrp/file-source.ts';
import { RemovalService } from '../../../electron/services/removal.ts';
import { TransferBook } from '../../../electron/services/transfers/booking.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { compose, offer, openWith } from '../store/fixture.ts';
import { stage } from './stage.ts';

const root = temporaryFolder();
let number = 0;
let world: ReturnType<typeof stage>;
let kicks: number;
let told: string[];
const INVALID = expect.objectContaining({ code: 'request.invalid-state' });

beforeEach(() => {
  number += 1;
  world = stage(join(root, String(number)));
  kicks = 0;
  told = [];
  world.context.notices.on(({ event, payload }) => told.push(event === 'message.removed' ? `${event} ${JSON.stringify(payload)}` : event));
});

const removal = (cancelTransfer: (id: number) => Promise<void> = (id) => world.service.cancel(id)): RemovalService =>
  new RemovalService(world.context, { cancelTransfer, outboxChanged: () => kicks++ });

test('a text that waits is withdrawn, the window is told, and what is behind it may go', async () => {
  const { id } = openWith(world.calls);
  const { message } = compose(world.calls, id, 'a');
  await removal().removeMessage(message.id);
  expect(told).toEqual([`message.removed {"messageId":${message.id},"conversationId":${id}}`, 'conversation.changed']);
  expect(world.calls.outboxReady(1e6, 5)).toEqual([]);
  expect(kicks).toBe(1);
});

test('a text that is on its way at this moment stays', async () => {
  const { message } = compose(world.calls, openWith(world.calls).id, 'a');
  world.calls.outboxTake({ now: 20, limit: 1, notifications: 0 });
  await expect(removal().removeMessage(message.id)).rejects.toThrow(INVALID);
  expect(told).toEqual([]);
});

test('a conversation is removed with its open offers, which are answered first', async () => {
  const { conversation } = offer(world.calls, 'f');
  const cancelled: number[] = [];
  await removal(async (id) => {
    cancelled.push(id);
    world.calls.applyTransfer({ transferId: id, event: 'declined', now: 30 });
  }).removeConversation(conversation.id);
  expect(cancelled).toEqual([1]);
  expect(told).toEqual(['conversation.removed']);
  expect(world.calls.conversations({ limit: 5 }).items).toEqual([]);
});

describe('a file', () => {
  test('that is being hashed or offered is cancelled first, and nothing of it leaves', async () => {
    const path = join(world.folders.partial, '..', 'a.txt');
    writeFileSync(path, 'hello');
    const { modifiedAt } = await hashFile(path);
    openWith(world.calls);
    const { id } = await world.service.send(1, 'f1', { path, name: 'a.txt', type: 'text/plain', size: 5, modifiedAt });
    await removal().removeMessage(id);
    await world.settled();
    expect(world.calls.messages({ conversationId: 1, limit: 5 }).items).toEqual([]);
    expect(world.calls.outboxReady(1e12, 5)).toEqual([]);
    expect(world.invites).toEqual([]);
  });

  test('whose cancel takes its time is waited for', async () => {
    const { message, transfer } = offer(world.calls, 'f');
    const book = new TransferBook(world.context, transfer);
    await removal(async () => void setTimeout(() => void book.apply('cancelled'), 5)).removeMessage(message.id);
    expect(told.at(-2)).toBe(`message.removed {"messageId":${message.id},"conversationId":1}`);
  });

  test('that is interrupted by its cancel is cancelled once more', async () => {
    const { message, transfer } = offer(world.calls, 'f');
    const book = new TransferBook(world.context, transfer);
    await book.apply('accept');
    const events = ['lost', 'cancelled'] as const;
    let asked = 0;
    await removal(async () => void (await book.apply(events[asked++] ?? 'failed'))).removeMessage(message.id);
    expect(asked).toBe(2);
    expect(world.calls.messages({ conversationId: 1, limit: 5 }).items).toEqual([]);
  });

  test('that does not end stays, with its card', async () => {
    const { message } = offer(world.calls, 'f');
    const removing = removal(async () => undefined).removeMessage(message.id);
    const refused = expect(removing).rejects.toThrow(INVALID);
    await world.settled();
    await world.clock.advance(10_000);
    await refused;
    expect(world.calls.messages({ conversationId: 1, limit: 5 }).items).toHaveLength(1);
    expect(world.clock.nextIn).toBeNull();
  });
});
