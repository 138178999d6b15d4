import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { foldAgain } from '../../../electron/services/contacts.ts';
import { openDatabase } from '../../../electron/store/database.ts';
import { contacts } from '../../../electron/store/migrations/0007-contacts.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import type { Store } from '../../../electron/store/port.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { ALL_ASKED, BOB, CAROL, compose, type InThread, NOTHING_ASKED, openInThread, openWith, owed, receive, take } from './fixture.ts';

type Calls = InThread['store'];

const NUMBER = 'tel:+49301234567';
const OTHER_NUMBER = 'tel:+4989765432';

/** A text of somebody whom the network asserts two identities of. */
function hear(
  store: Calls,
  imdnId: string,
  peer: string,
  aliases: readonly string[] = [],
  more: { asRequest?: boolean; now?: number } = {},
) {
  return store.receiveText({
    peer,
    aliases,
    title: peer === BOB ? 'Bob Baker' : peer.slice(4),
    cpmConversationId: `of ${peer}`,
    contributionId: imdnId,
    imdnId,
    text: `text ${imdnId}`,
    sentAt: 9,
    now: more.now ?? 20,
    notify: ALL_ASKED,
    ...more,
  });
}

const texts = (store: Calls, conversationId: number) => store.messages({ conversationId, limit: 50 }).items.map(({ text }) => text);
const peers = (store: Calls) => store.conversations({ limit: 50 }).items.map(({ peer }) => peer);

