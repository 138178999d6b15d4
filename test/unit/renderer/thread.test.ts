import { beforeEach, describe, expect, it } from 'vitest';
import { buildRows } from '../../../renderer/features/thread/rows.ts';
import { seenUpTo } from '../../../renderer/features/thread/seen.ts';
import { Thread } from '../../../renderer/features/thread/thread.svelte.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { answers, coreBridge } from './core-bridge.ts';

const WATCHING = { focused: true, visible: true, atBottom: true };
let core: FakeCore;

beforeEach(() => {
  core = new FakeCore();
  core.addConversation('sip:bob@example.com', 'Bob Baker');
});

async function open(): Promise<Thread> {
  const conversation = core.conversations.get(1);
  if (conversation === undefined) throw new Error('no conversation');
  const thread = new Thread(coreBridge(core), conversation);
  core.subscribe((event: string, payload: unknown) => {
    if (event === 'message.changed') thread.apply(payload as never);
    if (event === 'conversation.changed') thread.conversation = payload as never;
  });
  await thread.open();
  return thread;
}

const marked = (): unknown[] => core.callsOf('conversations.markRead').map((params) => (params as { upTo: number }).upTo);

describe('an optimistic send', () => {
  it('shows the bubble before the core was even asked', async () => {
    const thread = await open();
    core.before = () => new Promise(() => {});
    void thread.sendText('Hello');
    expect(thread.rows).toMatchObject([{ own: true, message: null, pending: { text: 'Hello', error: null } }]);
  });

  it('is the same row before and after the core answered, and only one', async () => {
    const thread = await open();
    const sent = thread.sendText('Hello');
    const [{ key } = { key: '' }] = thread.rows;
    await sent;
    await answers();
    expect(thread.rows).toMatchObject([{ key, pending: null, message: { text: 'Hello', status: 'sent' } }]);
  });

  it('takes the event that overtook the answer for newer than it', async () => {
    const thread = await open();
    core.before = async (method) => {
      if (method === 'messages.sendText') await answers();
    };
    const sent = thread.sendText('Hello');
    const { clientId } = (core.callsOf('messages.sendText')[0] ?? {}) as { clientId: string };
    const message = core.addMessage(1, { direction: 'out', status: 'delivered', imdnId: clientId, text: 'Hello' });
    core.change(message, { status: 'delivered' });
    await sent;
    expect(thread.rows).toMatchObject([{ message: { status: 'delivered' } }]);
  });

  it('stays with the reason when it was refused, and is repeated under the same id', async () => {
    const thread = await open();
    core.before = (method) => {
      if (method === 'messages.sendText') throw new ParleyError('store.full', 'SQLITE_FULL');
    };
    await thread.sendText('Hello');
    const [row] = thread.rows;
    expect(row?.pending?.error).toEqual({ code: 'store.full', detail: 'SQLITE_FULL' });
    core.before = () => {};
    await thread.retryPending(row?.pending?.clientId ?? '');
    await answers();
    expect(thread.rows).toMatchObject([{ message: { text: 'Hello' } }]);
    const calls = core.callsOf('messages.sendText') as { clientId: string }[];
    expect(calls.map(({ clientId }) => clientId)).toEqual([calls[0]?.clientId, calls[0]?.clientId]);
  });

  it('is found again after the page was away from its core', async () => {
    const thread = await open();
    core.before = (method) => {
      if (method === 'messages.sendText') throw new ParleyError('contract.closed', 'gone');
    };
    await thread.sendText('Hello');
    const clientId = thread.rows[0]?.pending?.clientId ?? '';
    core.before = () => {};
    core.addMessage(1, { direction: 'out', imdnId: clientId, text: 'Hello', status: 'sent' });
    await thread.reload();
    expect(thread.rows).toMatchObject([{ pending: null, message: { status: 'sent' } }]);
  });

  it('goes again by itself, in order and under the same ids, when the link to the core broke', async () => {
    const thread = await open();
    core.before = (method) => {
      if (method === 'messages.sendText') throw new ParleyError('contract.closed', 'gone');
    };
    await Promise.all([thread.sendText('one'), thread.sendText('two')]);
    core.before = () => {};
    await thread.reload();
    await answers();
    expect(thread.rows.map((row) => row.message?.text)).toEqual(['one', 'two']);
    const calls = core.callsOf('messages.sendText') as { clientId: string }[];
    expect(calls.map(({ clientId }) => clientId)).toEqual([0, 1, 0, 1].map((at) => calls[at]?.clientId));
  });

  it('brings the newest messages back when older ones were on screen', async () => {
    for (let at = 0; at < 500; at++) core.addMessage(1, { text: `Old ${at}` });
    const thread = await open();
    for (let page = 0; page < 8; page++) await thread.loadBefore();
    expect(thread.window.moreAfter).toBe(true);
    await thread.sendText('Hello');
    await answers();
    expect(thread.window.moreAfter).toBe(false);
    expect(thread.rows.at(-1)).toMatchObject({ message: { text: 'Hello' } });
  });
});

