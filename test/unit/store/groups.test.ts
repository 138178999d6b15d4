import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../../electron/store/database.ts';
import { groups } from '../../../electron/store/migrations/0015-groups.ts';
import { groupFiles } from '../../../electron/store/migrations/0017-group-files.ts';
import { MIGRATIONS } from '../../../electron/store/migrations/index.ts';
import type { StoredParticipant } from '../../../electron/store/port.ts';
import { groupKey } from '../../../shared/model/audience.ts';
import type { Presence, Standing } from '../../../shared/model/group.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';
import { ALL_ASKED, BOB, CAROL, compose, NOTHING_ASKED, openInThread, openWith, owed, take } from './fixture.ts';

const ALICE = 'sip:alice@example.com';
const DAVE = 'sip:dave@example.com';
const FOCUS = 'sip:cpm-conf-1@example.com';
const folder = temporaryFolder();

type Store = ReturnType<typeof openInThread>['store'];

const person = (entity: string, presence: Presence = 'in'): StoredParticipant => ({
  entity,
  address: entity.endsWith('.invalid') ? null : entity,
  name: entity.slice(4, entity.indexOf('@')),
  presence,
  isSelf: entity === ALICE,
  roles: [],
});

function begin(store: Store, standing: Standing = 'member', others = [person(BOB), person(CAROL)]) {
  const { group } = store.beginGroup({
    peer: groupKey('k1'),
    title: 'Saturday climb',
    cpmConversationId: 'c1',
    fields: { contributionId: 'k1', standing, subject: 'Saturday climb', identity: FOCUS },
    participants: [person(ALICE), ...others],
    event: { what: 'created', people: [], by: null },
    now: 5,
  });
  return group.conversationId;
}

function hear(store: Store, conversationId: number, imdnId: string, from = BOB, notify = NOTHING_ASKED) {
  return store.receiveInGroup({
    conversationId,
    author: { address: from, name: '' },
    contributionId: 'k1',
    imdnId,
    text: `text ${imdnId}`,
    answers: { imdnId: null, contributionId: null },
    sentAt: 9,
    now: 20,
    notify,
  });
}

