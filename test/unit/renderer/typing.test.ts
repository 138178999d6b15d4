import { expect, test } from 'vitest';
import { App } from '../../../renderer/app/app.svelte.ts';
import { lastLine } from '../../../renderer/features/conversations/last-line.ts';
import { words } from '../../../renderer/features/words.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { answers, coreBridge, MapStorage } from './core-bridge.ts';

async function page() {
  const core = new FakeCore();
  const bob = core.addConversation('sip:bob@example.com', 'Bob');
  const carol = core.addConversation('sip:carol@example.com', 'Carol');
  const clock = new ManualClock();
  const bridge = coreBridge(core);
  const app = new App(bridge, new MapStorage(), clock);
  await app.start();
  app.setAttention(true, true);
  await app.open(bob);
  await answers();
  const told = () => core.callsOf('typing.set').map((params) => (params as { typing: boolean }).typing);
  const write = (text: string) => {
    if (app.composer) app.composer.text = text;
  };
  return { core, clock, app, bridge, bob, carol, told, write, shown: () => core.callsOf('conversations.shown') };
}

test('the first key stroke is told at once, the next ones a few seconds apart', async () => {
  const { told, write, clock } = await page();
  write('h');
  write('he');
  write('hel');
  expect(told()).toEqual([true]);
  await clock.advance(3000);
  write('hell');
  expect(told()).toEqual([true, true]);
});

test('what is taken away again, and what is left, ends it; a message ends it by itself', async () => {
  const { told, write, app, carol } = await page();
  write('h');
  write('');
  expect(told()).toEqual([true, false]);
  write('h');
  app.composer?.send();
  write('and');
  expect(told()).toEqual([true, false, true, true]);
  await app.open(carol);
  expect(told()).toEqual([true, false, true, true, false]);
});

test('blanks are no writing', async () => {
  const { told, write } = await page();
  write('   ');
  expect(told()).toEqual([]);
});

test('who is typing is known by the address, until they stop or the core is gone', async () => {
  const { core, app, bob, bridge } = await page();
  core.tell('typing.changed', { peer: bob.peer, who: null, typing: true });
  expect([app.typing.has(bob.peer), app.typing.has('sip:carol@example.com')]).toEqual([true, false]);
  core.tell('typing.changed', { peer: bob.peer, who: null, typing: false });
  expect(app.typing.has(bob.peer)).toBe(false);
  core.tell('typing.changed', { peer: bob.peer, who: null, typing: true });
  bridge.setLink(false);
  expect(app.typing.has(bob.peer)).toBe(false);
});

test('in the list it takes the place of the last line, and not that of a draft', async () => {
  const { bob } = await page();
  expect(lastLine(bob, false, words.typing.list)).toEqual({ label: words.typing.list, text: '', tone: 'accent' });
  expect(lastLine({ ...bob, draft: 'unsent' }, false, words.typing.list).label).toBe(words.list.draft);
  expect(lastLine({ ...bob, draft: 'unsent' }, true, words.typing.list).label).toBe(words.typing.list);
});

test('the core knows which conversation is looked at: none when it is closed or the window is hidden, and again after a break', async () => {
  const { app, bob, carol, shown, bridge } = await page();
  // a page before this one may have said something else
  expect(shown()).toEqual([{ conversationId: null }, { conversationId: bob.id }]);
  await app.open(carol);
  app.setAttention(false, false);
  app.setAttention(true, true);
  app.closeThread();
  expect(shown().slice(2)).toEqual([carol.id, null, carol.id, null].map((conversationId) => ({ conversationId })));
  bridge.setLink(false);
  bridge.setLink(true);
  await answers();
  expect(shown().at(-1)).toEqual({ conversationId: null });
  expect(shown()).toHaveLength(7);
});
