import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../../electron/store/database.ts';
import { recipients } from '../../../electron/store/migrations/0005-recipients.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import { anonymousKey, listKey } from '../../../shared/model/audience.ts';
import type { TransferEvent } from '../../../shared/model/states/transfer-state.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { ALL_ASKED, BOB, CAROL, compose, composeFile, NOTHING_ASKED, openInThread, openWith, receive, take } from './fixture.ts';

const DAVE = 'sip:dave@example.com';
const folder = temporaryFolder();

function listOf(store: ReturnType<typeof openInThread>['store'], ...addresses: string[]) {
  const members = addresses.map((address) => ({ address, name: address.slice(4, address.indexOf('@')) }));
  return store.openConversation({ peer: listKey(addresses), title: 'several', cpmConversationId: 'c-list', now: 1, members });
}

function sent(addresses = [BOB, CAROL, DAVE]) {
  const { store } = openInThread();
  const { id } = listOf(store, ...addresses);
  const { message } = compose(store, id, 'm1');
  const [item] = take(store, 10);
  if (item === undefined) throw new Error('nothing to send');
  const states = () => store.messageInfo(message.id).recipients.map(({ address, status }) => `${address.slice(4, 7)} ${status}`);
  const report = (peer: string, event: 'delivered' | 'displayed' | 'failed', recipient: string | null = null) =>
    store.applyReceipt({ peer, imdnId: 'm1', event, recipient, now: 50 })?.message.status ?? null;
  return { store, id, message, item, states, report };
}

describe('a conversation with several', () => {
  test('is one for one set of people, in whatever order and spelled however often', () => {
    const { store } = openInThread();
    const { id } = listOf(store, BOB, CAROL);
    expect(listOf(store, CAROL, BOB).id).toBe(id);
    expect(listOf(store, CAROL, BOB, BOB).id).toBe(id);
    expect(listOf(store, BOB, CAROL, DAVE).id).not.toBe(id);
    expect(openWith(store).id).not.toBe(id);
    expect(store.conversation(id)).toMatchObject({ kind: 'list', members: [{ address: BOB, name: 'bob' }, { address: CAROL }] });
    expect(store.conversations({ limit: 10 }).items.map(({ kind, members }) => [kind, members.length])).toContainEqual(['list', 2]);
  });

  test('with a group or one person has no members', () => {
    const { store } = openInThread();
    const group = store.openConversation({ peer: 'sip:club@example.com', title: 'Club', cpmConversationId: 'c', now: 1, kind: 'group' });
    expect(group).toMatchObject({ kind: 'group', members: [] });
    expect(openWith(store)).toMatchObject({ kind: 'person', members: [] });
  });

  test('its message waits with all of its recipients', () => {
    const { item, states, message } = sent();
    expect(item).toMatchObject({
      kind: 'text',
      audience: 'list',
      recipients: [{ address: BOB, name: 'bob' }, { address: CAROL }, { address: DAVE }],
    });
    expect(states()).toEqual(['bob queued', 'car queued', 'dav queued']);
    expect(message.reach).toEqual({ total: 3, delivered: 0, displayed: 0, failed: 0 });
  });

  test('R-FT-02: takes a file, with a state for each recipient', () => {
    const { store, id } = sent();
    const { transferId, message } = composeFile(store, id, 'f1');
    const apply = (event: TransferEvent) => store.applyTransfer({ transferId, event, now: 30 });
    apply('prepared');
    expect(store.outboxReady(1e6, 10).find(({ kind }) => kind === 'file')).toMatchObject({
      audience: 'list',
      recipients: [{ address: BOB }, { address: CAROL }, { address: DAVE }],
    });
    for (const event of ['offer', 'started', 'all-sent', 'verified'] as const) apply(event);
    expect(store.messageInfo(message.id).recipients.map(({ status }) => status)).toEqual(['sent', 'sent', 'sent']);
    store.applyReceipt({ peer: CAROL, imdnId: 'f1', event: 'delivered', now: 40 });
    expect(store.message(message.id).reach).toEqual({ total: 3, delivered: 1, displayed: 0, failed: 0 });
  });
});

