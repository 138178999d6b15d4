import { expect, it } from 'vitest';
import { field, log, openBob, pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';

const show = pageInBrowser();
const BOB = 'sip:bob@example.com';
const shots = process.env['PARLEY_SHOTS'];

it('who is typing stands under the thread and in the list, in words, and moves nothing', async () => {
  const core = withBob();
  const bob = [...core.conversations.values()].find(({ peer }) => peer === BOB);
  for (let at = 0; at < 30; at++)
    core.addMessage(bob?.id ?? 0, {
      direction: at % 3 === 0 ? 'in' : 'out',
      text: `message ${at}`,
      status: at % 3 === 0 ? 'read' : 'displayed',
    });
  const { page, complaints } = await show(core);
  await openBob(page);
  const line = page.getByRole('status').filter({ hasText: 'Bob Baker is typing' });
  const top = await field(page).evaluate((element) => element.getBoundingClientRect().top);
  core.tell('typing.changed', { peer: BOB, who: null, typing: true });
  await line.waitFor();
  expect(await field(page).evaluate((element) => element.getBoundingClientRect().top)).toBe(top);
  await page.getByRole('button', { name: /Bob Baker.* is typing/ }).waitFor();
  if (shots)
    for (const [width, height] of [
      [1280, 800],
      [800, 600],
    ] as const) {
      await page.setViewportSize({ width, height });
      await page.waitForTimeout(300);
      await page.screenshot({ path: `${shots}/typing-${width}-light.png` });
    }
  core.tell('typing.changed', { peer: BOB, who: null, typing: false });
  await line.waitFor({ state: 'detached' });
  expect(await log(page).textContent()).not.toContain('is typing');
  expect(complaints).toEqual([]);
});

it('the first key stroke is told, a message ends it, and the list says it of somebody else, too', async () => {
  const core = withBob();
  const { page } = await show(core);
  await openBob(page);
  await field(page).pressSequentially('on my way');
  await expect.poll(() => core.callsOf('typing.set')).toEqual([{ conversationId: 1, typing: true }]);
  await field(page).press('Enter');
  await field(page).pressSequentially('x');
  await field(page).press('Backspace');
  await expect.poll(() => core.callsOf('typing.set').map((params) => (params as { typing: boolean }).typing)).toEqual([true, true, false]);
  core.tell('typing.changed', { peer: 'sip:carol@example.com', who: null, typing: true });
  await page.getByRole('button', { name: /Carol Clark.* is typing/ }).waitFor();
});

it.each([false, true])('has no serious violation that axe finds, dark: %s', async (dark) => {
  const core = withBob();
  const { page } = await show(core, { dark, width: 800 });
  await openBob(page);
  core.tell('typing.changed', { peer: BOB, who: null, typing: true });
  await page.getByRole('status').filter({ hasText: 'Bob Baker is typing' }).waitFor();
  if (shots) await page.screenshot({ path: `${shots}/typing-axe-${dark ? 'dark' : 'light'}.png` });
  expect(await serious(page)).toEqual([]);
});
