import { beforeEach, describe, expect, it } from 'vitest';
import { messageActions, shownStatus } from '../../../renderer/features/thread/message-actions.ts';
import { UNDO_MS } from '../../../renderer/features/thread/removals.svelte.ts';
import { Thread } from '../../../renderer/features/thread/thread.svelte.ts';
import { placeMenu, stepInMenu } from '../../../renderer/ui/menu.ts';
import { type CodedError, ParleyError } from '../../../shared/base/errors.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { answers, coreBridge } from './core-bridge.ts';

let core: FakeCore;
let clock: ManualClock;
let refused: CodedError[];

beforeEach(() => {
  core = new FakeCore({ answersSends: false });
  clock = new ManualClock();
  refused = [];
  core.addConversation('sip:bob@example.com', 'Bob Baker');
});

async function open(): Promise<Thread> {
  const conversation = core.conversations.get(1);
  if (conversation === undefined) throw new Error('no conversation');
  const thread = new Thread(coreBridge(core), conversation, { clock, refused: (error) => refused.push(error) });
  core.subscribe((event: string, payload: unknown) => {
    if (event === 'message.changed') thread.apply(payload as never);
    if (event === 'message.removed') thread.dropped((payload as { messageId: number }).messageId);
  });
  await thread.open();
  return thread;
}

const texts = (thread: Thread): unknown[] => thread.rows.map((row) => row.message?.text ?? row.pending?.text);
const row = (thread: Thread, at: number) => {
  const found = thread.rows[at];
  if (found === undefined) throw new Error('no row');
  return found;
};
const removed = (): unknown[] => core.callsOf('messages.remove').map((params) => (params as { messageId: number }).messageId);

describe('a deleted message', () => {
  beforeEach(() => {
    for (const text of ['one', 'two', 'three']) core.addMessage(1, { text });
  });

  it('is out of sight at once, and gone when it can no longer be taken back', async () => {
    const thread = await open();
    thread.remove(row(thread, 1));
    expect(texts(thread)).toEqual(['one', 'three']);
    expect(thread.removals.undoable).toBe(true);
    await clock.advance(UNDO_MS - 1);
    expect(removed()).toEqual([]);
    await clock.advance(1);
    await answers();
    expect(removed()).toEqual([2]);
    expect(thread.removals.undoable).toBe(false);
    expect(texts(thread)).toEqual(['one', 'three']);
    expect(thread.window.messages).toHaveLength(2);
  });

  it('comes back where it was by an undo, and nobody was asked to delete it', async () => {
    const thread = await open();
    thread.remove(row(thread, 1));
    thread.removals.undo();
    await clock.advance(UNDO_MS * 2);
    expect(texts(thread)).toEqual(['one', 'two', 'three']);
    expect(removed()).toEqual([]);
  });

  it('is gone at once when the next is deleted, or the thread is left', async () => {
    const thread = await open();
    thread.remove(row(thread, 0));
    thread.remove(row(thread, 0));
    expect(removed()).toEqual([1]);
    thread.removals.flush();
    thread.removals.flush();
    expect(removed()).toEqual([1, 2]);
    expect(clock.nextIn).toBeNull();
  });

  it('can be taken back as long as somebody is at the button', async () => {
    const thread = await open();
    thread.remove(row(thread, 0));
    thread.removals.hold(true);
    await clock.advance(UNDO_MS * 10);
    expect(thread.removals.undoable).toBe(true);
    thread.removals.hold(false);
    await clock.advance(UNDO_MS);
    expect(removed()).toEqual([1]);
  });

  it('comes back, and it is said why, when it cannot be deleted', async () => {
    const thread = await open();
    core.before = (method) => {
      if (method === 'messages.remove') throw new ParleyError('request.invalid-state', 'on its way');
    };
    thread.remove(row(thread, 1));
    await clock.advance(UNDO_MS);
    await answers();
    expect(texts(thread)).toEqual(['one', 'two', 'three']);
    expect(refused).toEqual([{ code: 'request.invalid-state', detail: 'on its way' }]);
  });

  it('does not come back with a page that was on its way, or by a late event', async () => {
    const thread = await open();
    const [, two] = core.messages.get(1) ?? [];
    core.before = async (method) => {
      if (method !== 'messages.page') return;
      core.before = () => {};
      await answers();
    };
    const reloaded = thread.reload();
    thread.dropped(2);
    await reloaded;
    if (two !== undefined) thread.apply(two);
    expect(texts(thread)).toEqual(['one', 'three']);
  });
});

describe('a text that waits', () => {
  it('is withdrawn at once, so that it cannot leave meanwhile, and written anew by an undo', async () => {
    const thread = await open();
    await thread.sendText('regretted');
    thread.remove(row(thread, 0));
    await answers();
    expect(removed()).toEqual([1]);
    expect(texts(thread)).toEqual([]);
    thread.removals.undo();
    await answers();
    expect(texts(thread)).toEqual(['regretted']);
    const ids = core.callsOf('messages.sendText').map((params) => (params as { clientId: string }).clientId);
    expect(new Set(ids).size).toBe(2);
  });

  it('stays, with the reason, when it is on its way already', async () => {
    const thread = await open();
    await thread.sendText('too late');
    core.before = () => {
      throw new ParleyError('request.invalid-state', 'on its way');
    };
    thread.remove(row(thread, 0));
    await answers();
    expect(texts(thread)).toEqual(['too late']);
    expect(refused).toHaveLength(1);
    expect(thread.removals.undoable).toBe(false);
  });
});

