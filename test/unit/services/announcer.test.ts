import { beforeEach, describe, expect, test } from 'vitest';
import { type Announcement, Announcer } from '../../../electron/services/announcer.ts';
import { ContactBook } from '../../../electron/services/contacts.ts';
import { Notices, type ServiceContext } from '../../../electron/services/context.ts';
import type { Store } from '../../../electron/store/port.ts';
import { Emitter } from '../../../shared/base/emitter.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../../shared/model/settings.ts';
import type { Transfer } from '../../../shared/model/transfer.ts';
import { ManualClock, settle } from '../../harness/manual-clock.ts';
import { BOB, CAROL, compose, NOTHING_ASKED, openInThread } from '../store/fixture.ts';

function desk(settings: Partial<Settings> = {}) {
  const { store: calls } = openInThread();
  const store = new Proxy({} as Store, {
    get:
      (_, method: string) =>
      async (...given: unknown[]) =>
        (calls as unknown as Record<string, (...args: unknown[]) => unknown>)[method]?.(...given),
  });
  const clock = new ManualClock();
  const notices = new Notices();
  const told: string[] = [];
  notices.on(({ event }) => told.push(event));
  const context = {
    store,
    clock,
    notices,
    settings: { current: { ...DEFAULT_SETTINGS, ...settings }, changed: new Emitter() },
    log: (line: string) => told.push(`log ${line}`),
  } as unknown as ServiceContext;
  const shown: Announcement[] = [];
  const withdrawn: number[] = [];
  const counts: number[] = [];
  const picks: (() => void)[] = [];
  let focused = false;
  const announcer = new Announcer(context, {
    isFocused: () => focused,
    show: (announcement, onPick) => {
      shown.push(announcement);
      picks.push(onPick);
    },
    withdraw: (conversationId) => withdrawn.push(conversationId),
    count: (unread) => counts.push(unread),
  });
  announcer.start();
  const offer = (pull: boolean, name: string): void => {
    const { message, conversation } = hear(`file ${name}`, name);
    const transfer = { name, pull, state: 'offered' } as Transfer;
    notices.changed({ conversation, message: { ...message, id: message.id + 1, kind: 'file', transfer } });
  };
  const hear = (imdnId: string, text: string, peer = BOB, asRequest = false) => {
    const rows = calls.receiveText({
      peer,
      asRequest,
      title: peer === BOB ? 'Bob' : 'Carol',
      cpmConversationId: 'c',
      contributionId: imdnId,
      imdnId,
      text,
      sentAt: 1,
      now: clock.now(),
      notify: NOTHING_ASKED,
    });
    notices.changed(rows);
    return rows;
  };
  return {
    calls,
    context,
    announcer,
    notices,
    clock,
    told,
    shown,
    withdrawn,
    counts,
    picks,
    hear,
    offer,
    look: (has: boolean) => {
      focused = has;
    },
    /** what is gathered is shown */
    rest: async () => {
      await clock.advance(500);
      for (let round = 0; round < 10; round++) await settle();
    },
  };
}