describe('a group', () => {
  test('is there with its conversation and its first line, and once only', () => {
    const { store } = openInThread();
    const id = begin(store);
    expect(begin(store)).toBe(id);
    expect(store.conversation(id)).toMatchObject({ kind: 'group', standing: 'member', title: 'Saturday climb', unread: 0, route: FOCUS });
    expect(store.conversation(id).last).toMatchObject({ kind: 'event', text: 'created' });
    expect(store.messages({ conversationId: id, limit: 10 }).items).toMatchObject([{ kind: 'event', event: { what: 'created' } }]);
    expect(store.groupBy({ contributionId: 'k1' })).toMatchObject({ conversationId: id, peer: 'group:k1', identity: FOCUS });
    expect(store.groupBy({ contributionId: 'k2' })).toBeNull();
  });

  test.each<[what: string, found: boolean, standing: Standing, author: string, identity: string | null, cpmConversationId: string]>([
    ['from its focus', true, 'member', BOB, FOCUS, 'x'],
    ['that the network kept, by the Conversation-ID', true, 'member', BOB, null, 'c1'],
    ['before the invitation is answered', true, 'invited', BOB, FOCUS, 'x'],
    ['of somebody who is not in it', false, 'member', DAVE, FOCUS, 'c1'],
    ['from another focus', false, 'member', BOB, 'sip:other@example.com', 'c1'],
    ['of a conversation that is another one', false, 'member', BOB, null, 'c2'],
    ['after it was left', false, 'left', BOB, FOCUS, 'c1'],
  ])('a file %s: %j', (_, found, standing, author, identity, cpmConversationId) => {
    const { store } = openInThread();
    const id = begin(store, standing);
    expect(store.groupBy({ author, identity, cpmConversationId })?.conversationId ?? null).toBe(found ? id : null);
  });

  test.each<Presence>(['left', 'removed', 'declined'])('a file of somebody who is %s does not stand in it', (presence) => {
    const { store } = openInThread();
    begin(store, 'member', [person(BOB, presence), person(CAROL)]);
    expect(store.groupBy({ author: BOB, identity: FOCUS, cpmConversationId: 'c1' })).toBeNull();
    expect(store.groupBy({ author: BOB, identity: null, cpmConversationId: 'c1' })).toBeNull();
  });

  test('a file that somebody sends in the conversation with him stays there, although a chat of it went over into the group', () => {
    const { store } = openInThread();
    const { id } = openWith(store);
    begin(store);
    const cpmConversationId = store.conversation(id).cpmConversationId;
    const other = store.beginGroup({
      ...{ peer: groupKey('k2'), title: 'x', cpmConversationId, now: 6, event: { what: 'created', people: [], by: null } },
      fields: { contributionId: 'k2', standing: 'member', subject: 'x', identity: null },
      participants: [person(ALICE), person(BOB)],
    });
    expect(other.group.cpmConversationId).toBe(cpmConversationId);
    expect(store.groupBy({ author: BOB, identity: null, cpmConversationId })).toBeNull();
  });

  test('a file in it has an author, who is asked for it and told of it', () => {
    const { store } = openInThread();
    const conversationId = begin(store);
    const offer = {
      ...{ peer: BOB, title: 'bob', cpmConversationId: 'c1', contributionId: 'f', imdnId: 'f1', fileTransferId: 't1', name: 'plan.png' },
      ...{ type: 'image/png', size: 5, hash: null, sentAt: 9, now: 20, notify: ALL_ASKED },
    };
    const group = { conversationId, author: { address: BOB, name: 'Bob' } };
    const { message, transfer } = store.receiveOffer({ ...offer, group });
    expect(message).toMatchObject({ conversationId, kind: 'file', author: { address: BOB, name: 'bob' } });
    expect(transfer).toMatchObject({ conversationId, audience: 'person', peer: BOB, state: 'offered' });
    expect(store.receiveOffer({ ...offer, group })).toMatchObject({ duplicate: true, message: { id: message.id } });
    expect(store.receiveOffer({ ...offer, peer: CAROL, group: { conversationId, author: { address: CAROL, name: '' } } }).duplicate).toBe(
      false,
    );
  });

  test('says of what is answered who wrote it', () => {
    const { store } = openInThread();
    const id = begin(store);
    const { message: asked } = hear(store, id, 'm1');
    const { message: own } = store.composeText({
      ...{ conversationId: id, text: 'Yes.', imdnId: 'o1', contributionId: 'k1', quotedId: asked.id, now: 30 },
    });
    expect(own.quote).toMatchObject({ messageId: asked.id, author: { address: BOB, name: 'bob' }, text: 'text m1' });
  });

  test('that the network has by a name is outside until its session is entered', () => {
    const { store } = openInThread();
    const club = store.openConversation({ peer: 'sip:club@example.com', title: 'Club', cpmConversationId: 'c', now: 1, kind: 'group' });
    expect(club.standing).toBe('outside');
    expect(store.group(club.id)).toMatchObject({ standing: 'outside', address: 'sip:club@example.com', participants: [] });
    expect(store.group(openWith(store).id)).toBeNull();
    store.changeGroup({ conversationId: club.id, fields: { standing: 'member', identity: FOCUS, contributionId: 'k9' }, now: 2 });
    // what leaves outside of the session goes to the group's own address
    expect(store.conversation(club.id)).toMatchObject({ standing: 'member', route: null });
    expect(store.openGroups().map(({ peer }) => peer)).toEqual(['sip:club@example.com']);
  });

  test('an invitation is told of; what else happens is not, and of several at once it is one line', () => {
    const { store } = openInThread();
    const id = begin(store);
    const joined = (who: string, now: number) =>
      store.changeGroup({
        conversationId: id,
        events: [{ what: 'joined', people: [{ address: who, name: '' }], by: null }],
        now,
      });
    expect(joined(BOB, 10).messages).toHaveLength(1);
    joined(CAROL, 11);
    expect(joined(CAROL, 12).messages[0]?.event?.people.map(({ address }) => address)).toEqual([BOB, CAROL]);
    joined(DAVE, 12 + 600_000);
    expect(store.messages({ conversationId: id, limit: 10 }).items.map(({ event }) => event?.people.length)).toEqual([0, 2, 1]);
    expect(store.conversation(id)).toMatchObject({ unread: 0, updatedAt: 5, last: { text: 'created' } });
    store.changeGroup({ conversationId: id, events: [{ what: 'invited', people: [], by: null, notice: true }], now: 13 });
    expect(store.conversation(id)).toMatchObject({ unread: 1, last: { kind: 'event', text: 'invited' } });
    expect(store.searchMessages({ text: 'joined', limit: 10 }).items).toEqual([]);
  });

  test('who is not in it does not write there', () => {
    for (const standing of ['invited', 'declined', 'left', 'removed', 'over'] as const) {
      const { store } = openInThread();
      const id = begin(store, standing);
      expect(() => compose(store, id, 'm1')).toThrow(
        expect.objectContaining({ code: standing === 'over' ? 'group.over' : 'group.not-member' }),
      );
    }
    const { store } = openInThread();
    compose(store, begin(store, 'starting'), 'm1');
    expect(take(store, 10)).toMatchObject([{ audience: 'group', peer: FOCUS }]);
  });

  test('one by somebody who is not known is a request, and one that is entered is none', () => {
    const { store } = openInThread();
    openWith(store, CAROL);
    const ask = (contributionId: string, inviter: string) =>
      store.beginGroup({
        peer: groupKey(contributionId),
        title: 'x',
        cpmConversationId: 'c',
        asRequest: true,
        fields: { contributionId, standing: 'invited', invitedBy: { address: inviter, name: 'x' } },
        now: 1,
      });
    expect([ask('k1', BOB), ask('k2', CAROL)].map(({ conversation }) => conversation.request)).toEqual([true, false]);
    const { group } = ask('k1', BOB);
    expect(store.changeGroup({ conversationId: group.conversationId, fields: { standing: 'member' }, now: 2 }).conversation.request).toBe(
      false,
    );
  });
});

