import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '../../../electron/store/database.ts';
import { leftBy } from '../../../electron/store/migrations/0014-left-by.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { BOB, CAROL, compose, openInThread, openWith } from './fixture.ts';

const folder = temporaryFolder();

test('R-PF-45: by which service a message left is kept beside its state, and only from whom it went to', () => {
  const { store } = openInThread();
  compose(store, openWith(store).id, 'm1');
  expect(store.messageInfo(1).leftBy).toBeNull();
  expect(store.noteLeftBy({ peer: CAROL, imdnId: 'm1', leftBy: 'sms', now: 5 })).toBeNull();
  store.applyReceipt({ peer: BOB, imdnId: 'm1', event: 'delivered', now: 6 });
  expect(store.noteLeftBy({ peer: BOB, imdnId: 'm1', leftBy: 'email', now: 7 })?.message.status).toBe('delivered');
  expect(store.messageInfo(1)).toMatchObject({ leftBy: 'email', message: { leftBy: 'email' } });
  expect(openWith(store).last?.leftBy).toBe('email');
});

test('a store of the version before opens', () => {
  const path = join(folder, 'before.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, leftBy.version - 1) });
  before.exec(`INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at) VALUES (1, '${BOB}', 'Bob', 'c', 1);
    INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
    VALUES (1, 1, 'out', 'text', 'hello', 'sent', 1, 1, 'm1', 'k1');`);
  before.close();
  const { store, database } = openInThread(path);
  expect(store.messageInfo(1)).toMatchObject({ leftBy: null, message: { text: 'hello' } });
  store.noteLeftBy({ peer: BOB, imdnId: 'm1', leftBy: 'sms', now: 2 });
  expect(store.messageInfo(1).leftBy).toBe('sms');
  database.close();
});
