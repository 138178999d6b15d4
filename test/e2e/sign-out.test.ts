import { expect, it } from 'vitest';
import { pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';

const show = pageInBrowser();

it('signing out is said in plain words, and taken back by the banner or the menu', async () => {
  const core = withBob();
  const { page, complaints } = await show(core);
  const menu = page.getByRole('button', { name: 'Account and settings' });
  const banner = page.getByRole('region', { name: 'Connection' });

  await menu.press('Enter');
  await page.getByRole('menuitem', { name: 'Sign out' }).press('Enter');
  await banner.getByText('Signed out', { exact: true }).waitFor();
  expect(await banner.textContent()).toContain('Messages wait until this account is signed in again.');
  await banner.getByRole('button', { name: 'Sign in' }).press('Enter');
  await banner.waitFor({ state: 'detached' });

  await menu.press('Enter');
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await banner.waitFor();
  await menu.press('Enter');
  await page.getByRole('menuitem', { name: 'Sign in' }).click();
  await banner.waitFor({ state: 'detached' });
  expect(core.calls.map(({ method }) => method).filter((method) => method.startsWith('registration.'))).toEqual([
    'registration.signOut',
    'registration.signIn',
    'registration.signOut',
    'registration.signIn',
  ]);
  expect(complaints).toEqual([]);
});

it.each([
  [false, 1280],
  [true, 800],
])('has no serious violation that axe finds, dark: %s at %i', async (dark, width) => {
  const { page } = await show(withBob({ registration: { kind: 'signed-out', since: Date.now() } }), { dark, width });
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  expect(await serious(page)).toEqual([]);
});