describe('two identities that the network asserts together', () => {
  test('are one person: whatever comes from either is one conversation, and answers go to the sip address', () => {
    const { store } = openInThread();
    const { conversation } = hear(store, 'a', BOB, [NUMBER]);
    expect(hear(store, 'b', NUMBER).conversation.id).toBe(conversation.id);
    expect(store.openConversation({ peer: NUMBER, title: 'x', cpmConversationId: 'y', now: 30 }).id).toBe(conversation.id);
    expect(store.conversationDetails(conversation.id)).toMatchObject({ addresses: [BOB, NUMBER], networkName: 'Bob Baker' });
    compose(store, conversation.id, 'c');
    expect(take(store, 1e6).find(({ kind }) => kind === 'text')).toMatchObject({ peer: BOB });
    expect(texts(store, conversation.id)).toEqual(['text a', 'text b', 'text c']);
    expect([BOB, NUMBER, 'sip:nobody@example.com'].map((address) => store.nameOf(address))).toEqual(['Bob Baker', 'Bob Baker', null]);
    store.configureConversation({ conversationId: conversation.id, givenName: 'Bobby' });
    expect(store.nameOf(NUMBER)).toBe('Bobby');
    expect(peers(store)).toEqual([BOB]);
  });

  test('a number that was written to before takes the sip address over when it is learned', () => {
    const { store } = openInThread();
    const { id } = openWith(store, NUMBER);
    expect(hear(store, 'a', BOB, [NUMBER])).toMatchObject({ conversation: { id, peer: BOB, title: 'Bob Baker' }, merged: [] });
    expect(store.conversationDetails(id).addresses).toEqual([BOB, NUMBER]);
  });

  test('two conversations become one: messages in the order of arrival, unread, draft, outbox, settings; the one that went is found in the other', () => {
    const opened = openInThread();
    const { store, database } = opened;
    const number = openWith(store, NUMBER).id;
    compose(store, number, 'n1');
    const sip = receive(store, 's1', ALL_ASKED).conversation.id;
    hear(store, 'n2', NUMBER);
    receive(store, 's2', NOTHING_ASKED, BOB, 25);
    compose(store, sip, 's3', 26);
    store.saveDraft({ conversationId: number, text: 'half a', files: ['/a'] });
    store.saveDraft({ conversationId: sip, text: 'sentence', files: ['/b'] });
    store.configureConversation({ conversationId: number, givenName: 'Bobby', mutedUntil: 500, settings: { notifications: 'sender' } });
    store.arrangeConversation({ conversationId: sip, pinned: true });

    const rows = hear(store, 'both', BOB, [NUMBER], { now: 30 });
    expect(rows.merged).toEqual([{ id: sip, into: number }]);
    expect(rows.conversation).toMatchObject({
      id: number,
      peer: BOB,
      title: 'Bobby',
      unread: 4,
      draft: 'half a\nsentence',
      mutedUntil: 500,
      pinned: true,
      updatedAt: 30,
      last: { text: 'text both', direction: 'in' },
    });
    expect(texts(store, number)).toEqual(['text n1', 'text s1', 'text n2', 'text s2', 'text s3', 'text both']);
    expect(peers(store)).toEqual([BOB]);
    expect(store.conversationDetails(number)).toMatchObject({ addresses: [BOB, NUMBER], notifications: 'sender' });
    expect(store.draftFiles(sip)).toEqual(['/a', '/b']);
    // whoever still names the old one
    expect(store.conversation(sip).id).toBe(number);
    expect(texts(store, sip)).toHaveLength(6);
    expect(compose(store, sip, 'late', 31).conversation.id).toBe(number);
    expect(store.saveDraft({ conversationId: sip, text: 'new' }).draft).toBe('new');
    // what waited leaves, in its order, and every notification is owed once
    expect(store.searchMessages({ text: 's2', conversationId: number, limit: 5 }).items).toHaveLength(1);
    const left: string[] = [];
    for (let item = take(store, 1e6).find(({ kind }) => kind === 'text'); item?.kind === 'text'; ) {
      left.push(item.message.text);
      store.outboxUpdate({ outboxId: item.id, event: 'accepted', now: 40 });
      item = take(store, 1e6).find(({ kind }) => kind === 'text');
    }
    expect(left).toEqual(['text n1', 'text s3', 'text late']);
    expect(database.pragma('foreign_key_check')).toEqual([]);
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
  });

  test('a message that came by both ways is there once', () => {
    const { store } = openInThread();
    const number = hear(store, 'same', NUMBER).conversation.id;
    hear(store, 'same', BOB);
    const { conversation, duplicate } = hear(store, 'same', BOB, [NUMBER]);
    expect(duplicate).toBe(true);
    expect(conversation).toMatchObject({ id: number, unread: 1, last: { text: 'text same' } });
    expect(texts(store, number)).toEqual(['text same']);
  });

  test('its notifications count from either address', () => {
    const { store } = openInThread();
    const { id } = hear(store, 'a', BOB, [NUMBER]).conversation;
    compose(store, id, 'mine');
    expect(store.applyReceipt({ peer: NUMBER, imdnId: 'mine', event: 'delivered', now: 50 })?.message.status).toBe('delivered');
  });

  test('a number that several people share is nobody’s: the switchboard of a company folds no two people', () => {
    const { store } = openInThread();
    const bob = hear(store, 'b1', BOB, [NUMBER]).conversation.id;
    const carol = hear(store, 'c1', CAROL, [NUMBER]).conversation.id;
    expect(carol).not.toBe(bob);
    hear(store, 'b2', BOB, [NUMBER]);
    const board = hear(store, 'n1', NUMBER).conversation.id;
    expect(new Set([bob, carol, board]).size).toBe(3);
    hear(store, 'c2', CAROL, [NUMBER]);
    expect(texts(store, bob)).toEqual(['text b1', 'text b2']);
    expect(texts(store, carol)).toEqual(['text c1', 'text c2']);
    expect(texts(store, board)).toEqual(['text n1']);
  });

  test('a person may have two numbers; a list or somebody unnamed has none', () => {
    const { store } = openInThread();
    hear(store, 'a', BOB, [NUMBER]);
    const { id } = hear(store, 'b', BOB, [OTHER_NUMBER]).conversation;
    expect(store.conversationDetails(id).addresses).toEqual([BOB, NUMBER, OTHER_NUMBER]);
    hear(store, 'c', 'anonymous:', ['tel:+49301111111']);
    expect(store.conversations({ limit: 9 }).items.map(({ peer }) => peer)).toEqual(['anonymous:', BOB]);
    expect(hear(store, 'd', 'tel:+49301111111').conversation.peer).toBe('tel:+49301111111');
  });

  test('a third conversation that goes into a merged one is followed to its end', () => {
    const { store } = openInThread();
    const first = openWith(store, NUMBER).id;
    const second = openWith(store, OTHER_NUMBER).id;
    const third = openWith(store, BOB).id;
    hear(store, 'a', BOB, [OTHER_NUMBER]);
    hear(store, 'b', BOB, [NUMBER]);
    expect([first, second, third].map((id) => store.conversation(id).id)).toEqual([first, first, first]);
  });
});