describe('the states of its recipients', () => {
  test('one that was sent one by one and is given up for the rest is where those are who got it', () => {
    const { store, item, report, states, message } = sent();
    store.recipientUpdate({ messageId: message.id, address: BOB, event: 'accepted', now: 20 });
    const error = { code: 'peer.timeout', detail: 'a day' } as const;
    expect(store.outboxUpdate({ outboxId: item.id, event: 'failed', now: 30, error })?.message.status).toBe('sent');
    expect(states()).toEqual(['bob sent', 'car failed', 'dav failed']);
    expect(report(BOB, 'delivered')).toBe('delivered');
  });

  test('one that nobody has taken is failed when it is given up', () => {
    const { store, item, states } = sent();
    const error = { code: 'peer.timeout', detail: 'a day' } as const;
    expect(store.outboxUpdate({ outboxId: item.id, event: 'failed', now: 30, error })?.message.status).toBe('failed');
    expect(states()).toEqual(['bob failed', 'car failed', 'dav failed']);
  });

  test('make the state of the message: the last of them counts, and it never goes back', () => {
    const { store, item, report, states, message } = sent();
    expect(store.outboxUpdate({ outboxId: item.id, event: 'accepted', now: 30 })?.message.status).toBe('sent');
    expect(states()).toEqual(['bob sent', 'car sent', 'dav sent']);
    expect(report(BOB, 'displayed')).toBe('sent');
    expect(report(CAROL, 'delivered')).toBe('sent');
    expect(report(DAVE, 'delivered')).toBe('delivered');
    expect(report(CAROL, 'displayed')).toBe('delivered');
    expect(report(CAROL, 'delivered')).toBe('delivered');
    expect(report(DAVE, 'displayed')).toBe('displayed');
    expect(report(DAVE, 'failed')).toBe('displayed');
    expect(states()).toEqual(['bob displayed', 'car displayed', 'dav displayed']);
    expect(store.message(message.id)).toMatchObject({ deliveredAt: 50, displayedAt: 50, reach: { total: 3, delivered: 3, displayed: 3 } });
  });

  test('one who cannot be reached does not hold back the others, and all of them fail the message', () => {
    const { store, item, report, message } = sent([BOB, CAROL]);
    store.outboxUpdate({ outboxId: item.id, event: 'accepted', now: 30 });
    expect(report(BOB, 'failed')).toBe('sent');
    expect(store.message(message.id)).toMatchObject({ error: null, reach: { total: 2, failed: 1 } });
    expect(report(CAROL, 'delivered')).toBe('delivered');
    const other = sent([BOB, CAROL]);
    other.store.outboxUpdate({ outboxId: other.item.id, event: 'accepted', now: 30 });
    other.report(BOB, 'failed');
    expect(other.report(CAROL, 'failed')).toBe('failed');
  });

  test('are told by the originator of a report, or by what it names when that is nobody here; a stranger is not heard', () => {
    const { report, states } = sent();
    expect(report('sip:mallory@example.com', 'displayed')).toBeNull();
    report('tel:+49301234', 'delivered', CAROL);
    report(BOB, 'delivered', DAVE);
    expect(states()).toEqual(['bob delivered', 'car delivered', 'dav queued']);
  });

  test('stay with each of them when the text is sent one by one, and a retry is for those who did not get it', () => {
    const { store, item, message, states } = sent();
    const { id } = message;
    expect(store.recipientUpdate({ messageId: id, address: BOB, event: 'accepted', now: 30 })?.message.status).toBe('sending');
    const error = { code: 'peer.unknown', detail: '404 Not Found' } as const;
    for (const address of [CAROL, DAVE]) store.recipientUpdate({ messageId: id, address, event: 'failed', now: 30, error });
    expect(store.messageInfo(id).recipients[1]).toMatchObject({ address: CAROL, status: 'failed', error });
    store.outboxUpdate({ outboxId: item.id, event: 'failed', now: 40, error });
    expect(states()).toEqual(['bob sent', 'car failed', 'dav failed']);
    store.retry({ messageId: id, fileImdnId: 'x', now: 50 });
    expect(states()).toEqual(['bob sent', 'car queued', 'dav queued']);
    expect(store.recipientUpdate({ messageId: id, address: 'sip:mallory@example.com', event: 'accepted', now: 60 })).toBeNull();
  });

  test('a report of one does not take a text out of the outbox that others still wait for', () => {
    const { store, item, report } = sent([BOB, CAROL]);
    report(BOB, 'delivered');
    store.outboxUpdate({ outboxId: item.id, event: 'postponed', now: 30, notBefore: 40 });
    expect(store.outboxReady(60, 10)).toHaveLength(1);
    report(CAROL, 'delivered');
    expect(store.outboxReady(60, 10)).toHaveLength(0);
  });

  test('of a group are those who report: somebody has it, and nobody knows of all', () => {
    const { store } = openInThread();
    const club = 'sip:club@example.com';
    const { id } = store.openConversation({ peer: club, title: 'Club', cpmConversationId: 'c', now: 1, kind: 'group' });
    const { message } = compose(store, id, 'm1');
    expect(message.reach).toBeNull();
    const [item] = store.outboxReady(10, 10);
    store.outboxUpdate({ outboxId: item?.id ?? 0, event: 'accepted', now: 20 });
    const report = (peer: string, event: 'delivered' | 'displayed') =>
      store.applyReceipt({ peer, imdnId: 'm1', event, recipient: peer, now: 30 })?.message;
    expect(report(BOB, 'displayed')).toMatchObject({ status: 'delivered', reach: { total: null, delivered: 1, displayed: 1 } });
    expect(report(CAROL, 'delivered')).toMatchObject({
      status: 'delivered',
      reach: { total: null, delivered: 2, displayed: 1, failed: 0 },
    });
    // the group's own address speaks of the member that has not got it, and is none itself
    store.applyReceipt({ peer: club, imdnId: 'm1', event: 'failed', recipient: 'sip:dave@example.com', now: 40 });
    const states = store.messageInfo(message.id).recipients.map(({ address, status }) => `${address} ${status}`);
    expect(states.sort()).toEqual([`${BOB} displayed`, `${CAROL} delivered`, 'sip:dave@example.com failed'].sort());
  });

  test('are gone with a message that was deleted', () => {
    const { store, message, item, report, id } = sent();
    store.outboxUpdate({ outboxId: item.id, event: 'accepted', now: 30 });
    store.removeMessage({ messageId: message.id, now: 40 });
    expect(report(BOB, 'delivered')).toBeNull();
    const second = compose(store, id, 'm2').message.id;
    store.removeConversation(id, 50);
    expect(store.applyReceipt({ peer: BOB, imdnId: 'm2', event: 'delivered', now: 60 })).toBeNull();
    expect(() => store.messageInfo(second)).toThrow('request.not-found');
  });
});