describe('what is said in a group', () => {
  test('is known by its author and its id', () => {
    const { store } = openInThread();
    const id = begin(store);
    expect([hear(store, id, 'm1'), hear(store, id, 'm1'), hear(store, id, 'm1', CAROL)].map(({ duplicate }) => duplicate)).toEqual([
      false,
      true,
      false,
    ]);
    const texts = store.messages({ conversationId: id, limit: 10 }).items.filter(({ kind }) => kind === 'text');
    expect(texts.map(({ author }) => author)).toEqual([
      { address: BOB, name: 'bob' },
      { address: CAROL, name: 'carol' },
    ]);
    expect(store.conversation(id)).toMatchObject({ unread: 2, last: { author: 'carol', text: 'text m1' } });
  });

  test('is notified of to its author', () => {
    const at = openInThread();
    const id = begin(at.store);
    hear(at.store, id, 'm1', CAROL, ALL_ASKED);
    hear(at.store, id, 'm1', CAROL, ALL_ASKED);
    expect(owed(at).map(({ note }) => note)).toEqual(['delivered m1']);
    expect(take(at.store, 30)).toMatchObject([{ kind: 'notification', peer: CAROL, audience: 'group', conversationId: id }]);
  });

  test('R-GI-02: by somebody who is blocked is there, and nobody is told of it', () => {
    const at = openInThread();
    const id = begin(at.store);
    at.store.blockConversation({ conversationId: openWith(at.store, CAROL).id, blocked: true, now: 6 });
    hear(at.store, id, 'm1', CAROL, ALL_ASKED);
    hear(at.store, id, 'm2', BOB);
    expect(at.store.conversation(id)).toMatchObject({ unread: 1, last: { text: 'text m2' } });
    expect(owed(at)).toEqual([]);
    expect(at.store.group(id)?.participants.map(({ entity, blocked }) => [entity, blocked])).toEqual([
      [ALICE, false],
      [BOB, false],
      [CAROL, true],
    ]);
  });

  test('an own text has a state for each who is in when it leaves, and grows by who reports', () => {
    const { store } = openInThread();
    const id = begin(store, 'member', [person(BOB), person(CAROL, 'invited'), person(DAVE, 'left'), person('sip:a1@anonymous.invalid')]);
    const { message } = compose(store, id, 'm1');
    expect(message.reach).toBeNull();
    const [item] = take(store, 10);
    store.outboxUpdate({ outboxId: item?.id as number, event: 'accepted', now: 11 });
    const states = () => store.messageInfo(message.id).recipients.map(({ name, status }) => `${name} ${status}`);
    expect(states()).toEqual(['bob sent', 'carol sent']);
    const report = (peer: string, event: 'delivered' | 'displayed') => store.applyReceipt({ peer, imdnId: 'm1', event, now: 12 })?.message;
    expect(report(BOB, 'delivered')).toMatchObject({ status: 'sent', reach: { total: 2, delivered: 1 } });
    expect(report(CAROL, 'displayed')).toMatchObject({ status: 'delivered', reach: { total: 2, delivered: 2, displayed: 1 } });
    expect(report(DAVE, 'delivered')?.reach).toMatchObject({ total: 3, delivered: 3 });
    expect(report(BOB, 'displayed')?.status).toBe('delivered');
    expect(report(DAVE, 'displayed')?.status).toBe('displayed');
    expect(states()).toEqual(['bob displayed', 'carol displayed', 'dave displayed']);
  });

  test('an own text that comes back was taken, whoever sent it', () => {
    const { store } = openInThread();
    const id = begin(store);
    const { message } = compose(store, id, 'm1');
    take(store, 10);
    const back = (imdnId: string) =>
      store.noteOwnInGroup({
        ...{ conversationId: id, contributionId: 'k1', imdnId, text: 'said', sentAt: 9, now: 20 },
        answers: { imdnId: null, contributionId: null },
      });
    expect(back('m1')).toMatchObject({ created: false, message: { id: message.id, status: 'sent', text: 'text m1' } });
    expect(take(store, 1e9)).toEqual([]);
    expect([back('m2'), back('m2')].map(({ created }) => created)).toEqual([true, false]);
    expect(store.messages({ conversationId: id, limit: 10 }).items.at(-1)).toMatchObject({
      direction: 'out',
      status: 'sent',
      author: null,
    });
  });
});