describe('after the page was away from its core', () => {
  it('the thread stays where it was read, with what changed meanwhile', async () => {
    const messages = Array.from({ length: 400 }, (_, at) => core.addMessage(1, { text: `${at}`, direction: 'out', status: 'sent' }));
    const thread = await open();
    thread.setAttention(WATCHING);
    await thread.loadBefore();
    thread.setAttention({ atBottom: false });
    const before = thread.rows.map(({ key }) => key);
    for (const message of messages) core.messages.get(1)?.splice(message.id - 1, 1, { ...message, status: 'delivered' });
    core.addMessage(1, { text: 'meanwhile', status: 'received' });
    const asked = thread.latestAsked;
    await thread.reload();
    expect(thread.rows.map(({ key }) => key)).toEqual(before);
    expect(new Set(thread.rows.map((row) => row.message?.status))).toEqual(new Set(['delivered']));
    expect(thread.latestAsked).toBe(asked);
    expect(thread.window.moreAfter).toBe(true);
    expect(marked()).toEqual([]);
  });

  it('the newest messages are shown where they were before', async () => {
    core.addMessage(1, { text: 'old' });
    const thread = await open();
    thread.setAttention(WATCHING);
    core.addMessage(1, { text: 'meanwhile' });
    const asked = thread.latestAsked;
    await thread.reload();
    expect(thread.rows.map((row) => row.message?.text)).toEqual(['old', 'meanwhile']);
    expect(thread.latestAsked).toBe(asked + 1);
  });
});

describe('what counts as seen', () => {
  it.each([
    { focused: false, visible: true, atBottom: true },
    { focused: true, visible: false, atBottom: true },
    { focused: true, visible: true, atBottom: false },
  ])('is nothing while $focused/$visible/$atBottom (focused/visible/at the end)', (attention) => {
    expect(seenUpTo(attention, 5, 0)).toBeNull();
  });

  it('is what is new since the last time', () => {
    expect(seenUpTo(WATCHING, 5, 0)).toBe(5);
    expect(seenUpTo(WATCHING, 5, 5)).toBeNull();
  });

  it('is told once the person looks at the end, and once only', async () => {
    core.addMessage(1, { status: 'received', text: 'unread' });
    const thread = await open();
    thread.setAttention({ focused: true, visible: true });
    expect(marked()).toEqual([]);
    thread.setAttention({ atBottom: true });
    thread.setAttention({ atBottom: true });
    await answers();
    expect(marked()).toEqual([1]);
    core.receive(1, 'while looking');
    await answers();
    expect(marked()).toEqual([1, 2]);
    thread.setAttention({ focused: false });
    core.receive(1, 'while away');
    await answers();
    expect(marked()).toEqual([1, 2]);
    thread.setAttention({ focused: true });
    expect(marked()).toEqual([1, 2, 3]);
  });

  it('is told again when the core could not take it', async () => {
    core.addMessage(1, { status: 'received', text: 'unread' });
    const thread = await open();
    core.before = (method) => {
      if (method === 'conversations.markRead') throw new ParleyError('contract.closed', 'gone');
    };
    thread.setAttention(WATCHING);
    await answers();
    core.before = () => {};
    thread.setAttention({ focused: true });
    expect(marked()).toEqual([1, 1]);
  });

  it('is nothing while newer messages are not in the window', async () => {
    for (let at = 0; at < 500; at++) core.addMessage(1, { text: `${at}`, status: 'received' });
    const thread = await open();
    for (let page = 0; page < 8; page++) await thread.loadBefore();
    thread.setAttention(WATCHING);
    expect(marked()).toEqual([]);
  });
});

