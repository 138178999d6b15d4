import { expect, it } from 'vitest';
import { ParleyError } from '../../shared/base/errors.ts';
import { DEFAULT_NETWORK_PREFERENCES } from '../../shared/model/network-preferences.ts';
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
  const core = withBob();
  core.preferences = DEFAULT_NETWORK_PREFERENCES;
  const { page } = await show(core, { dark, width: 800 });
  await page.getByRole('button', { name: /Bob Baker/ }).waitFor();
  await page.keyboard.press('Control+,');
  await page.getByRole('dialog', { name: 'Settings' }).waitFor();
  await page.getByLabel('When someone writes').scrollIntoViewIfNeeded();
  expect(await serious(page)).toEqual([]);
});

it.each([false, true])('R-PF-03: the archive is fetched from and deleted in by the keyboard alone, dark: %s', async (dark) => {
  const core = withBob();
  core.preferences = DEFAULT_NETWORK_PREFERENCES;
  core.archive = [
    { peer: 'sip:bob@home1.example', name: 'Bob Baker', items: 214, lastAt: 2 },
    { peer: 'sip:carol@home1.example', name: 'Carol Caspian-Featherstonehaugh of the East Ridge', items: 1, lastAt: 1 },
  ];
  const { page } = await show(core, { dark, width: 800 });
  await page.getByRole('button', { name: /Bob Baker/ }).waitFor();
  await page.keyboard.press('Control+,');
  const archive = page.getByRole('region', { name: 'Message archive' });
  await archive.getByRole('button', { name: /^Bring here the texts with .*Bob/ }).press('Enter');
  await archive.getByText('12 texts are here now, 3 were here already. 2 other items stay in the archive.').waitFor();
  await archive.getByRole('button', { name: /^Delete what the archive has of .*Carol/ }).press('Enter');
  expect(await archive.getByRole('button', { name: 'Keep' }).evaluate((button) => button === document.activeElement)).toBe(true);
  expect(await serious(page)).toEqual([]);
  await archive.getByRole('button', { name: 'Delete', exact: true }).press('Enter');
  await expect.poll(() => core.archive.map(({ name }) => name)).toEqual(['Bob Baker']);
});

it.each([false, true])('R-PF-21: what the archive has is shown and forwarded by the keyboard alone, dark: %s', async (dark) => {
  const core = withBob();
  core.preferences = DEFAULT_NETWORK_PREFERENCES;
  const peer = 'sip:bob@home1.example';
  core.archive = [{ peer, name: 'Bob Baker', items: 4, lastAt: 2 }];
  const item = { peer, direction: 'in', sentAt: Date.UTC(2026, 2, 2, 9), octets: 4_200_000 } as const;
  core.archived = [
    { ...item, id: 'c1;UID=1', kind: 'text', text: `From the summit ${'one can see the lake and the town '.repeat(8)}` },
    { ...item, id: 'c1;UID=2', kind: 'file', text: 'ridge.jpg', direction: 'out' },
    { ...item, id: 'c1/k1;UID=1', kind: 'session', text: '' },
    { ...item, id: 'c1;UID=3', kind: 'missed', text: '' },
  ];
  const { page } = await show(core, { dark, width: 800 });
  await page.getByRole('button', { name: /Bob Baker/ }).waitFor();
  await page.keyboard.press('Control+,');
  const archive = page.getByRole('region', { name: 'Message archive' });
  await archive.getByRole('button', { name: /^Show what the archive has of/ }).press('Enter');
  await archive.getByText('ridge.jpg').waitFor();
  expect(await archive.getByRole('button', { name: /^Forward/ }).count()).toBe(3);
  expect(await serious(page)).toEqual([]);
  await archive.getByRole('button', { name: 'Forward ridge.jpg' }).press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Forward a message' });
  await dialog.getByLabel('To').fill('Bob');
  await dialog.getByLabel('To').press('Enter');
  await page.getByRole('log').getByText('ridge.jpg').waitFor();
});

it('R-PF-21: what the archive has no more is said', async () => {
  const core = withBob();
  core.preferences = DEFAULT_NETWORK_PREFERENCES;
  core.archive = [{ peer: 'sip:bob@home1.example', name: 'Bob Baker', items: 1, lastAt: 2 }];
  const item = { peer: 'sip:bob@home1.example', direction: 'in', sentAt: 1, octets: 4 } as const;
  core.archived = [{ ...item, id: 'c1;UID=1', kind: 'text', text: 'gone' }];
  core.before = (method) => {
    if (method === 'history.forward') throw new ParleyError('history.unreachable', 'down');
  };
  const { page } = await show(core);
  await page.getByRole('button', { name: /Bob Baker/ }).waitFor();
  await page.keyboard.press('Control+,');
  const archive = page.getByRole('region', { name: 'Message archive' });
  await archive.getByRole('button', { name: /^Show what/ }).click();
  await archive.getByRole('button', { name: 'Forward gone' }).click();
  await page.getByRole('dialog', { name: 'Forward a message' }).getByLabel('To').press('Enter');
  await page.getByText('The message archive cannot be reached').waitFor();
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

it('R-PF-57: what the network is to do is asked of it, changed there, and said where it does not answer', async () => {
  const core = withBob();
  core.preferences = DEFAULT_NETWORK_PREFERENCES;
  const { page } = await show(core);
  await page.getByRole('button', { name: /Bob Baker/ }).waitFor();
  core.before = (method) => {
    if (method === 'network.preferences') throw new ParleyError('link.unreachable', 'XCAP: away');
  };
  await page.keyboard.press('Control+,');
  const section = page.getByRole('region', { name: 'In your network' });
  expect(await section.getByRole('alert').textContent()).toContain('could not be read');
  core.before = () => undefined;
  await section.getByRole('button', { name: 'Try again' }).press('Enter');
  await section.getByLabel('When someone writes').waitFor();
  // the keyboard is where the button was
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe('SELECT');
  await section.getByLabel('When someone writes').selectOption('Keep it for later');
  await section.getByLabel('Messages that were kept').selectOption('Wait in the network until asked for');
  await section.getByLabel('Keep conversations in the message archive').check();
  await section.getByLabel('Forward what reaches no device as e-mail').check();
  await expect
    .poll(() => core.preferences)
    .toEqual({ ...DEFAULT_NETWORK_PREFERENCES, available: 'defer', delivery: 'pull', recording: true, interworking: 'undeliverable' });
  core.before = (method) => {
    if (method === 'network.change') throw new ParleyError('request.invalid', 'XCAP: 409');
  };
  await section.getByLabel('When someone writes').selectOption('Refuse it');
  expect(await section.getByRole('alert').textContent()).toContain('did not take this');
  expect(await section.getByLabel('When someone writes').inputValue()).toBe('defer');
  expect(await serious(page)).toEqual([]);
});

it('where the network keeps nothing there is no such section', async () => {
  const { page } = await show(withBob());
  await page.getByRole('button', { name: /Bob Baker/ }).waitFor();
  await page.keyboard.press('Control+,');
  await page.getByRole('dialog', { name: 'Settings' }).waitFor();
  expect(await page.getByText('In your network').count()).toBe(0);
});