test('a store of the version before opens, and what it knows by an id is known', () => {
  const path = join(folder, 'before.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, groups.version - 1) });
  before.exec(`INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at, kind) VALUES
      (1, '${BOB}', 'Bob', 'c', 1, 'person'), (2, 'sip:club@example.com', 'Club', 'd', 1, 'group');
    INSERT INTO messages (id, conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
    VALUES (1, 1, 'in', 'text', 'hello', 'received', 1, 1, 'm1', 'k1'), (2, 2, 'out', 'text', 'all', 'sent', 1, 1, 'm2', 'k2');
    INSERT INTO recipients (message_id, address, position, status) VALUES (2, '${CAROL}', 0, 'delivered');`);
  before.close();
  const { store, database } = openInThread(path);
  expect(store.message(1)).toMatchObject({ text: 'hello', author: null, event: null });
  expect(store.message(2).reach).toMatchObject({ total: null, delivered: 1 });
  expect(store.conversation(2).standing).toBe('outside');
  expect(
    store.receiveText({
      ...{ peer: BOB, title: 'Bob', cpmConversationId: 'c', contributionId: 'k1', imdnId: 'm1', text: 'hello', sentAt: 1, now: 2 },
      notify: NOTHING_ASKED,
    }).duplicate,
  ).toBe(true);
  database.close();
});

test('groups of the version before files had a place in them are found by where they are reached', () => {
  const path = join(folder, 'before-files.db');
  const before = openDatabase({ path, nativeBinding: null, migrations: MIGRATIONS.slice(0, groupFiles.version - 1) });
  before.exec(`INSERT INTO conversations (id, peer, title, cpm_conversation_id, updated_at, kind) VALUES (1, 'group:k1', 'x', 'c1', 1, 'group');
    INSERT INTO groups (conversation_id, contribution_id, identity, subject, standing) VALUES (1, 'k1', '${FOCUS}', 'x', 'member');
    INSERT INTO participants (conversation_id, entity, position, address, is_anonymous, name, presence, is_self, roles)
    VALUES (1, '${BOB}', 0, '${BOB}', 0, 'Bob', 'in', 0, '[]');`);
  before.close();
  const { store, database } = openInThread(path);
  expect(store.groupBy({ author: BOB, identity: FOCUS, cpmConversationId: 'x' })?.conversationId).toBe(1);
  expect(store.groupBy({ author: BOB, identity: null, cpmConversationId: 'c1' })?.conversationId).toBe(1);
  database.close();
});
