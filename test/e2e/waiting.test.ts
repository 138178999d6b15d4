import type { Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import type { DeferredItem } from '../../shared/model/deferred.ts';
import type { FakeCore } from '../harness/fake-core.ts';
import { pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';

const show = pageInBrowser();

const entry = (page: Page): Locator => page.getByRole('navigation').getByRole('button', { name: /^Waiting in your network/ });
const rows = (page: Page): Locator => page.getByRole('list', { name: 'Waiting in your network' }).getByRole('listitem');
const box = (page: Page, name: RegExp): Locator => rows(page).getByRole('checkbox', { name });
const picture = process.env['PARLEY_SCREENS'];

async function look(page: Page, name: string): Promise<void> {
  if (picture) await page.screenshot({ path: `${picture}/${name}.png` });
}

function withWaiting(more: readonly Partial<DeferredItem>[] = []): FakeCore {
  const core = withBob();
  const week = Date.now() + 7 * 86_400_000;
  const items: readonly Partial<DeferredItem>[] = [
    { title: 'Bob Baker', expiresAt: week },
    { title: 'Carol Clark', kind: 'large', subject: 'Survey of the north ridge', size: 3480, expiresAt: week },
    { title: '', peer: 'sip:dave@elsewhere.example', size: null },
    { title: 'Bob Baker', kind: 'file', subject: 'ridge.jpg', contentType: 'image/jpeg', size: 20_480_000, expiresAt: week },
    { title: 'مريم الخطيب', kind: 'chat', size: 96 },
    ...more,
  ];
  for (const [at, item] of items.entries()) core.deferred.add(at + 1, item);
  return core;
}

async function openWaiting(page: Page): Promise<void> {
  await entry(page).click();
  await rows(page).first().waitFor();
}

describe('what waits in the network', () => {
  it('is quiet until there is something, and a deletion can be taken back', async () => {
    const core = withBob();
    const { page } = await show(core);
    await page.getByRole('navigation').getByText('Bob Baker').waitFor();
    expect(await entry(page).count()).toBe(0);
    core.deferred.add(1, { expiresAt: Date.UTC(2027, 2, 8, 12) });
    core.deferred.add(2, { title: 'Carol Clark', subject: 'Survey', kind: 'large' });
    core.deferred.tell();
    await openWaiting(page);
    expect(await rows(page).allInnerTexts()).toMatchObject(
      [/Carol Clark\s+Survey/, /Bob Baker\s+Message.*until Mar 8/s].map((line) => expect.stringMatching(line)),
    );
    await box(page, /Bob Baker/).press('Delete');
    await expect.poll(() => rows(page).count()).toBe(1);
    await page.getByText('1 message will be deleted').waitFor();
    await page.getByRole('button', { name: 'Undo' }).press('Enter');
    await expect.poll(() => rows(page).count()).toBe(2);
    expect(core.deferred.orders).toEqual([]);
    await box(page, /Bob Baker/).press('Delete');
    await box(page, /Carol Clark/).press('Enter');
    await expect.poll(() => core.deferred.orders).toEqual([{ id: 2, order: 'deliver' }]);
    await page.keyboard.press('Escape');
    await expect.poll(() => core.deferred.orders.at(-1)).toEqual({ id: 1, order: 'delete' });
  });

  it('is dealt with by the keyboard, one by one and many at once', async () => {
    const core = withWaiting();
    const { page } = await show(core);
    await openWaiting(page);
    await look(page, 'waiting-light');
    await page.keyboard.press('F6');
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('type'))).toBe('checkbox');
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => box(page, /File/).evaluate((each) => each === document.activeElement)).toBe(true);
    await page.keyboard.press('Space');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    await page.getByText('2 selected').waitFor();
    await look(page, 'waiting-selected');
    expect(await serious(page)).toEqual([]);
    const toolbar = page.getByRole('toolbar', { name: 'What to do with the selected ones' });
    await toolbar.getByRole('button', { name: 'Keep in message store' }).click();
    expect(core.deferred.orders).toEqual([4, 3].map((id) => ({ id, order: 'store' })));
    await rows(page).getByText('To be put into the message store').first().waitFor();
    await toolbar.getByRole('checkbox', { name: 'Select all' }).check();
    await page.getByText('5 selected').waitFor();
    await box(page, /Carol/).uncheck();
    await toolbar.getByRole('button', { name: 'Get', exact: true }).click();
    await expect.poll(() => core.callsOf('deferred.orderAll')).toEqual([{ order: 'deliver', except: [2] }]);
    await rows(page).filter({ hasText: 'Survey' }).getByRole('button', { name: /^More/ }).click();
    await page.getByRole('menuitem', { name: 'Forward as e-mail or SMS' }).press('Enter');
    await expect.poll(() => core.deferred.orders.at(-1)).toEqual({ id: 2, order: 'interwork' });
  });

  it('says what becomes of it, small and dark', async () => {
    const core = withWaiting([
      { title: 'Erin', state: 'gone', order: 'deliver' },
      { title: 'Frank', state: 'expired', order: 'deliver' },
      { title: 'Grace', state: 'failed', order: 'deliver', error: { code: 'deferred.refused', detail: '403 Forbidden' } },
    ]);
    const { page } = await show(core, { dark: true, width: 800, height: 600 });
    await openWaiting(page);
    await rows(page).getByText('The network does not allow this.').waitFor();
    await rows(page).getByText('Its time in the network was over.').waitFor();
    core.deferred.change(1, { state: 'asked', order: 'deliver' });
    core.deferred.tell({ fetching: { done: 120, of: 400 } });
    await page.getByText('120 of 400 fetched').waitFor();
    await look(page, 'waiting-dark-small');
    expect(await serious(page)).toEqual([]);
    await page.getByRole('button', { name: 'Stop' }).click();
    await expect.poll(() => core.callsOf('deferred.stop').length).toBe(1);
    await rows(page).getByRole('button', { name: 'Take out of the list' }).first().click();
    await expect.poll(() => core.deferred.orders.at(-1)).toEqual({ id: 7, order: 'delete' });
    core.deferred.settle(1, 2, 3, 4, 5, 6, 7, 8);
    core.deferred.tell({ fetching: null });
    await expect.poll(() => rows(page).count()).toBe(0);
    await page.getByText('Nothing waits in your network.').waitFor();
  });

  it('of ten thousand draws what is in sight, and is walked through to its end', async () => {
    const core = withBob();
    for (let id = 1; id <= 10_000; id++) core.deferred.add(id, { sentAt: 1e12 + id * 1000, subject: `Item ${id}` });
    const { page } = await show(core);
    await openWaiting(page);
    await page.getByText('10000 messages ·').waitFor();
    await rows(page).getByText('Item 10000').waitFor();
    expect(await rows(page).count()).toBeLessThan(40);
    await box(page, /./).first().focus();
    for (let press = 0; press < 3; press++) await page.keyboard.press('End');
    await expect.poll(() => rows(page).count()).toBeLessThan(40);
    await page.keyboard.press('Home');
    await rows(page).getByText('Item 10000').waitFor();
  });

  it('without a list can be fetched all the same', async () => {
    const core = withBob();
    const { page } = await show(core);
    core.deferred.tell({ support: 'counted', count: 3, hint: 'Carpool' });
    await entry(page).click();
    await page.getByText('3 messages wait in your network. This network does not list them one by one.').waitFor();
    await page.getByText('The first one is about “Carpool”.').waitFor();
    await page.getByRole('button', { name: 'Get all' }).press('Enter');
    await expect.poll(() => core.callsOf('deferred.orderAll')).toEqual([{ order: 'deliver', except: [] }]);
    core.deferred.tell({ support: 'unsupported', count: null, hint: null });
    await page.getByText('This network does not tell what it keeps.').waitFor();
    await look(page, 'waiting-unsupported');
    expect(await serious(page)).toEqual([]);
  });
});
