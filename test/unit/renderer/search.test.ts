import { beforeEach, describe, expect, it } from 'vitest';
import { App } from '../../../renderer/app/app.svelte.ts';
import { commandOf } from '../../../renderer/app/shortcuts.ts';
import { piecesOf } from '../../../renderer/features/search/marks.ts';
import { MessageSearch } from '../../../renderer/features/search/message-search.svelte.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { FoundMessage } from '../../../shared/ipc/contract.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { ManualClock, settle } from '../../harness/manual-clock.ts';
import { type CoreBridge, coreBridge, MapStorage } from './core-bridge.ts';

let core: FakeCore;
let bridge: CoreBridge;
let clock: ManualClock;
let app: App;

beforeEach(async () => {
  core = new FakeCore();
  core.addConversation('sip:bob@example.com', 'Bob', { updatedAt: 2 });
  core.addConversation('sip:carol@example.com', 'Carol', { updatedAt: 1 });
  for (let n = 0; n < 400; n++) core.addMessage(1 + (n % 2), { text: n % 20 === 0 ? `needle ${n}` : `hay ${n}` });
  bridge = coreBridge(core);
  clock = new ManualClock();
  app = new App(bridge, new MapStorage(), clock);
  await app.start();
});

const found = (search: MessageSearch) => search.items.map(({ message }) => message.text);

function only(text: string): FoundMessage {
  const hit = app.search.items.find(({ message }) => message.text === text);
  if (hit === undefined) throw new Error(`${text} was not found`);
  return hit;
}

async function typed(search: MessageSearch, text: string): Promise<void> {
  search.text = text;
  await settle();
}

describe('a search over messages', () => {
  it('answers what was typed last, one question at a time', async () => {
    const answers: (() => void)[] = [];
    core.before = () => new Promise((resolve) => answers.push(resolve));
    const search = new MessageSearch(bridge);
    for (const text of ['n', 'ne', 'nee', 'needle 2']) search.text = text;
    expect(search.ready).toBe(false);
    answers.shift()?.();
    await settle();
    expect(search.ready).toBe(false);
    answers.shift()?.();
    await settle();
    expect([search.ready, search.answered]).toEqual([true, 'needle 2']);
    expect(core.callsOf('search.messages')).toMatchObject([{ text: 'n' }, { text: 'needle 2' }]);
    expect(found(search)[0]).toBe('needle 320');
  });

  it('asks nothing for nothing, and forgets what it had', async () => {
    const search = new MessageSearch(bridge);
    await typed(search, 'needle');
    expect(search.items).toHaveLength(20);
    const calls = core.callsOf('search.messages').length;
    await typed(search, '  ');
    expect([search.items, search.more, core.callsOf('search.messages').length]).toEqual([[], false, calls]);
  });

  it('loads on, once for several who ask, and drops a page of what is no longer looked for', async () => {
    const search = new MessageSearch(bridge);
    await typed(search, 'hay');
    expect([search.items.length, search.more]).toEqual([50, true]);
    await Promise.all([search.loadMore(), search.loadMore()]);
    expect(search.items).toHaveLength(100);
    expect(new Set(found(search)).size).toBe(100);
    const late = search.loadMore();
    search.text = 'needle';
    await late;
    await settle();
    expect(found(search).every((text) => text.startsWith('needle'))).toBe(true);
  });

  it('says why it has no answer', async () => {
    core.before = (method) => {
      if (method === 'search.messages') throw new ParleyError('store.corrupt', 'x');
    };
    const search = new MessageSearch(bridge);
    await typed(search, 'needle');
    expect([search.error?.code, search.ready, search.items]).toEqual(['store.corrupt', true, []]);
    core.before = () => {};
    await typed(search, 'needl');
    expect([search.error, search.items.length]).toEqual([null, 20]);
  });
});