describe('where a request to a number goes', () => {
  test('by the sip URI that stood for it, whatever one is heard last; a person with a sip address needs none', () => {
    const { store } = openInThread();
    const route = 'sip:+49301234567@ims.example;user=phone';
    const row = { title: 'x', cpmConversationId: 'y', now: 1 };
    const { id } = store.openConversation({ peer: NUMBER, route: 'sip:+49301234567@old.example', ...row });
    store.learnAliases({ peer: NUMBER, route });
    compose(store, id, 'a');
    expect(take(store, 1e6)).toMatchObject([{ peer: route }]);
    expect(store.conversation(id).peer).toBe(NUMBER);
    expect(store.conversationDetails(id).addresses).toEqual([NUMBER]);
    expect(store.applyReceipt({ peer: NUMBER, imdnId: 'a', event: 'delivered', now: 5 })).not.toBeNull();
    store.learnAliases({ peer: BOB, aliases: [NUMBER] });
    compose(store, id, 'b');
    expect(take(store, 1e6)).toMatchObject([{ peer: BOB }]);
    expect(store.conversationDetails(id).addresses).toEqual([BOB, NUMBER]);
  });
});

describe('requests', () => {
  test('a stranger’s first message makes one: beside the list, nothing of it told; acceptance tells what was seen', () => {
    const opened = openInThread();
    const { store } = opened;
    const { conversation } = hear(store, 'a', BOB, [], { asRequest: true });
    hear(store, 'b', BOB, [], { asRequest: true });
    expect(conversation.request).toBe(true);
    expect(peers(store)).toEqual([]);
    expect(store.conversations({ requests: true, limit: 9 }).items.map(({ peer }) => peer)).toEqual([BOB]);
    expect(store.unreadSum(100)).toBe(0);
    const { messages } = store.markRead({ conversationId: conversation.id, upTo: 1, now: 30 });
    expect(messages.map(({ status }) => status)).toEqual(['read']);
    expect(owed(opened).map(({ note }) => note)).toEqual(['delivered a', 'delivered b']);
    expect(store.acceptConversation({ conversationId: conversation.id, now: 40 }).request).toBe(false);
    expect(owed(opened).map(({ note }) => note)).toEqual(['displayed a', 'delivered b']);
    expect(peers(store)).toEqual([BOB]);
    expect(store.unreadSum(100)).toBe(1);
    store.acceptConversation({ conversationId: conversation.id, now: 50 });
    expect(owed(opened)).toHaveLength(2);
  });

  test('whoever was written to is none; writing accepts', () => {
    const { store } = openInThread();
    openWith(store, CAROL);
    expect(hear(store, 'c', CAROL, [], { asRequest: true }).conversation.request).toBe(false);
    const { conversation } = hear(store, 'b', BOB, [], { asRequest: true });
    expect(compose(store, conversation.id, 'x').conversation.request).toBe(false);
  });

  test('one that was deleted comes back as a request; a known person found by another address ends it', () => {
    const { store } = openInThread();
    const { id } = hear(store, 'b', BOB, [], { asRequest: true }).conversation;
    store.removeConversation(id, 30);
    expect(hear(store, 'c', BOB, [], { asRequest: true }).conversation).toMatchObject({ id, request: true });
    openWith(store, NUMBER);
    expect(hear(store, 'd', BOB, [NUMBER], { asRequest: true }).conversation.request).toBe(false);
  });

  test('acceptance tells nothing where the person reports nothing', () => {
    const opened = openInThread();
    const { store } = opened;
    const { id } = hear(store, 'a', BOB, [], { asRequest: true }).conversation;
    store.markRead({ conversationId: id, upTo: 9, now: 30 });
    store.acceptConversation({ conversationId: id, now: 40, displayReports: 'silent' });
    expect(owed(opened).map(({ note }) => note)).toEqual(['delivered a']);
  });
});