describe('a notification of the desktop', () => {
  let at: ReturnType<typeof desk>;
  beforeEach(() => {
    at = desk();
  });

  test('tells name and text of what comes in, one for what comes at once', async () => {
    at.hear('a', 'Hello');
    await at.rest();
    at.hear('b', 'and');
    at.hear('c', 'again');
    at.hear('d', 'Carol’s', CAROL);
    await at.rest();
    expect(at.shown).toEqual([
      { conversationId: 1, title: 'Bob', body: 'Hello' },
      { conversationId: 1, title: 'Bob', body: 'again' },
      { conversationId: 2, title: 'Carol', body: 'Carol’s' },
    ]);
    expect(at.counts).toEqual([1, 4]);
  });

  test('tells of a file what is to be decided about it', async () => {
    at.offer(false, 'plan.pdf');
    await at.rest();
    at.offer(true, 'notes.txt');
    await at.rest();
    at.offer(true, '');
    await at.rest();
    expect(at.shown.map(({ body }) => body)).toEqual(['Offers a file: plan.pdf', 'Asks for a file: notes.txt', 'Asks for a file']);
  });

  test('opens its message when it is picked', async () => {
    const { message } = at.hear('a', 'Hello');
    await at.rest();
    const opened: unknown[] = [];
    at.notices.on(({ event }) => event === 'notification.picked' && opened.push(at.announcer.take()));
    at.picks[0]?.();
    expect(opened).toEqual([{ conversationId: 1, messageId: message.id }]);
  });

  test('is kept for a window that is not there yet, the last one that was picked, and shown once', async () => {
    at.hear('a', 'Hello');
    const { message } = at.hear('b', 'Carol’s', CAROL);
    await at.rest();
    expect(at.announcer.take()).toBeNull();
    at.picks[0]?.();
    at.picks[1]?.();
    expect(at.announcer.take()).toEqual({ conversationId: 2, messageId: message.id });
    expect(at.announcer.take()).toBeNull();
  });

  test('is withdrawn once it was read, and not shown of what was read meanwhile', async () => {
    at.hear('a', 'Hello');
    await at.rest();
    at.notices.changed(at.calls.markRead({ conversationId: 1, upTo: 9, now: 5 }));
    expect(at.withdrawn).toEqual([1]);
    at.hear('b', 'read at once');
    at.notices.changed(at.calls.markRead({ conversationId: 1, upTo: 9, now: 6 }));
    await at.rest();
    expect(at.shown).toHaveLength(1);
    expect(at.counts.at(-1)).toBe(0);
  });

  test('is not shown of the conversation that the person looks at; of one in a window without the keyboard it is', async () => {
    at.hear('a', 'Hello');
    await at.rest();
    at.announcer.shown(1);
    at.look(true);
    at.hear('b', 'seen');
    at.hear('c', 'elsewhere', CAROL);
    await at.rest();
    at.look(false);
    at.hear('d', 'not seen');
    await at.rest();
    expect(at.shown.map(({ body }) => body)).toEqual(['Hello', 'elsewhere', 'not seen']);
  });

  test('is none of a muted one until that is over, of a blocked person, of own messages and of what only changes', async () => {
    const { message } = at.hear('a', 'Hello');
    await at.rest();
    at.calls.configureConversation({ conversationId: 1, mutedUntil: at.clock.now() + 10_000 });
    at.hear('b', 'muted');
    at.notices.changed({ message });
    at.notices.changed(compose(at.calls, 1, 'mine'));
    await at.rest();
    expect(at.shown).toHaveLength(1);
    expect(at.counts.at(-1)).toBe(0);
    await at.clock.advance(70_000);
    await at.rest();
    expect(at.counts.at(-1)).toBe(2);
    at.hear('c', 'heard');
    at.calls.blockConversation({ conversationId: 1, blocked: true, now: 9 });
    await at.rest();
    expect(at.shown).toHaveLength(1);
  });

  test('says of a stranger no more than that there is one', async () => {
    at.hear('a', 'Buy now', BOB, true);
    await at.rest();
    expect(at.shown).toEqual([{ conversationId: 1, title: 'Bob', body: 'New request' }]);
    expect(at.counts).toEqual([0]);
  });

  test('says what the settings let it say, and what those of the conversation say before them', async () => {
    for (const [ofAccount, own, body] of [
      ['sender', null, 'New message'],
      ['nothing', null, null],
      ['content', 'nothing', null],
      ['nothing', 'content', 'Hello'],
    ] as const) {
      const one = desk({ notifications: ofAccount });
      const { conversation } = one.hear('first', 'before');
      await one.rest();
      one.calls.configureConversation({ conversationId: conversation.id, settings: { notifications: own } });
      one.shown.length = 0;
      one.hear('a', 'Hello');
      await one.rest();
      expect(one.shown.map((each) => each.body)).toEqual(body === null ? [] : [body]);
    }
    const many = desk({ notifications: 'sender' });
    for (const id of ['a', 'b', 'c']) many.hear(id, 'text');
    await many.rest();
    expect(many.shown.map(({ body }) => body)).toEqual(['3 new messages']);
  });

  test('is none of what was there before the start, and all are gone after the end', async () => {
    const { message, conversation } = at.hear('a', 'Hello');
    await at.rest();
    at.announcer.stop();
    expect(at.withdrawn).toEqual([1]);
    at.hear('b', 'after the end');
    await at.clock.advance(1000);
    const later = new Announcer(at.context, {
      isFocused: () => false,
      show: (one) => at.shown.push(one),
      withdraw: () => undefined,
      count: () => undefined,
    });
    later.start();
    at.notices.changed({ message, conversation });
    await at.rest();
    expect(at.shown).toHaveLength(1);
    later.stop();
  });
});

test('of a group an invitation says who asks, and a message who wrote it', async () => {
  const at = desk();
  const { message, conversation } = at.hear('a', 'At nine');
  const bob = { address: BOB, name: 'Bob' };
  const invited = { what: 'invited', people: [], by: bob } as const;
  const told = async (more: Partial<typeof message>, id: number) => {
    at.notices.changed({ conversation, message: { ...message, id, ...more } });
    await at.rest();
    return at.shown.at(-1)?.body;
  };
  expect(await told({ author: { address: CAROL, name: '' } }, 11)).toBe('carol: At nine');
  expect(await told({ kind: 'event', text: '', event: invited }, 12)).toBe('Bob asks you into this group');
  expect(await told({ kind: 'event', text: '', event: { ...invited, by: null } }, 13)).toBe('Invitation to this group');
});

test('whoever is blocked is known without asking the store, by every address; neighbours are by their names', async () => {
  const { calls, context, hear } = desk();
  const book = await ContactBook.open(context.store, [{ address: 'sips:carol@EXAMPLE.com', displayName: 'Carol' }]);
  expect(book.names).toEqual(new Map([[CAROL, 'Carol']]));
  const { conversation } = hear('a', 'x');
  calls.learnAliases({ peer: BOB, aliases: ['tel:+49301234567'] });
  calls.blockConversation({ conversationId: conversation.id, blocked: true, now: 1 });
  expect(book.isBlocked([BOB])).toBe(false);
  await book.reload();
  expect([[BOB], ['tel:+49301234567'], [CAROL, BOB], [CAROL], []].map((given) => book.isBlocked(given))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});
