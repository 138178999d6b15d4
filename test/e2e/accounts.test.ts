import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { ParleyError } from '../../shared/base/errors.ts';
import type { AccountRow } from '../../shared/ipc/account-contract.ts';
import type { FakeCore } from '../harness/fake-core.ts';
import { pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const SHOTS = process.env['PARLEY_SHOTS'] ?? '';
const folder = temporaryFolder();
const show = pageInBrowser();

const WAITING: AccountRow['registration'] = {
  kind: 'waiting',
  since: 0,
  error: { code: 'link.timeout', detail: 'no answer' },
  nextTryAt: 0,
  failures: 3,
};

function withOthers(): FakeCore {
  const core = withBob();
  core.accounts.add('work', 'Alice at work', { unread: 3, registration: WAITING });
  core.accounts.add('lab', 'Laboratory of the Institute for Very Long Account Names', { origin: 'provisioned' });
  core.accounts.add('old', 'Old', { error: { code: 'store.corrupt', detail: 'parley.db was set aside' } });
  return core;
}

function nobody(): FakeCore {
  const core = withBob();
  core.accounts.change({ current: null, items: [], secrets: 'file' });
  return core;
}

/** As a host answers whose client is not at work. */
function refuseAllBut(core: FakeCore, prefix: string): void {
  core.before = (method) => {
    if (!method.startsWith(prefix)) throw new ParleyError('request.invalid-state', 'there is no client');
  };
}

async function look(page: Page, name: string): Promise<void> {
  if (SHOTS === '') return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

const menuButton = (page: Page): Locator => page.getByRole('button', { name: /^Account and settings/ });
const dialog = (page: Page, name: string): Locator => page.getByRole('dialog', { name });

async function openForm(page: Page): Promise<Locator> {
  await menuButton(page).click();
  await page.getByRole('menuitem', { name: 'Add an account' }).click();
  return dialog(page, 'Add an account');
}

describe('the switcher', () => {
  it('tells how every account does, and leads to each by mouse and keyboard', async () => {
    const core = withOthers();
    const { page, complaints } = await show(core);
    await page.getByRole('button', { name: 'Account and settings, 3 unread messages in other accounts' }).press('Enter');
    const entries = page.getByRole('menuitemradio');
    expect((await entries.allTextContents()).map((text) => text.trim().replace(/\s+/g, ' '))).toEqual([
      'Alice Archer Connected',
      'Alice at work Not connected · 3 unread',
      'Laboratory of the Institute for Very Long Account Names Connected',
      'Old Offline',
    ]);
    expect(await entries.evaluateAll((all) => all.map((one) => one.getAttribute('aria-checked')))).toEqual([
      'true',
      'false',
      'false',
      'false',
    ]);
    await look(page, 'menu');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => core.callsOf('accounts.open')).toEqual([{ name: 'work' }]);
    await page.keyboard.press('Control+Shift+Digit3');
    await page.keyboard.press('Control+Shift+Digit1');
    await page.keyboard.press('Control+Shift+Digit9');
    await expect.poll(() => core.callsOf('accounts.open')).toEqual([{ name: 'work' }, { name: 'lab' }]);
    expect(complaints).toEqual([]);
  });

  it('is no switcher for one account, and names the account in the title only where there are several', async () => {
    const core = withBob();
    const { page } = await show(core);
    await expect.poll(() => page.title()).toBe('Parley');
    await menuButton(page).click();
    expect(await page.getByRole('menuitemradio').count()).toBe(0);
    await page.keyboard.press('Escape');
    core.accounts.add('work', 'Work');
    await expect.poll(() => page.title()).toBe('Alice Archer – Parley');
  });

  it('reads everything anew when the client of its account was started anew', async () => {
    const core = withBob();
    const { page } = await show(core);
    await page.getByRole('button', { name: /Bob Baker/ }).waitFor();
    core.addConversation('sip:dave@example.com', 'Dave Dean');
    core.accounts.change({ items: core.accounts.list.items.map((row) => ({ ...row, run: row.run + 1 })) });
    await page.getByRole('button', { name: /Dave Dean/ }).waitFor();
  });
});

describe('adding an account', () => {
  it('says live what is wrong, by the rules of account files, and takes what can be guessed', async () => {
    const core = withBob();
    const { page } = await show(core);
    const form = await openForm(page);
    await form.getByLabel('Address').fill('carol at example');
    await form.getByLabel('Password').focus();
    expect(await form.getByRole('alert').allTextContents()).toEqual(['Address must be like sip:alice@example.com.']);
    await form.getByLabel('Address').fill('carol@example.com');
    expect(await form.getByRole('alert').count()).toBe(0);
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    expect(await form.getByRole('alert').allTextContents()).toEqual(['Password is missing.']);
    expect(await form.getByLabel('Password').evaluate((field) => field === document.activeElement)).toBe(true);
    await form.getByLabel('Password').fill('hunter2');
    await form.getByLabel('Server', { exact: true }).fill('sip.example.com:99999');
    await form.getByLabel('Password').focus();
    expect(await form.getByRole('alert').allTextContents()).toEqual(['Server must have a port from 1 to 65535.']);
    await form.getByLabel('Server', { exact: true }).fill('');
    await form.getByText('Advanced').click();
    await form.getByLabel('Largest file, in MB').fill('2,5');
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await form.waitFor({ state: 'detached' });
    const draft = {
      address: 'sip:carol@example.com',
      user: 'carol',
      password: 'hunter2',
      outboundProxy: 'example.com',
      transport: 'tls',
      maxFileSize: 2_500_000,
    };
    expect(core.callsOf('accounts.test')).toMatchObject([{ draft }]);
    expect(core.callsOf('accounts.add')).toMatchObject([{ draft }]);
    expect(core.callsOf('accounts.open')).toEqual([{ name: 'carol-example-com' }]);
  });

  it.each([
    ['link.credentials', 'The server does not accept the user name or password. Capital and small letters count.'],
    [
      'link.unreachable',
      'The server cannot be reached. The name of the server, the connection, and whether this device is online decide that.',
    ],
    [
      'link.certificate',
      'The server could not prove that it is the right one. A server of an organisation may need its own authorities, under Advanced.',
    ],
  ] as const)('that ends with %s is not kept before somebody wants it in any case', async (code, said) => {
    const core = withBob();
    core.accounts.outcome = { code, detail: 'what the server said' };
    const { page } = await show(core);
    const form = await openForm(page);
    await form.getByLabel('Address').fill('sip:carol@example.com');
    await form.getByLabel('Password').fill('hunter2');
    await page.keyboard.press('Enter');
    const told = async () => (await form.getByRole('alert').locator('p').allTextContents()).map((text) => text.trim());
    await expect.poll(told).toEqual([said]);
    expect(core.callsOf('accounts.add')).toEqual([]);
    if (code === 'link.certificate') await look(page, 'form-refused');
    await form.getByRole('button', { name: 'Add anyway' }).click();
    await form.waitFor({ state: 'detached' });
    expect(core.callsOf('accounts.add')).toHaveLength(1);
  });

  it('can be tried first', async () => {
    const core = withBob();
    const { page } = await show(core);
    const form = await openForm(page);
    await form.getByLabel('Address').fill('carol@example.com');
    await form.getByLabel('Password').fill('hunter2');
    await form.getByRole('button', { name: 'Test' }).click();
    await form.getByText('This works: the server let this account in.').waitFor();
    await form.getByLabel('Password').fill('hunter3');
    expect(await form.getByText('This works').count()).toBe(0);
    expect(core.callsOf('accounts.add')).toEqual([]);
  });

  it('takes the authorities of a file that is picked, and says when it holds none', async () => {
    const core = withBob();
    const { page } = await show(core);
    const form = await openForm(page);
    await form.getByLabel('Address').fill('carol@example.com');
    await form.getByLabel('Password').fill('hunter2');
    await form.getByText('Advanced').click();
    const file = join(folder, 'ca.pem');
    writeFileSync(file, 'PEM of this test');
    await form.locator('input[type=file]').setInputFiles(file);
    await form.getByText('Only Example authority').waitFor();
    expect(core.callsOf('accounts.authorities')).toEqual([{ pem: 'PEM of this test' }]);
    await look(page, 'form-advanced');
    await form.getByLabel('Connection').selectOption('TCP, not encrypted');
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await form.getByText('Authorities must be left out with the transport tcp').waitFor();
    await form.getByRole('button', { name: 'Use those of the system' }).click();
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await form.waitFor({ state: 'detached' });
    expect(core.callsOf('accounts.add')).toMatchObject([{ draft: { caCertificates: null, transport: 'tcp' } }]);
  });
});

describe('the list of accounts', () => {
  async function open(page: Page): Promise<Locator> {
    await menuButton(page).click();
    await page.getByRole('menuitem', { name: 'Accounts' }).click();
    return dialog(page, 'Accounts');
  }

  it('says where each comes from and what can be done with it', async () => {
    const core = withOthers();
    const { page } = await show(core);
    const list = await open(page);
    const rows = list.getByRole('listitem');
    expect(await rows.count()).toBe(4);
    expect(await rows.nth(2).textContent()).toContain('Set up by a file, and changed there.');
    expect(await rows.nth(2).getByRole('button').allTextContents()).toEqual(['Open']);
    expect(await rows.nth(3).textContent()).toContain('The message history is damaged');
    await rows.nth(3).getByRole('button', { name: 'Retry Old' }).click();
    await expect.poll(() => core.callsOf('accounts.restart')).toEqual([{ name: 'old' }]);
  });

  it('changes one: what is kept is shown but for the password, which is needed again where the server changes', async () => {
    const core = withBob();
    const { page } = await show(core);
    await (await open(page)).getByRole('button', { name: 'Change Alice Archer' }).click();
    const form = dialog(page, 'Account settings');
    expect(await form.getByLabel('Address').inputValue()).toBe('sip:alice@example.com');
    expect(await form.getByLabel('Address').getAttribute('readonly')).not.toBeNull();
    expect(await form.getByLabel('Password').inputValue()).toBe('');
    await form.getByLabel('Server', { exact: true }).fill('other.example.com');
    await form.getByRole('button', { name: 'Save' }).click();
    expect(await form.getByRole('alert').allTextContents()).toEqual(['Password is needed again.']);
    await form.getByLabel('Server', { exact: true }).fill('sip.example.com');
    await form.getByLabel('Name', { exact: true }).fill('Alice A.');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.waitFor({ state: 'detached' });
    const [update] = core.callsOf('accounts.update') as { draft: object }[];
    expect(update).toMatchObject({ name: 'alice', draft: { displayName: 'Alice A.' } });
    expect(update?.draft).not.toHaveProperty('password');
  });

  it('removes one after a question that says what goes', async () => {
    const core = withOthers();
    const { page } = await show(core);
    await (await open(page)).getByRole('button', { name: 'Remove Alice at work' }).click();
    const question = dialog(page, 'Remove the account Alice at work');
    await question.getByText(/All messages of this account are deleted from this device/).waitFor();
    await look(page, 'remove');
    await question.getByLabel('Keep the messages on this device').check();
    await question.getByText(/The messages stay on this device/).waitFor();
    await question.getByRole('button', { name: 'Remove' }).click();
    await dialog(page, 'Accounts').getByRole('listitem').nth(2).waitFor();
    expect(core.callsOf('accounts.remove')).toEqual([{ name: 'work', keepHistory: true }]);
    expect(await dialog(page, 'Accounts').getByRole('listitem').count()).toBe(3);
  });
});

describe('a page without an account', () => {
  it('offers the two ways on', async () => {
    const core = nobody();
    refuseAllBut(core, 'accounts.');
    const { page } = await show(core, { list: false });
    await page.getByRole('heading', { name: 'Parley' }).waitFor();
    await look(page, 'welcome');
    await page.getByRole('button', { name: 'Try it now' }).click();
    await expect.poll(() => core.callsOf('accounts.tryDemo')).toHaveLength(1);
    await page.getByRole('button', { name: 'Add an account' }).click();
    await dialog(page, 'Add an account')
      .getByText(/The password is kept in a file that only this user of the device can read/)
      .waitFor();
  });
});

describe('an account that is not at work', () => {
  it('says so in place of its messages, with what can be done', async () => {
    const core = withBob();
    const [row] = core.accounts.list.items;
    core.accounts.change({
      items: [{ ...(row as AccountRow), error: { code: 'account.secret', detail: 'the keyring does not open it' } }],
    });
    refuseAllBut(core, 'accounts.');
    const { page } = await show(core);
    await page.getByText('This account is not at work. The password of this account cannot be read.').waitFor();
    await look(page, 'trouble');
    await page.getByRole('button', { name: 'Retry' }).click();
    await expect.poll(() => core.callsOf('accounts.restart')).toEqual([{ name: 'alice' }]);
    await page.getByRole('button', { name: 'Change', exact: true }).click();
    await dialog(page, 'Account settings').waitFor();
  });
});

describe.each([
  [1280, 800, false],
  [1280, 800, true],
  [800, 600, false],
  [800, 600, true],
] as const)('at %d × %d, dark: %s', (width, height, dark) => {
  const name = (what: string) => `${what}-${width}x${height}-${dark ? 'dark' : 'light'}`;

  it('nothing of it keeps anybody out', async () => {
    const { page } = await show(withOthers(), { width, dark });
    await page.setViewportSize({ width, height });
    await menuButton(page).click();
    await page.getByRole('menu').waitFor();
    await look(page, name('menu'));
    expect(await serious(page)).toEqual([]);
    await page.getByRole('menuitem', { name: 'Accounts' }).click();
    await dialog(page, 'Accounts').waitFor();
    await look(page, name('list'));
    expect(await serious(page)).toEqual([]);
    await page.getByRole('button', { name: 'Remove Alice at work' }).click();
    await look(page, name('remove'));
    expect(await serious(page)).toEqual([]);
    await page.keyboard.press('Escape');
    const form = await openForm(page);
    await form.getByLabel('Address').fill('x');
    await form.getByText('Advanced').click();
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await look(page, name('form'));
    expect(await serious(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth)).toBe(true);
  });

  it('nor of the way in', async () => {
    const { page } = await show(nobody(), { width, dark, list: false });
    await page.setViewportSize({ width, height });
    await page.getByRole('heading', { name: 'Parley' }).waitFor();
    await look(page, name('welcome'));
    expect(await serious(page)).toEqual([]);
  });
});