describe('somebody blocked', () => {
  test('by whatever address: nothing is stored, nothing is told, what waits is dropped, nothing leaves', () => {
    const opened = openInThread();
    const { store } = opened;
    const { id } = hear(store, 'a', BOB, [NUMBER]).conversation;
    compose(store, id, 'mine');
    expect(store.blockConversation({ conversationId: id, blocked: true, now: 30 }).blocked).toBe(true);
    expect(owed(opened)).toEqual([]);
    const blocked = expect.objectContaining({ code: 'peer.blocked' });
    for (const peer of [BOB, NUMBER]) expect(() => hear(store, 'b', peer)).toThrow(blocked);
    expect(() => store.receiveOffer({ ...OFFER, peer: NUMBER })).toThrow(blocked);
    expect(() => compose(store, id, 'again')).toThrow(blocked);
    expect(store.applyReceipt({ peer: NUMBER, imdnId: 'mine', event: 'displayed', now: 40 })).toBeNull();
    expect(texts(store, id)).toEqual(['text a', 'text mine']);
    expect(store.blockedConversations()).toMatchObject([{ conversation: { id }, addresses: [BOB, NUMBER] }]);
    store.markRead({ conversationId: id, upTo: 9, now: 41 });
    expect(owed(opened)).toEqual([]);
    store.blockConversation({ conversationId: id, blocked: false, now: 50 });
    expect(hear(store, 'b', NUMBER).conversation).toMatchObject({ id, blocked: false, unread: 1 });
  });

  test('stays blocked when deleted, and when another address turns out to be the same person', () => {
    const { store } = openInThread();
    const { id } = hear(store, 'a', NUMBER, [], { asRequest: true }).conversation;
    store.blockConversation({ conversationId: id, blocked: true, now: 30 });
    expect(store.conversations({ requests: true, limit: 9 }).items).toEqual([]);
    store.removeConversation(id, 31);
    expect(() => hear(store, 'b', NUMBER)).toThrow();
    // asserted together: the sip address is the same person's, and not let in either
    expect(() => hear(store, 'c', BOB, [NUMBER])).toThrow(expect.objectContaining({ code: 'peer.blocked' }));
    expect(store.learnAliases({ peer: BOB, aliases: [NUMBER] })).toMatchObject({ conversation: { id, blocked: true }, merged: [] });
    expect(store.learnAliases({ peer: CAROL, aliases: [] })).toBeNull();
    expect(() => hear(store, 'd', BOB)).toThrow(expect.objectContaining({ code: 'peer.blocked' }));
    expect(store.blockedConversations()).toMatchObject([{ addresses: [BOB, NUMBER] }]);
  });
});

describe('names, mutes and settings of one conversation', () => {
  test('the own name wins over the network’s, in the list and in search, and an empty one takes it away', () => {
    const { store } = openInThread();
    const { id } = openWith(store, BOB);
    hear(store, 'a', BOB);
    expect(store.conversation(id).title).toBe('Bob Baker');
    expect(store.configureConversation({ conversationId: id, givenName: ' Boss ' }).title).toBe('Boss');
    expect(store.searchMessages({ text: 'text', limit: 5 }).items.map(({ title }) => title)).toEqual(['Boss']);
    expect(store.conversationDetails(id)).toMatchObject({ networkName: 'Bob Baker', givenName: 'Boss' });
    expect(store.configureConversation({ conversationId: id, givenName: '' }).title).toBe('Bob Baker');
  });

  test('a muted conversation counts in no sum until its time has come', () => {
    const { store } = openInThread();
    const { id } = hear(store, 'a', BOB).conversation;
    hear(store, 'b', CAROL);
    expect(store.configureConversation({ conversationId: id, mutedUntil: 100 })).toMatchObject({ mutedUntil: 100, unread: 1 });
    expect([99, 100, 101].map((now) => store.unreadSum(now))).toEqual([1, 2, 2]);
    store.configureConversation({ conversationId: id, mutedUntil: null });
    expect(store.unreadSum(0)).toBe(2);
  });

  test('display notifications as the conversation has it, else as the account has it', () => {
    for (const [ofAccount, own, told] of [
      ['send', null, true],
      ['silent', null, false],
      ['silent', 'send', true],
      ['send', 'silent', false],
      [undefined, null, true],
    ] as const) {
      const opened = openInThread();
      const { store } = opened;
      const { id } = hear(store, 'a', BOB).conversation;
      store.configureConversation({ conversationId: id, settings: { displayReports: own } });
      store.markRead({ conversationId: id, upTo: 9, now: 30, displayReports: ofAccount });
      expect(owed(opened).map(({ note }) => note)).toEqual([told ? 'displayed a' : 'delivered a']);
    }
  });
});