describe('replies', () => {
  const HELP = 'sip:help@example.com';

  function asked() {
    const { store } = openInThread();
    const { conversation, message } = store.receiveText({
      ...{
        peer: BOB,
        title: 'Bob',
        cpmConversationId: 'theirs',
        contributionId: 'c1',
        imdnId: 'r1',
        text: 'write to help',
        sentAt: 9,
        now: 20,
      },
      ...{ notify: NOTHING_ASKED, replyTo: HELP, alsoTo: [CAROL, DAVE] },
    });
    return { store, conversation, message };
  }

  test('R-PM-08: go to where the last message asked them to go, and a report from there counts', () => {
    const { store, conversation, message } = asked();
    expect(message).toMatchObject({ replyTo: HELP, alsoTo: [CAROL, DAVE] });
    expect(conversation.replyTo).toBe(HELP);
    const reply = compose(store, conversation.id, 'm1').message;
    expect(store.outboxReady(50, 10)[0]).toMatchObject({ target: HELP, peer: BOB });
    expect(store.messageInfo(reply.id).peer).toBe(HELP);
    expect(store.applyReceipt({ peer: 'sip:mallory@example.com', imdnId: 'm1', event: 'delivered', now: 60 })).toBeNull();
    expect(store.applyReceipt({ peer: HELP, imdnId: 'm1', event: 'delivered', now: 60 })?.message.status).toBe('delivered');
  });

  test('go to the peer again after the next message that asks for nothing, or when the person wants it so', () => {
    const { store, conversation } = asked();
    expect(receive(store, 'r2').conversation.replyTo).toBeNull();
    const again = asked();
    expect(again.store.forgetReplyTo(again.conversation.id).replyTo).toBeNull();
    compose(again.store, conversation.id, 'm1');
    expect(again.store.outboxReady(50, 10)[0]).toMatchObject({ target: BOB });
  });

  test('a repeated message changes nothing', () => {
    const { store } = asked();
    receive(store, 'r2');
    const again = store.receiveText({
      ...{
        peer: BOB,
        title: 'Bob',
        cpmConversationId: 'theirs',
        contributionId: 'c1',
        imdnId: 'r1',
        text: 'write to help',
        sentAt: 9,
        now: 30,
      },
      ...{ notify: NOTHING_ASKED, replyTo: HELP },
    });
    expect(again).toMatchObject({ duplicate: true, conversation: { replyTo: null } });
  });

  test('to somebody without a name are only possible where one was asked for', () => {
    const { store } = openInThread();
    const from = (key: string, imdnId: string, replyTo: string | null) =>
      store.receiveText({
        ...{ peer: key, title: 'Anonymous', cpmConversationId: 'a', contributionId: 'c1', imdnId, text: 'guess who', sentAt: 9, now: 20 },
        ...{ notify: NOTHING_ASKED, replyTo },
      }).conversation;
    const nobody = from(anonymousKey(null), 'r1', null);
    expect(nobody).toMatchObject({ kind: 'anonymous', replyTo: null });
    expect(() => compose(store, nobody.id, 'm1')).toThrow('request.invalid-state');
    const helper = from(anonymousKey(HELP), 'r2', HELP);
    expect(helper.id).not.toBe(nobody.id);
    expect(openWith(store, HELP).id).not.toBe(helper.id);
    compose(store, helper.id, 'm2');
    expect(store.outboxReady(50, 10)[0]).toMatchObject({ target: HELP });
    expect(store.forgetReplyTo(helper.id).replyTo).toBe(HELP);
  });
});