describe('new messages', () => {
  it('are counted while the end is out of sight, announced once, and have a line above the first', async () => {
    core.addMessage(1, { text: 'old' });
    const thread = await open();
    thread.setAttention({ focused: true, visible: true, atBottom: false });
    const first = core.receive(1, 'one');
    core.receive(1, 'two');
    core.change(first, { text: 'one' });
    expect(thread.below).toBe(2);
    expect(thread.announcement).toBe('Bob Baker: two');
    expect(thread.firstUnreadId).toBe(first.id);
    thread.setAttention({ atBottom: true });
    expect(thread.below).toBe(0);
  });

  it('are announced also when they say the same, and never at length', async () => {
    const thread = await open();
    core.receive(1, 'ok');
    const first = thread.announcement;
    core.receive(1, 'ok');
    expect(first).toBe('Bob Baker: ok');
    expect(thread.announcement).not.toBe(first);
    expect(thread.announcement.trim()).toBe(first);
    core.receive(1, `${'x'.repeat(499)}😀${'y'.repeat(9000)}`);
    expect(thread.announcement).toBe(`Bob Baker: ${'x'.repeat(499)}…`);
  });

  it('have their line above the first also when there are more than the window holds', async () => {
    for (let at = 0; at < 100; at++) core.addMessage(1, { text: `old ${at}` });
    const first = core.addMessage(1, { text: 'first', status: 'received' });
    for (let at = 0; at < 900; at++) core.addMessage(1, { text: `new ${at}`, status: 'received' });
    const thread = await open();
    expect(thread.rows.filter((row) => row.firstUnread).map((row) => row.message?.id)).toEqual([first.id]);
    expect(thread.rows.filter((row) => row.message?.status === 'read')).toHaveLength(49);
    await thread.jumpToLatest();
    expect(thread.rows.at(-1)).toMatchObject({ message: { text: 'new 899' } });
  });

  it('have their line where a conversation is opened', async () => {
    for (let at = 0; at < 10; at++) core.addMessage(1, { text: `${at}` });
    const first = core.addMessage(1, { text: 'new', status: 'received' });
    core.addMessage(1, { text: 'newer', status: 'received' });
    const thread = await open();
    expect(thread.firstUnreadId).toBe(first.id);
    expect(thread.rows.filter((row) => row.firstUnread).map((row) => row.message?.id)).toEqual([first.id]);
  });

  it('have no line above them while the person looks on', async () => {
    const thread = await open();
    thread.setAttention(WATCHING);
    core.receive(1, 'seen at once');
    expect(thread.firstUnreadId).toBeNull();
  });
});

describe('rows', () => {
  const noon = new Date(2026, 10, 20, 12).getTime();
  const rowsOf = (...times: [minutes: number, direction: 'in' | 'out'][]): ReturnType<typeof buildRows> =>
    buildRows(
      times.map(([minutes, direction]) => core.addMessage(1, { direction, sentAt: noon + minutes * 60_000 })),
      [],
      null,
      new Set(),
    );

  it('of one sender within five minutes form a group with one time at its end', () => {
    const rows = rowsOf([0, 'in'], [4, 'in'], [8, 'in'], [14, 'in'], [15, 'out']);
    expect(rows.map((row) => row.startsGroup)).toEqual([true, false, false, true, true]);
    expect(rows.map((row) => row.endsGroup)).toEqual([false, false, true, true, true]);
  });

  it('never stand later than they came, whatever their author says', () => {
    const message = core.addMessage(1, { sentAt: 8.64e15 * 2, storedAt: noon });
    expect(buildRows([message], [], null, new Set())[0]?.at).toBe(noon);
  });

  it('of another day stand below a date', () => {
    const rows = rowsOf([-3000, 'in'], [0, 'in'], [1, 'in'], [719, 'in'], [721, 'in']);
    expect(rows.map((row) => row.newDay)).toEqual([true, true, false, false, true]);
  });
});
