import { createInterface } from 'node:readline';
import { openStore } from '../../electron/store/open-store.ts';

/**
 * Writes messages as fast as the store answers and prints each one that was acknowledged, until it is killed: composed texts that
 * leave one after the other, and received ones, each of which comes twice. Arguments: path of the store, a prefix for ids.
 */
const [path = '', prefix = ''] = process.argv.slice(2);
const store = await openStore({ path, worker: new URL('../../electron/store/worker.ts', import.meta.url), nativeBinding: null });
const say = (line: string) => process.stdout.write(`${line}\n`);
// the parent's end is this one's too
createInterface({ input: process.stdin }).on('close', () => process.exit(1));

const now = () => Date.now();
await store.outboxRecover(now());
const { id: conversationId } = await store.openConversation({
  peer: 'sip:bob@example.com',
  title: 'Bob',
  cpmConversationId: 'c',
  now: now(),
});
say('ready');

async function send(): Promise<void> {
  const { items } = await store.outboxTake({ now: now(), limit: 4, notifications: 2 });
  for (const item of items) {
    await store.outboxUpdate({ outboxId: item.id, event: 'accepted', now: now() });
    if (item.kind === 'text') say(`sent ${item.message.imdnId}`);
  }
}

for (let n = 0; ; n++) {
  const imdnId = `${prefix}-${n}`;
  const text = `line ${imdnId} `.repeat(1 + (n % 40));
  const compose = store
    .composeText({ conversationId, text, imdnId, contributionId: imdnId, now: now() })
    .then(() => say(`composed ${imdnId}`));
  const incoming = {
    peer: 'sip:carol@example.com',
    title: 'Carol',
    cpmConversationId: 'd',
    contributionId: imdnId,
    imdnId,
    text,
    sentAt: now(),
    now: now(),
    notify: { positiveDelivery: true, negativeDelivery: true, display: true, originInstance: null, dateTime: '2026-11-20T10:00:00Z' },
  };
  const receive = [store.receiveText(incoming), store.receiveText(incoming)].map((answer) => answer.then(() => say(`received ${imdnId}`)));
  await Promise.all([compose, ...receive]);
  if (n % 3 === 0) await send();
}