const folder = temporaryFolder();

describe('a store of the version before', () => {
  test('keeps all; what folds to one address now becomes one conversation at the next start, once', async () => {
    const path = join(folder, 'before.db');
    const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, MIGRATIONS.indexOf(contacts)) });
    const conversation = before.prepare(
      `INSERT INTO conversations (id, peer, title, cpm_conversation_id, unread, updated_at, draft, last_message_id, last_direction, last_kind, last_text, last_status)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'in', 'text', ?, 'received')`,
    );
    conversation.run(1, NUMBER, '+49301234567', 'c1', 1, 5, '', 3, 'three');
    conversation.run(2, BOB, 'Bob', 'c2', 1, 6, '', 2, 'two');
    conversation.run(3, 'sip:+49301234567@ims.example', 'Berta', 'c3', 1, 7, 'kept', 4, 'four');
    const message = before.prepare(
      `INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
       VALUES (?, ?, ?, 'text', ?, ?, 1, 1, ?, 'x')`,
    );
    message.run(1, 3, 'out', 'one', 'queued', 'i1');
    message.run(2, 2, 'in', 'two', 'received', 'i2');
    message.run(3, 1, 'in', 'three', 'received', 'i3');
    message.run(4, 3, 'in', 'four', 'received', 'i4');
    before.exec("INSERT INTO outbox (conversation_id, message_id, kind, created_at) VALUES (3, 1, 'text', 1)");
    before.close();

    const { store, database } = openInThread(path);
    expect(peers(store)).toEqual(['sip:+49301234567@ims.example', BOB, NUMBER]);
    expect(store.conversation(2)).toMatchObject({ request: false, blocked: false, mutedUntil: null });
    const log: string[] = [];
    const calls = new Proxy({} as Store, {
      get: (_, method: keyof Calls) => async (argument: never, more: never) =>
        (store[method] as (...given: never[]) => unknown)(argument, more),
    });
    const context = { account: { countryCode: '49' }, store: calls, log: (line: string) => log.push(line) } as never;
    await foldAgain(context);
    expect(peers(store)).toEqual([NUMBER, BOB]);
    expect(store.conversation(3)).toMatchObject({ id: 1, peer: NUMBER, title: 'Berta', unread: 2, draft: 'kept', last: { text: 'four' } });
    expect(texts(store, 1)).toEqual(['one', 'three', 'four']);
    expect(take(store, 1e6)).toMatchObject([{ peer: 'sip:+49301234567@ims.example', message: { text: 'one' } }]);
    expect(log).toEqual(['conversation 3 is part of 1 now']);
    await foldAgain(context);
    expect(log).toHaveLength(1);
    expect(database.pragma('foreign_key_check')).toEqual([]);
    database.close();
    rmSync(path);
  });
});

const OFFER = {
  title: 'Bob',
  cpmConversationId: 'c',
  contributionId: 'd',
  imdnId: 'file',
  fileTransferId: 'ft',
  name: 'a.png',
  type: 'image/png',
  size: 10,
  hash: null,
  sentAt: 1,
  now: 35,
  notify: NOTHING_ASKED,
};