describe('what a person sends', () => {
  test('without the name has a conversation id of its own, and is kept so', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    const row = { conversationId: id, text: 'x', imdnId: 'm1', contributionId: 'c1', now: 10, replyTo: 'sip:help@example.com' };
    const { message } = store.composeText({ ...row, anonymous: { cpmConversationId: 'secret' } });
    expect(message).toMatchObject({ anonymous: true, replyTo: 'sip:help@example.com' });
    expect(store.messageInfo(message.id).cpmConversationId).toBe('secret');
    expect(store.composeText({ ...row, imdnId: 'm2' }).message.anonymous).toBe(false);
    expect(store.messageInfo(2).cpmConversationId).toBe(`conversation with ${BOB}`);
  });
});

describe('what cannot be read', () => {
  test('is shown as such, and reported as failed where that was asked for', () => {
    const { store } = openInThread();
    const error = { code: 'peer.unsupported', detail: 'unknown charset x' } as const;
    const row = {
      peer: BOB,
      title: 'Bob',
      cpmConversationId: 'theirs',
      contributionId: 'c1',
      imdnId: 'r1',
      text: '',
      sentAt: 9,
      now: 20,
      error,
    };
    expect(store.receiveText({ ...row, notify: ALL_ASKED }).message).toMatchObject({ error, text: '' });
    expect(store.outboxReady(30, 10)).toMatchObject([{ kind: 'notification', disposition: 'failed' }]);
    store.receiveText({ ...row, imdnId: 'r2', notify: NOTHING_ASKED });
    expect(store.outboxReady(30, 10)).toHaveLength(1);
  });
});

test('a store of the version before is taken over as it is', () => {
  const path = join(folder, 'before.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, recipients.version - 1) });
  before.exec(`INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at) VALUES (1, '${BOB}', 'Bob', 'c', 1);
    INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
    VALUES (1, 1, 'out', 'text', 'hello', 'queued', 1, 1, 'm1', 'k1');
    INSERT INTO outbox (conversation_id, message_id, kind, created_at) VALUES (1, 1, 'text', 1);`);
  before.close();
  const { store, database } = openInThread(path);
  expect(store.conversation(1)).toMatchObject({ kind: 'person', members: [], replyTo: null, title: 'Bob' });
  expect(store.outboxReady(10, 10)).toMatchObject([
    {
      audience: 'person',
      target: BOB,
      recipients: [],
      message: { text: 'hello', anonymous: false, replyTo: null, alsoTo: [], reach: null },
    },
  ]);
  database.close();
});