describe('a hit', () => {
  it('opens its conversation there, stands out for a moment, and the newest is one step away', async () => {
    app.find('needle 21');
    await settle();
    expect(app.conversations.shown).toEqual([]);
    app.find('needle 40');
    await settle();
    const hit = only('needle 40');
    await app.openHit(hit);
    const { thread } = app;
    expect([thread?.conversationId, thread?.hit?.id, app.openedHit]).toEqual([1, hit.message.id, hit.message.id]);
    expect(thread?.window.messages.some(({ id }) => id === hit.message.id)).toBe(true);
    expect([thread?.window.moreBefore, thread?.window.moreAfter]).toEqual([false, true]);
    expect(thread?.announcement).toBe('Bob: needle 40');
    await clock.advance(3000);
    expect(thread?.hit).toBeNull();
    await thread?.jumpToLatest();
    expect(thread?.window.messages.at(-1)?.text).toBe('hay 398');
  });

  it('in the open conversation moves there, and one of a conversation that is not listed yet is found by its peer', async () => {
    const bob = app.conversations.get(1);
    if (bob !== undefined) await app.open(bob);
    const { thread } = app;
    app.find('needle 0');
    await settle();
    const hit = only('needle 0');
    await app.openHit(hit);
    expect(app.thread).toBe(thread);
    expect(thread?.window.messages.some(({ id }) => id === hit.message.id)).toBe(true);
    core.addConversation('sip:dora@example.com', 'Dora');
    const message = core.addMessage(3, { text: 'far' });
    await app.openHit({ message, peer: 'sip:dora@example.com', title: 'Dora', ranges: [[0, 3]], excerpt: [0, 3] });
    expect(app.thread?.hit?.id).toBe(message.id);
  });

  it('is marked as read by nobody: what is unread below stays so', async () => {
    core.receive(1, 'unread');
    app.find('needle 40');
    await settle();
    app.setAttention(true, true);
    await app.openHit(only('needle 40'));
    expect(core.callsOf('conversations.markRead')).toEqual([]);
  });

  it('is forgotten with the search, with the thread, and when a conversation is opened as such', async () => {
    app.find('needle 40');
    await settle();
    const hit = only('needle 40');
    await app.openHit(hit);
    app.find('');
    expect([app.openedHit, app.search.text]).toEqual([null, '']);
    await app.openHit(hit);
    app.closeThread();
    expect(app.openedHit).toBeNull();
    await app.openHit(hit);
    const carol = app.conversations.get(2);
    if (carol !== undefined) await app.open(carol);
    expect(app.openedHit).toBeNull();
  });
});

describe('a search within the open conversation', () => {
  it('goes from the newest hit to older ones and round, and back', async () => {
    const bob = app.conversations.get(1);
    app.findInThread();
    expect(app.threadFind).toBeNull();
    if (bob !== undefined) await app.open(bob);
    app.findInThread();
    const find = app.threadFind;
    if (find === null) throw new Error('no search');
    expect(find.position).toBe('');
    await typed(find.search, 'needle');
    const shown = () => app.thread?.window.messages.find(({ id }) => id === app.thread?.hit?.id)?.text;
    expect([find.position, shown()]).toEqual(['1 of 20', 'needle 380']);
    await find.older();
    expect([find.position, shown()]).toEqual(['2 of 20', 'needle 360']);
    await find.newer();
    await find.newer();
    expect([find.position, shown()]).toEqual(['20 of 20', 'needle 0']);
    await find.older();
    expect([find.position, shown()]).toEqual(['1 of 20', 'needle 380']);
    await typed(find.search, 'neither');
    expect([find.position, app.thread?.hit]).toEqual(['Nothing found', null]);
    app.closeThreadFind();
    expect([app.threadFind, app.composerAsked]).toEqual([null, 2]);
  });

  it('loads on when its hits are used up, and ends with the thread', async () => {
    const bob = app.conversations.get(1);
    if (bob !== undefined) await app.open(bob);
    app.findInThread();
    const find = app.threadFind;
    if (find === null) throw new Error('no search');
    await typed(find.search, 'hay');
    expect(find.position).toBe('1 of 180');
    for (let n = 0; n < 50; n++) await find.older();
    expect([find.position, find.search.items.length]).toEqual(['51 of 180', 100]);
    app.openNeighbour(1);
    expect(app.threadFind).toBeNull();
  });
});

it('what is marked is cut out of the original text', () => {
  const text = 'one two three';
  const flat = (part: string, shift = 0) =>
    piecesOf(
      part,
      [
        [0, 1],
        [2, 5],
        [8, 13],
      ],
      shift,
    ).map((piece) => (piece.marked ? `[${piece.text}]` : piece.text));
  expect(flat(text)).toEqual(['[o]', 'n', '[e t]', 'wo ', '[three]']);
  expect(flat(text.slice(4, 10), 4)).toEqual(['[t]', 'wo ', '[th]']);
  expect(piecesOf('', [[0, 1]])).toEqual([]);
});

it('Control or Command, Shift and F look within the conversation', () => {
  const press = { key: 'F', code: 'KeyF', ctrlKey: true, metaKey: false, altKey: false, shiftKey: true, isComposing: false };
  expect(commandOf(press, false)).toBe('find-within');
  expect(commandOf({ ...press, ctrlKey: false, metaKey: true }, true)).toBe('find-within');
  expect(commandOf({ ...press, shiftKey: false }, false)).toBeNull();
});
