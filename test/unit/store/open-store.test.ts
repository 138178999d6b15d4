import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { STORE_METHODS } from '../../../electron/store/calls.ts';
import { openStore } from '../../../electron/store/open-store.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { ALL_ASKED, BOB, openInThread } from './fixture.ts';

const folder = temporaryFolder();
const worker = new URL('../../../electron/store/worker.ts', import.meta.url);
const options = (name: string) => ({ path: join(folder, name), worker, nativeBinding: null });

test('answers through the thread, in the order of the calls, and keeps what it answered', async () => {
  const store = await openStore(options('plain.db'));
  const opening = store.openConversation({ peer: BOB, title: 'Bob', cpmConversationId: 'c', now: 1 });
  const composing = Array.from({ length: 20 }, (_, n) =>
    store.composeText({ conversationId: 1, text: `line ${n}`, imdnId: `i${n}`, contributionId: 'c', now: n + 2 }),
  );
  expect((await opening).id).toBe(1);
  expect((await Promise.all(composing)).map((rows) => rows.message.text)).toEqual(Array.from({ length: 20 }, (_, n) => `line ${n}`));
  await store.close();
  const again = await openStore(options('plain.db'));
  expect((await again.messages({ conversationId: 1, limit: 50 })).items).toHaveLength(20);
  await again.close();
});

test('calls that share a commit succeed and fail each for itself', async () => {
  const store = await openStore(options('batch.db'));
  const row = { conversationId: 1, text: 'a', contributionId: 'c', now: 2 };
  const outcomes = await Promise.allSettled([
    store.openConversation({ peer: BOB, title: 'Bob', cpmConversationId: 'c', now: 1 }),
    store.composeText({ ...row, imdnId: 'i1' }),
    store.composeText({ ...row, imdnId: 'i2', conversationId: 9 }),
    store.composeText({ ...row, imdnId: 'i3' }),
    store.messages({ conversationId: 1, limit: 5 }),
    store.retry({ messageId: 99, fileImdnId: 'x', now: 3 }),
    store.close(),
  ]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  const again = await openStore(options('batch.db'));
  expect((await again.messages({ conversationId: 1, limit: 5 })).items.map((item) => item.imdnId)).toEqual(['i1', 'i3']);
  await again.close();
});

test('an error keeps its code', async () => {
  const store = await openStore(options('errors.db'));
  await expect(store.message(7)).rejects.toBeInstanceOf(ParleyError);
  await expect(store.message(7)).rejects.toMatchObject({ code: 'request.not-found', detail: 'no message 7' });
  const text = { peer: BOB, title: '', cpmConversationId: 'c', contributionId: 'c', text: '', sentAt: 1, now: 1, notify: ALL_ASKED };
  const { message } = await store.receiveText({ ...text, imdnId: 'm' });
  await expect(store.retry({ messageId: message.id, fileImdnId: 'x', now: 2 })).rejects.toMatchObject({ code: 'request.invalid-state' });
  await store.close();
});

test('closing waits for the calls before it and refuses those after it', async () => {
  const store = await openStore(options('closing.db'));
  const last = store.setSetting('a', 'b');
  const closing = store.close();
  await expect(store.setting('a')).rejects.toMatchObject({ code: 'store.closed' });
  await expect(last).resolves.toBeUndefined();
  await closing;
  await store.close();
  const again = await openStore(options('closing.db'));
  expect(await again.setting('a')).toBe('b');
  await again.close();
});

test('a corrupt file is reported once; the next opening begins a new one', async () => {
  writeFileSync(join(folder, 'corrupt.db'), 'x'.repeat(9000));
  await expect(openStore(options('corrupt.db'))).rejects.toMatchObject({ code: 'store.corrupt' });
  const store = await openStore(options('corrupt.db'));
  expect((await store.conversations({ limit: 5 })).items).toEqual([]);
  await store.close();
});

test('a place that cannot be written is an error of opening', async () => {
  await expect(openStore(options(join('no', 'such', 'folder.db')))).rejects.toMatchObject({ code: 'internal' });
});

test('a thread that dies rejects what waits and what comes', async () => {
  const module = join(folder, 'dying.mjs');
  writeFileSync(
    module,
    `import { parentPort } from 'node:worker_threads';
     parentPort.postMessage({ id: 0, ok: true, value: null });
     parentPort.on('message', () => { throw new Error('out of luck'); });`,
  );
  const store = await openStore({ ...options('dying.db'), worker: pathToFileURL(module) });
  const waiting = [store.setting('a'), store.setting('b')];
  for (const call of waiting)
    await expect(call).rejects.toMatchObject({ code: 'internal', detail: expect.stringContaining('out of luck') });
  await expect(store.setting('c')).rejects.toMatchObject({ code: 'internal', detail: expect.stringContaining('out of luck') });
  await store.close();
});

test('the proxy has every call that the worker has, but for what only its own writes ask', () => {
  const calls = Object.keys(openInThread().store).filter((name) => name !== 'outboxReady' && name !== 'outboxNextAt');
  expect([...STORE_METHODS].sort()).toEqual(calls.sort());
});