it('a text that the core never took is dropped without asking it', async () => {
  const thread = await open();
  core.before = (method) => {
    if (method === 'messages.sendText') throw new ParleyError('store.full', 'SQLITE_FULL');
  };
  await thread.sendText('lost');
  thread.remove(row(thread, 0));
  expect(texts(thread)).toEqual([]);
  thread.removals.undo();
  expect(texts(thread)).toEqual(['lost']);
  thread.remove(row(thread, 0));
  await clock.advance(UNDO_MS);
  expect(texts(thread)).toEqual([]);
  expect(removed()).toEqual([]);
});

describe('what can be done with a message', () => {
  const actions = (message: Parameters<FakeCore['addMessage']>[1]): readonly string[] =>
    messageActions({ message: core.addMessage(1, message), pending: null });
  const file = (state: Parameters<FakeCore['addFile']>[1], direction: 'in' | 'out', status?: 'failed' | 'sent'): readonly string[] =>
    messageActions({ message: core.addFile(1, state, { direction }, status === undefined ? {} : { status }), pending: null });

  it('of a text: copied and looked into always, sent again when it failed, deleted unless it is on its way', () => {
    expect(actions({ text: 'x' })).toEqual(['reply', 'forward', 'copy', 'select', 'info', 'remove']);
    expect(actions({ direction: 'out', status: 'failed' })).toEqual(['reply', 'forward', 'copy', 'select', 'info', 'retry', 'remove']);
    expect(actions({ direction: 'out', status: 'queued' })).toEqual(['reply', 'forward', 'copy', 'select', 'info', 'remove']);
    expect(actions({ direction: 'out', status: 'sending' })).toEqual(['reply', 'forward', 'copy', 'select', 'info']);
  });

  it('of a file: sent again when it did not arrive, also where the other side told so; deleted when it is at rest', () => {
    expect(file('transferring', 'out')).toEqual(['reply', 'forward', 'select', 'info']);
    expect(file('offered', 'in')).toEqual(['reply', 'select', 'info']);
    expect(file('done', 'out', 'sent')).toEqual(['reply', 'forward', 'select', 'info', 'remove']);
    expect(file('done', 'out', 'failed')).toEqual(['reply', 'forward', 'select', 'info', 'retry', 'remove']);
    expect(file('interrupted', 'out')).toEqual(['reply', 'forward', 'select', 'info', 'retry', 'remove']);
    expect(file('failed', 'in')).toEqual(['reply', 'select', 'info', 'remove']);
  });

  it('of a file that is asked for: nothing is forwarded before it is here', () => {
    const of = (state: 'offering' | 'done') =>
      messageActions({ message: core.addFile(1, state, { direction: 'in', pull: true }), pending: null });
    expect(of('offering')).not.toContain('forward');
    expect(of('done')).toContain('forward');
  });

  it('a file that failed before and goes on, or is paused, is shown as on its way', () => {
    const shown = (state: 'transferring' | 'paused' | 'declined' | 'done') =>
      shownStatus(core.addFile(1, state, { direction: 'out' }, { status: 'failed' }));
    expect([shown('transferring'), shown('paused'), shown('declined'), shown('done')]).toEqual(['sending', 'sending', 'failed', 'failed']);
  });

  it('before the core has it: nothing but copying, until it was refused', () => {
    const pending = { clientId: 'c', kind: 'text', text: 'x', quote: null, file: null, at: 0, error: null } as const;
    expect(messageActions({ message: null, pending })).toEqual(['copy']);
    const error = { code: 'store.full', detail: '' } as const;
    expect(messageActions({ message: null, pending: { ...pending, error } })).toEqual(['copy', 'retry', 'remove']);
  });
});

describe('a menu', () => {
  const window = { width: 800, height: 600 };
  const menu = { width: 160, height: 140 };

  it('opens where it was asked for, but within the window', () => {
    expect(placeMenu({ x: 100, y: 50 }, menu, window)).toEqual({ left: 100, top: 50 });
    expect(placeMenu({ x: 790, y: 590 }, menu, window)).toEqual({ left: 632, top: 450 });
    expect(placeMenu({ x: -5, y: 2 }, { width: 900, height: 700 }, window)).toEqual({ left: 8, top: 8 });
  });

  it('goes round by the arrows', () => {
    expect([stepInMenu('ArrowDown', 2, 3), stepInMenu('ArrowUp', 0, 3), stepInMenu('ArrowUp', -1, 3)]).toEqual([0, 2, 2]);
    expect([stepInMenu('Home', 2, 3), stepInMenu('End', 0, 3), stepInMenu('a', 0, 3)]).toEqual([0, 2, null]);
  });
});
