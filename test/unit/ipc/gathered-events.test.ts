import { describe, expect, test } from 'vitest';
import type { EventName } from '../../../shared/ipc/contract.ts';
import { GatheredEvents, type ToldEvent } from '../../../shared/ipc/gathered-events.ts';
import { connectContract, serveContract } from '../../../shared/ipc/wire.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { memoryChannels } from '../../harness/memory-channel.ts';

function gathered() {
  const clock = new ManualClock();
  const sent: (readonly ToldEvent[])[] = [];
  const events = new GatheredEvents(clock, (told) => sent.push(told));
  const message = (id: number, status: string) => events.tell('message.changed', { id, status });
  const lines = () =>
    sent.splice(0).map((told) => told.map(({ event, payload }) => `${event} ${Object.values(payload as object).join(' ')}`));
  return { clock, events, message, lines };
}

describe('events of one moment', () => {
  test('the first is told at once, what follows together and in its newest state only', async () => {
    const { clock, message, events, lines } = gathered();
    message(1, 'sending');
    expect(lines()).toEqual([['message.changed 1 sending']]);
    message(1, 'sent');
    message(2, 'received');
    message(1, 'delivered');
    events.tell('conversation.changed', { id: 1 });
    expect(lines()).toEqual([]);
    await clock.advance(20);
    expect(lines()).toEqual([['message.changed 1 delivered', 'message.changed 2 received', 'conversation.changed 1']]);
    await clock.advance(100);
    message(3, 'received');
    expect(lines()).toEqual([['message.changed 3 received']]);
  });

  test('what takes a thing away is told at once, after all that was told of it', () => {
    const { message, events, lines } = gathered();
    message(1, 'received');
    message(2, 'received');
    events.tell('message.removed', { messageId: 2 });
    expect(lines()).toEqual([['message.changed 1 received'], ['message.changed 2 received', 'message.removed 2']]);
  });

  test('an answer does not overtake what happened before it', async () => {
    const core = new FakeCore();
    core.addConversation('sip:bob@example.com', 'Bob');
    const { page, core: host } = memoryChannels();
    let tell: (event: EventName, payload: never) => void = () => undefined;
    const told: string[] = [];
    serveContract(
      host,
      core.handlers,
      (listener) => {
        tell = listener as typeof tell;
        return () => undefined;
      },
      { clock: new ManualClock() },
    );
    const client = connectContract(page);
    client.on('message.removed', ({ messageId }) => told.push(`removed ${messageId}`));
    client.on('transfer.progress', ({ transferred }) => told.push(`at ${transferred}`));
    const progress = (transferred: number) =>
      tell('transfer.progress', {
        transferId: 1,
        messageId: 1,
        conversationId: 1,
        transferred,
        size: 9,
        rate: 1,
        secondsLeft: null,
      } as never);
    progress(1);
    progress(2);
    progress(3);
    await client.call('app.state', {}).then(() => told.push('answer'));
    expect(told).toEqual(['at 1', 'at 3', 'answer']);
  });
});
