import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keptFile } from '../../electron/app/accounts/kept-accounts.ts';
import { type HomeNetwork, startHomeNetwork } from '../../electron/home-network/index.ts';
import { AccountPerson } from '../harness/account-person.ts';
import { HeadlessProcess } from '../harness/headless-process.ts';
import { openBrowser } from '../harness/page.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const PASSWORD = 'Pa55-0rd of this test';
const SHOTS = process.env['PARLEY_SHOTS'] ?? '';

/** In their order, for one person's day with several accounts. */
describe('several accounts in a browser', () => {
  const userData = join(temporaryFolder(), 'user data');
  let network: HomeNetwork;
  let host: HeadlessProcess;
  let browser: Browser;
  let page: Page;
  let person: AccountPerson;

  beforeAll(async () => {
    const users = ['dora', 'emil'].map((user) => ({ user, password: PASSWORD, displayName: user === 'dora' ? 'Dora' : 'Emil' }));
    network = await startHomeNetwork({ host: '127.0.0.1', port: 0, domain: 'one.example', users });
    host = await HeadlessProcess.start(['--user-data', userData, '--no-demo']);
    browser = await openBrowser();
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    person = new AccountPerson(page);
  });
  afterAll(async () => {
    await browser?.close();
    await host?.stop();
    await network?.close();
  });

  it('the page of nobody leads to an account, and that to another one, with wrong passwords told on the way', async () => {
    expect(host.accounts).toEqual([]);
    await page.goto(host.welcome);
    await page.getByRole('button', { name: 'Add an account' }).click();
    await person.addWithWrongPasswordFirst(network, 'dora', PASSWORD);
    await page.waitForURL(/\/dora-one-example-[0-9a-f]{8}\/#token=/);
    await person.isOnline();
    await person.writeTo('emil@one.example', 'What I write first is no request later.');
    await person.pick('Add an account');
    await person.addWithWrongPasswordFirst(network, 'emil', PASSWORD);
    await page.waitForURL(/\/emil-one-example-[0-9a-f]{8}\/#token=/);
    await person.isOnline();
    expect(readFileSync(keptFile(userData), 'utf8')).not.toContain('not the password');
  });

  it('each has its own messages, and the other says that something is new', async () => {
    await person.writeTo('dora@one.example', 'Shall we meet at 10?');
    await page.getByRole('button', { name: 'Account and settings, 1 unread message in other accounts' }).waitFor({ timeout: 30_000 });
    if (SHOTS !== '') {
      mkdirSync(SHOTS, { recursive: true });
      await page.getByRole('button', { name: /^Account and settings/ }).click();
      await page.screenshot({ path: join(SHOTS, 'browser-switcher.png') });
      await page.keyboard.press('Escape');
    }
    await page.keyboard.press('Control+Shift+Digit1');
    await page.waitForURL(/\/dora-/);
    await expect.poll(() => page.title()).toBe('Emil – Dora – Parley');
    await page.getByText('Shall we meet at 10?').first().waitFor();
    await person.pick(/^Emil/, 'menuitemradio');
    await page.waitForURL(/\/emil-/);
  });

  it('both are there after a restart, and one that is removed is not', async () => {
    await host.stop();
    host = await HeadlessProcess.start(['--user-data', userData]);
    expect(host.accounts.map(({ address }) => address)).toEqual(['sip:dora@one.example', 'sip:emil@one.example']);
    await page.goto(host.accounts[1]?.url as string);
    await person.isOnline();
    await person.pick('Accounts');
    await person.dialog('Accounts').getByRole('button', { name: 'Remove Emil' }).click();
    await person.dialog('Remove the account Emil').getByRole('button', { name: 'Remove' }).click();
    await page.waitForURL(/\/dora-/);
    await person.isOnline();
    expect((await fetch(host.accounts[1]?.url.replace(/#.*/, '') as string)).status).toBe(404);
    await host.stop();
    host = await HeadlessProcess.start(['--user-data', userData]);
    expect(host.accounts.map(({ address }) => address)).toEqual(['sip:dora@one.example']);
  });
});
