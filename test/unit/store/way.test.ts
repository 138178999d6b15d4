import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '../../../electron/store/database.ts';
import { way } from '../../../electron/store/migrations/0012-way.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { BOB, CAROL, compose, composeFile, type InThread, openInThread, openWith, take } from './fixture.ts';

const folder = temporaryFolder();
const wayOf = (store: InThread['store'], id: number) => {
  const { leftAt, takenAt, kept } = store.messageInfo(id);
  return { leftAt, takenAt, kept };
};
const NOTHING = { leftAt: null, takenAt: null, kept: false };

test('of a text: when it left the last time, and when it was taken', () => {
  const { store } = openInThread();
  const { message } = compose(store, openWith(store).id, 'a');
  expect(wayOf(store, message.id)).toEqual(NOTHING);
  const outboxId = take(store, 20)[0]?.id as number;
  expect(wayOf(store, message.id)).toEqual({ ...NOTHING, leftAt: 20 });
  store.outboxUpdate({ outboxId, event: 'postponed', now: 25, notBefore: 30 });
  take(store, 30);
  store.outboxUpdate({ outboxId, event: 'accepted', now: 33, kept: true });
  expect(wayOf(store, message.id)).toEqual({ leftAt: 30, takenAt: 33, kept: true });
});

test('what is sent again has a way of its own', () => {
  const { store } = openInThread();
  const { message } = compose(store, openWith(store).id, 'a');
  store.outboxUpdate({ outboxId: take(store, 20)[0]?.id as number, event: 'accepted', now: 21, kept: true });
  store.applyReceipt({ peer: BOB, imdnId: 'a', event: 'failed', now: 30 });
  store.retry({ messageId: message.id, fileImdnId: 'a', now: 40 });
  take(store, 41);
  expect(wayOf(store, message.id)).toEqual({ ...NOTHING, leftAt: 41 });
});

test('of a file: from when it was accepted until all of it had left', () => {
  const { store } = openInThread();
  const { message, transferId } = composeFile(store, openWith(store).id, 'f');
  store.applyTransfer({ transferId, event: 'prepared', now: 10 });
  take(store, 11);
  let now = 11;
  for (const event of ['offer', 'accept', 'started', 'all-sent', 'verified'] as const) {
    now += 1;
    store.applyTransfer({ transferId, event, now });
  }
  expect(wayOf(store, message.id)).toEqual({ leftAt: 13, takenAt: 16, kept: false });
});

test('what another device sent, or what was brought here, has none', () => {
  const { store } = openInThread();
  const copy = store.noteOwnText({
    ...{ cpmConversationId: 'k', contributionId: 'c', sentAt: 5, now: 9, answers: { imdnId: null, contributionId: null } },
    ...{ peer: BOB, aliases: [], route: null, kind: 'person', title: 'Bob', imdnId: 'copy', text: 'x' },
  });
  expect(wayOf(store, copy.message.id)).toEqual(NOTHING);
  const texts = [{ direction: 'out', imdnId: 'i', contributionId: 'c', text: 'y', sentAt: 5, reached: 'delivered' }] as const;
  const { conversation } = store.importTexts({ peer: CAROL, title: 'Carol', cpmConversationId: 'k', now: 9, texts });
  const [brought] = store.messages({ conversationId: conversation.id, limit: 1 }).items;
  expect(wayOf(store, brought?.id as number)).toEqual(NOTHING);
});

test('a store of the version before opens; of what it has sent no way is known', () => {
  const path = join(folder, 'before.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, MIGRATIONS.indexOf(way)) });
  before.exec(`INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at) VALUES (1, '${BOB}', 'Bob', 'c', 1);
    INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
    VALUES (1, 1, 'out', 'text', 'hello', 'sent', 1, 1, 'm1', 'k1');`);
  before.close();
  const { store, database } = openInThread(path);
  expect(store.messageInfo(1)).toMatchObject({ ...NOTHING, message: { text: 'hello', status: 'sent' } });
  const { message } = compose(store, 1, 'next');
  store.outboxUpdate({ outboxId: take(store, 20)[0]?.id as number, event: 'accepted', now: 21 });
  expect(wayOf(store, message.id)).toEqual({ leftAt: 20, takenAt: 21, kept: false });
  database.close();
});
