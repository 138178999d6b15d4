import type { Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { FakeCore } from '../harness/fake-core.ts';
import { field, log, openBob, pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';

const show = pageInBrowser();

function withHistory(): FakeCore {
  const core = withBob();
  const day = 86_400_000;
  const start = Date.now() - 400 * day;
  for (let n = 0; n < 600; n++) {
    const text =
      n % 75 === 10 ? `The lighthouse <b>${n}</b> stands at https://example.com/lighthouse` : `Message ${n} ${'word '.repeat(n % 17)}`;
    core.addMessage(1, { text, sentAt: start + n * (day / 2), direction: n % 3 === 0 ? 'out' : 'in' });
  }
  core.addMessage(2, { text: 'A lighthouse for Carol', sentAt: Date.now() - 60_000 });
  core.addFile(2, 'done', { name: 'lighthouse-plan.pdf' }, { sentAt: Date.now() - 50_000 });
  return core;
}

const find = (page: Page): Locator => page.getByRole('searchbox', { name: 'Find conversations and messages' });
const within = (page: Page): Locator => page.getByRole('searchbox', { name: 'Find in this conversation' });
const results = (page: Page): Locator => page.getByRole('list', { name: 'Messages' }).getByRole('button');

/** whether a row stands in the visible part of the log */
function onScreen(row: Locator): Promise<boolean> {
  return row.evaluate((element) => {
    const frame = element.closest('[role=log]')?.getBoundingClientRect();
    const { top, bottom } = element.getBoundingClientRect();
    return frame !== undefined && top >= frame.top && bottom <= frame.bottom;
  });
}

describe('search over everything', () => {
  it('lists conversations and messages, marks what was found, opens a hit in its context, and leads back', async () => {
    const { page, complaints } = await show(withHistory());
    await page.keyboard.press('Control+k');
    await page.keyboard.type('lighthouse');
    await expect.poll(() => results(page).count()).toBe(10);
    expect(await results(page).first().textContent()).toContain('lighthouse-plan.pdf');
    // what was found for the first letters gives way to what is found for all
    await expect.poll(() => results(page).nth(2).locator('mark').allTextContents()).toEqual(['lighthouse']);
    // what a message holds is never read as HTML
    expect(await results(page).nth(2).locator('b').count()).toBe(0);
    expect(await results(page).nth(2).textContent()).toContain('<b>535</b>');
    await page.getByText('Conversations: 0. Messages: 10.').waitFor({ state: 'attached' });

    // to the sixth by the keyboard alone
    for (let n = 0; n < 6; n++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const hit = log(page).getByRole('article').filter({ hasText: '<b>310</b>' });
    await expect.poll(() => onScreen(hit)).toBe(true);
    expect(await hit.getAttribute('class')).toContain('hit');
    expect(await hit.locator('mark').allTextContents()).toEqual(['lighthouse']);
    await log(page).getByText('Message 311').waitFor();
    await expect.poll(() => hit.getAttribute('class'), { timeout: 6000 }).not.toContain('hit');
    expect(await onScreen(hit)).toBe(true);

    await expect.poll(() => field(page).evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press('Escape');
    expect(
      await results(page)
        .nth(5)
        .evaluate((element) => element === document.activeElement),
    ).toBe(true);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => onScreen(log(page).getByRole('article').filter({ hasText: '<b>235</b>' }))).toBe(true);

    await page.getByRole('button', { name: 'Newest message' }).click();
    await log(page).getByText('Message 599').waitFor();
    await page.keyboard.press('Control+k');
    await page.keyboard.press('Escape');
    await expect.poll(() => find(page).inputValue()).toBe('');
    expect(await results(page).count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('names come before messages, and more is loaded by scrolling', async () => {
    const { page } = await show(withHistory());
    await find(page).fill('o');
    await page
      .getByRole('list', { name: 'Conversations' })
      .getByRole('button', { name: /Bob Baker/ })
      .waitFor();
    await expect.poll(() => results(page).count()).toBe(50);
    await results(page).last().scrollIntoViewIfNeeded();
    await expect.poll(() => results(page).count()).toBeGreaterThan(50);
    await find(page).fill('nothing has this');
    await page.getByText('Nothing matches “nothing has this”.').waitFor();
  });

  it('in one pane leads to the thread and back to the results', async () => {
    const { page } = await show(withHistory(), { width: 640 });
    await find(page).fill('lighthouse');
    await results(page).nth(4).click();
    await expect.poll(() => page.getByRole('navigation').isVisible()).toBe(false);
    await expect.poll(() => onScreen(log(page).getByRole('article').filter({ hasText: '<b>385</b>' }))).toBe(true);
    await page.keyboard.press('Escape');
    await page.getByRole('navigation').waitFor();
    expect(
      await results(page)
        .nth(4)
        .evaluate((element) => element === document.activeElement),
    ).toBe(true);
  });
});

describe('search within the open conversation', () => {
  it('goes through its hits by the keyboard, with their count, and ends with Escape', async () => {
    const { page, complaints } = await show(withHistory());
    await openBob(page);
    await page.keyboard.press('Control+Shift+F');
    await page.keyboard.type('lighthouse');
    const status = page.getByRole('search').getByRole('status');
    await expect.poll(() => status.textContent()).toContain('1 of 8');
    const article = (n: number): Locator =>
      log(page)
        .getByRole('article')
        .filter({ hasText: `<b>${n}</b>` });
    await expect.poll(() => onScreen(article(535))).toBe(true);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await expect.poll(() => status.textContent()).toContain('3 of 8');
    await expect.poll(() => onScreen(article(385))).toBe(true);
    await expect.poll(() => article(385).getAttribute('class')).toContain('hit');
    await page.keyboard.press('Shift+Enter');
    await expect.poll(() => onScreen(article(460))).toBe(true);
    await page.getByRole('button', { name: 'Older match' }).click();
    await expect.poll(() => status.textContent()).toContain('3 of 8');
    await within(page).fill('nothing');
    await expect.poll(() => status.textContent()).toContain('Nothing found');
    await page.keyboard.press('Escape');
    await expect.poll(() => within(page).count()).toBe(0);
    await log(page).waitFor();
    expect(await field(page).evaluate((element) => element === document.activeElement)).toBe(true);
    expect(complaints).toEqual([]);
  });
});

describe.each([{ dark: false }, { dark: true }])('for everybody, dark: $dark', ({ dark }) => {
  it('has no serious violation that axe finds', async () => {
    const { page } = await show(withHistory(), { dark });
    await find(page).fill('lighthouse');
    await results(page).nth(3).click();
    await log(page).locator('.hit').waitFor();
    await page.keyboard.press('Control+Shift+F');
    await within(page).fill('lighthouse');
    await page.getByText('1 of 8').waitFor();
    await log(page).locator('.hit').waitFor();
    expect(await serious(page)).toEqual([]);
  }, 60_000);
});
