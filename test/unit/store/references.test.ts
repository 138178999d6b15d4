import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '../../../electron/store/database.ts';
import { references } from '../../../electron/store/migrations/0013-references.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { BOB, compose, openInThread, openWith } from './fixture.ts';

const folder = temporaryFolder();
const URL = 'imap://alice@mail.example:143/c1;UIDVALIDITY=7/;UID=12';

test('R-PF-21 what a message refers to waits with it, and is there again when it is tried again', () => {
  const { store } = openInThread();
  const { id } = openWith(store);
  const row = { conversationId: id, text: 'a short one', imdnId: 'm1', contributionId: 'k1', now: 10 };
  const { message } = store.composeText({ ...row, reference: URL });
  expect(message.text).toBe('a short one');
  const taken = () => store.outboxTake({ now: 20, limit: 1, notifications: 0 }).items[0];
  const first = taken();
  expect(first).toMatchObject({ kind: 'text', reference: URL });
  store.outboxUpdate({ outboxId: first?.id ?? 0, event: 'failed', now: 21 });
  store.retry({ messageId: message.id, fileImdnId: 'x', now: 22 });
  expect(taken()).toMatchObject({ reference: URL });
});

test('a store of the version before opens, and none of its messages refers to anything', () => {
  const path = join(folder, 'before.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, MIGRATIONS.indexOf(references)) });
  before.exec(`INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at) VALUES (1, '${BOB}', 'Bob', 'c', 1);
    INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
    VALUES (1, 1, 'out', 'text', 'hello', 'queued', 1, 1, 'm1', 'k1');
    INSERT INTO outbox (kind, conversation_id, message_id, created_at) VALUES ('text', 1, 1, 1);`);
  before.close();
  const { store, database } = openInThread(path);
  expect(store.outboxReady(20, 5)).toEqual([expect.objectContaining({ reference: null })]);
  expect(compose(store, 1, 'm2').created).toBe(true);
  database.close();
});
