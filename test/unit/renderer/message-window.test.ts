import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageWindow, PAGE, WINDOW } from '../../../renderer/features/thread/message-window.svelte.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { answers } from './core-bridge.ts';

function coreWith(count: number, unread = 0): FakeCore {
  const core = new FakeCore();
  core.addConversation('sip:bob@example.com', 'Bob');
  for (let at = 1; at <= count; at++) core.addMessage(1, { text: `Message ${at}`, status: at > count - unread ? 'received' : 'read' });
  return core;
}

function windowOn(core: FakeCore): MessageWindow {
  return new MessageWindow(1, (params) => core.handlers['messages.page'](params), answers);
}

const ids = (window: MessageWindow): number[] => window.messages.map(({ id }) => id);
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

describe('the window of messages', () => {
  it('opens with the newest page', async () => {
    const window = windowOn(coreWith(1000));
    await window.openLatest();
    expect(ids(window)).toEqual(range(951, 1000));
    expect(window.moreBefore).toBe(true);
    expect(window.moreAfter).toBe(false);
  });

  it('opens at a message, with what stands before and behind it, and knows what is newer than all', async () => {
    const window = windowOn(coreWith(1000, 900));
    await window.openAt(101);
    expect(ids(window)).toEqual(range(52, 301));
    expect([window.moreBefore, window.moreAfter, window.newest]).toEqual([true, true, 1000]);
    const end = windowOn(coreWith(60, 1));
    await end.openAt(60);
    expect(ids(end)).toEqual(range(11, 60));
    expect([end.moreBefore, end.moreAfter]).toEqual([true, false]);
    const first = windowOn(coreWith(3, 3));
    await first.openAt(1);
    expect(ids(first)).toEqual([1, 2, 3]);
    expect(first.moreBefore).toBe(false);
  });

  it('holds what is told after a newer one in its place, and leaves what stands outside of it to the pages', async () => {
    const core = coreWith(100);
    const window = windowOn(core);
    await window.openLatest();
    const [first, second] = [core.addMessage(1), core.addMessage(1)];
    expect([window.apply(second), window.apply(first)]).toEqual([true, false]);
    expect(ids(window)).toEqual(range(51, 102));
    const old = core.messages.get(1)?.[10];
    if (old === undefined) throw new Error('no message');
    window.apply(old);
    expect(ids(window)).toEqual(range(51, 102));
    const empty = windowOn(coreWith(0));
    await empty.openLatest();
    for (const message of [second, first]) empty.apply(message);
    expect(ids(empty)).toEqual([101, 102]);
  });

  it('is read again where it is', async () => {
    const core = coreWith(1000);
    const window = windowOn(core);
    await window.openAt(300);
    const shown = ids(window);
    const changed = core.messages.get(1)?.[shown[220] as number];
    if (changed === undefined) throw new Error('no message');
    core.change(changed, { text: 'changed' });
    await window.refresh();
    expect(ids(window)).toEqual(shown);
    expect(window.messages.filter(({ text }) => text === 'changed')).toHaveLength(1);
    await window.openLatest();
    core.addMessage(1);
    await window.refresh();
    expect(ids(window)).toEqual(range(951, 1000));
    expect([window.moreBefore, window.moreAfter, window.newest]).toEqual([true, true, 1001]);
  });

  it('grows at the start, says so, and drops what is too much at the end', async () => {
    const window = windowOn(coreWith(1000));
    await window.openLatest();
    for (let page = 0; page < 10; page++) await window.loadBefore();
    expect(window.messages).toHaveLength(WINDOW);
    expect(ids(window)).toEqual(range(451, 750));
    expect(window.moreAfter).toBe(true);
  });

  it('tells each change of length apart: where it happened, before the next', async () => {
    const seen: { length: number; atStart: boolean }[] = [];
    const core = coreWith(1000);
    const window: MessageWindow = new MessageWindow(
      1,
      (params) => core.handlers['messages.page'](params),
      async () => {
        seen.push({ length: window.messages.length, atStart: window.atStart });
      },
    );
    await window.openLatest();
    for (let page = 0; page < 6; page++) await window.loadBefore();
    expect(seen.slice(-2)).toEqual([
      { length: WINDOW + PAGE, atStart: true },
      { length: WINDOW, atStart: false },
    ]);
  });

  it('shows a message once, in order and without a gap, however it is scrolled and whatever arrives', async () => {
    const step = fc.constantFrom('before', 'after', 'latest', 'first', 'again', 'new', 'away');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const core = coreWith(700);
        const window = windowOn(core);
        core.subscribe((event: string, payload: unknown) => {
          if (event === 'message.changed') window.apply(payload as never, false);
        });
        await window.openLatest();
        for (const one of steps) {
          if (one === 'before') await window.loadBefore();
          else if (one === 'after') await window.loadAfter();
          else if (one === 'latest') await window.openLatest();
          else if (one === 'first') await Promise.all([window.openAt(200), core.receive(1, 'in flight')]);
          else if (one === 'again') await Promise.all([window.refresh(), core.receive(1, 'in flight')]);
          else if (one === 'new') core.receive(1, 'new');
          else await Promise.all([window.loadBefore(), window.openLatest(), core.receive(1, 'in flight')]);
          const shown = ids(window);
          expect(shown).toEqual(range(shown[0] ?? 0, shown.at(-1) ?? 0));
          expect(shown.length).toBeLessThanOrEqual(WINDOW + 2 * PAGE);
          expect(window.moreAfter).toBe(shown.at(-1) !== core.messages.get(1)?.at(-1)?.id);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('keeps a change that came while the page with the older state was on its way', async () => {
    const core = coreWith(60);
    const window = windowOn(core);
    const [first] = core.messages.get(1) ?? [];
    if (first === undefined) throw new Error('no message');
    await window.openLatest();
    const page = await core.handlers['messages.page']({ conversationId: 1, before: 11, limit: PAGE });
    const slow = new MessageWindow(
      1,
      async ({ before }) => {
        if (before === undefined) return { items: window.messages as never, moreBefore: true, moreAfter: false };
        slow.apply({ ...first, text: 'changed' });
        return page;
      },
      answers,
    );
    await slow.openLatest();
    await slow.loadBefore();
    expect(slow.messages[0]).toMatchObject({ id: 1, text: 'changed' });
  });

  it('never grows beyond its size by what arrives while nobody follows', async () => {
    const core = coreWith(1000);
    const window = windowOn(core);
    await window.openLatest();
    for (let at = 0; at < 2000; at++) window.apply(core.addMessage(1, { text: 'flood' }), false);
    expect(window.messages.length).toBeLessThanOrEqual(WINDOW);
    expect(window.moreAfter).toBe(true);
  });
});
