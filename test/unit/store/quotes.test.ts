import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../../electron/store/database.ts';
import { quotes } from '../../../electron/store/migrations/0006-quotes.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import { REMEMBERED_MS } from '../../../electron/store/port.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { CAROL, compose, composeFile, NOTHING_ASKED, openInThread, openWith, receive } from './fixture.ts';

const folder = temporaryFolder();

function answer(store: ReturnType<typeof openInThread>['store'], conversationId: number, quotedId: number, imdnId = 'answer') {
  return store.composeText({ conversationId, text: 'Yes', imdnId, contributionId: 'c', quotedId, now: 30 });
}

function receiveAnswer(store: ReturnType<typeof openInThread>['store'], answers: { imdnId: string | null; contributionId: string | null }) {
  return store.receiveText({
    peer: 'sip:bob@example.com',
    title: 'bob',
    cpmConversationId: 'theirs',
    contributionId: 'answer',
    imdnId: `answer to ${answers.imdnId} ${answers.contributionId}`,
    text: 'Yes',
    answers,
    sentAt: 9,
    now: 40,
    notify: NOTHING_ASKED,
  }).message.quote;
}

describe('an answer that was composed here', () => {
  test('shows what it answers, and leaves with the ids of it', () => {
    const { store } = openInThread();
    const { message } = receive(store, 'asked');
    const { message: answered } = answer(store, message.conversationId, message.id);
    expect(answered.quote).toEqual({ messageId: message.id, direction: 'in', kind: 'text', author: null, text: 'text asked' });
    const [item] = store.outboxReady(100, 1);
    expect(item).toMatchObject({ kind: 'text', answers: { imdnId: 'asked', contributionId: 'contribution asked' } });
  });

  test('of a file shows its name; of a long text its start', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const file = composeFile(store, id, 'photo').message;
    expect(answer(store, id, file.id, 'one').message.quote).toMatchObject({ kind: 'file', text: 'photo.png' });
    const long = store.composeText({ conversationId: id, text: 'x'.repeat(5000), imdnId: 'long', contributionId: 'c', now: 20 }).message;
    expect(answer(store, id, long.id, 'two').message.quote?.text).toHaveLength(300);
  });

  test('answers nothing of another conversation, nothing that was deleted, nothing that never was', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const elsewhere = compose(store, openWith(store, CAROL).id, 'elsewhere').message;
    const gone = compose(store, id, 'gone').message;
    store.removeMessage({ messageId: gone.id, now: 20 });
    for (const quotedId of [elsewhere.id, gone.id, 4711]) {
      expect(answer(store, id, quotedId, `answer ${quotedId}`).message.quote).toBeNull();
    }
  });

  test('says that what it answers was deleted, and forgets it with the row', () => {
    const { store } = openInThread();
    const { message } = receive(store, 'asked');
    const { id } = answer(store, message.conversationId, message.id).message;
    store.removeMessage({ messageId: message.id, now: 50 });
    expect(store.message(id).quote).toMatchObject({ messageId: message.id, text: null });
    store.outboxRecover(51 + REMEMBERED_MS);
    expect(store.message(id).quote).toBeNull();
  });
});

describe('an answer of a peer', () => {
  test('finds what it answers by imdn.Message-ID, or by Contribution-ID', () => {
    const { store } = openInThread();
    const { message } = compose(store, openWith(store).id, 'mine');
    const quote = { messageId: message.id, direction: 'out', kind: 'text', author: null, text: 'text mine' };
    expect(receiveAnswer(store, { imdnId: 'mine', contributionId: null })).toEqual(quote);
    expect(receiveAnswer(store, { imdnId: null, contributionId: 'contribution mine' })).toEqual(quote);
    expect(receiveAnswer(store, { imdnId: 'unknown', contributionId: 'contribution mine' })).toEqual(quote);
  });

  test('to something that is not here, or is elsewhere, is an ordinary message', () => {
    const { store } = openInThread();
    compose(store, openWith(store, CAROL).id, 'for carol');
    expect(receiveAnswer(store, { imdnId: 'for carol', contributionId: 'contribution for carol' })).toBeNull();
  });
});

test('a draft keeps what it answers until it was sent or that was forgotten', () => {
  const { store } = openInThread();
  const { message } = receive(store, 'asked');
  const { conversationId } = message;
  expect(store.saveDraft({ conversationId, text: 'Ye', quotedId: message.id }).draftQuoteId).toBe(message.id);
  expect(store.saveDraft({ conversationId, text: 'Yes', quotedId: 4711 }).draftQuoteId).toBeNull();
  store.saveDraft({ conversationId, text: 'Yes', quotedId: message.id });
  expect(answer(store, conversationId, message.id).conversation).toMatchObject({ draft: '', draftQuoteId: null });
});

test('a draft keeps its files until it says otherwise; a text that leaves takes none of them away', () => {
  const { store } = openInThread();
  const { id } = openWith(store);
  const files = ['/home/alice/a.png', '/home/alice/b c.png'];
  expect(store.saveDraft({ conversationId: id, text: '', files }).draftFiles).toBe(2);
  expect(store.draftFiles(id)).toEqual(files);
  compose(store, id, 'text');
  expect(store.draftFiles(id)).toEqual(files);
  store.saveDraft({ conversationId: id, text: '' });
  expect(store.draftFiles(id)).toEqual([]);
  store.saveDraft({ conversationId: id, text: '', files });
  store.removeConversation(id, 50);
  expect(store.draftFiles(id)).toEqual([]);
});

test('a store of the version before keeps its messages, which answer nothing', () => {
  const path = join(folder, 'before.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, MIGRATIONS.indexOf(quotes)) });
  before.exec(`
    INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at, draft) VALUES (1, 'sip:bob@example.com', 'Bob', 'c', 5, 'half');
    INSERT INTO messages (conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
    VALUES (1, 'in', 'text', 'kept', 'read', 5, 5, 'a', 'b');
  `);
  before.close();
  const { store } = openInThread(path);
  expect(store.messages({ conversationId: 1, limit: 5 }).items).toMatchObject([{ text: 'kept', quote: null }]);
  expect(store.conversation(1)).toMatchObject({ draft: 'half', draftQuoteId: null });
});
