import { expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../shared/model/settings.ts';
import { pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';

const show = pageInBrowser();

it('the menu beside the own name leads to the settings, and back to where the keyboard was', async () => {
  const { page, complaints } = await show(withBob());
  const opener = page.getByRole('button', { name: 'Account and settings' });
  await opener.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: 'Settings' }).press('Enter');
  await page.getByRole('dialog', { name: 'Settings' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect(await opener.evaluate((button) => button === document.activeElement)).toBe(true);
  expect(complaints).toEqual([]);
});

it('what is changed is kept by the core and shown when the page comes back', async () => {
  const core = withBob();
  const { page } = await show(core);
  await page.getByRole('button', { name: /Bob Baker/ }).waitFor();
  await page.keyboard.press('Control+,');
  await page.getByLabel('Name of this device').fill('Alice at desk');
  await page.getByLabel('Name of this device').press('Enter');
  await page.getByLabel('How texts leave').selectOption('One by one');
  await page.getByLabel('Show others that I am typing').uncheck();
  await expect
    .poll(() => core.settings)
    .toEqual({ ...DEFAULT_SETTINGS, deviceName: 'Alice at desk', preferredMode: 'standalone', typing: false });

  await page.getByLabel('Replies go to').fill('no address');
  await page.getByLabel('Replies go to').press('Enter');
  expect(await page.getByRole('alert').textContent()).toMatch(/not an address/);
  expect(core.settings.replyTo).toBe('');

  await page.reload();
  await page.getByRole('button', { name: /Bob Baker/ }).waitFor();
  await page.keyboard.press('Control+,');
  expect(await page.getByLabel('Name of this device').inputValue()).toBe('Alice at desk');
  expect(await page.getByLabel('Show others that I am typing').isChecked()).toBe(false);
});

it.each([false, true])('has no serious violation that axe finds, dark: %s', async (dark) => {
  const { page } = await show(withBob(), { dark, width: 800 });
  await page.getByRole('button', { name: /Bob Baker/ }).waitFor();
  await page.keyboard.press('Control+,');
  await page.getByRole('dialog', { name: 'Settings' }).waitFor();
  expect(await serious(page)).toEqual([]);
});

it('of files: where they are saved is shown, and what is accepted without a question is chosen', async () => {
  const core = withBob();
  const { page } = await show(core);
  await page.getByRole('button', { name: /Bob Baker/ }).waitFor();
  await page.keyboard.press('Control+,');
  const dialog = page.getByRole('dialog', { name: 'Settings' });
  await dialog.getByText('/home/alice/Downloads').waitFor();
  // a browser saves where it saves
  expect(await dialog.getByRole('button', { name: 'Change…' }).count()).toBe(0);
  const field = dialog.getByLabel('Accept files without a question');
  expect(await field.locator('option').allTextContents()).toEqual([
    ...['Never', 'Up to 100 kB', 'Up to 1 MB', 'Up to 10 MB', 'Up to 100 MB', 'Up to 1 GB'],
  ]);
  await field.selectOption('Up to 10 MB');
  await expect.poll(() => core.settings.autoAcceptUpTo).toBe(10_000_000);
});
