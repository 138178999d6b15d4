import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ElectronApplication } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HomeNetwork, startHomeNetwork } from '../../electron/home-network/index.ts';
import { systemClock } from '../../shared/base/clock.ts';
import { connectContract } from '../../shared/ipc/wire.ts';
import { AccountPerson } from '../harness/account-person.ts';
import { electronPath, launchElectron, pageChannel, runElectron, windowTitled } from '../harness/electron-app.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Person } from '../harness/two-people.ts';

const PASSWORD = 'Pa55-0rd of this test';

/** In their order, for one person's day with several accounts. */
describe.skipIf(electronPath === '')('several accounts in Electron', () => {
  const folder = temporaryFolder();
  const userData = join(folder, 'user data');
  const networks: HomeNetwork[] = [];
  let app: ElectronApplication;

  const person = async (title: string): Promise<AccountPerson> => new AccountPerson(await windowTitled(app, title));
  const titles = (): Promise<string[]> =>
    app.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()
        .map((window) => window.getTitle())
        .sort(),
    );
  const focused = (): Promise<string | undefined> => app.evaluate(({ BrowserWindow }) => BrowserWindow.getFocusedWindow()?.getTitle());

  beforeAll(async () => {
    for (const [domain, user] of [
      ['one.example', 'dora'],
      ['two.example', 'emil'],
    ] as const) {
      const users = [
        { user, password: PASSWORD, displayName: user === 'dora' ? 'Dora' : 'Emil' },
        { user: 'friend', password: PASSWORD, displayName: 'Friend' },
      ];
      networks.push(await startHomeNetwork({ host: '127.0.0.1', port: 0, domain, users }));
    }
    app = await launchElectron(['--user-data', userData, '--no-demo']);
  });
  afterAll(async () => {
    await app?.close();
    await Promise.all(networks.map((network) => network.close()));
  });

  it('the first is added from the page of nobody: a wrong password is told in words and nothing is kept, then the right one', async () => {
    const nobody = await person('Parley');
    await nobody.page.getByRole('button', { name: 'Add an account' }).click();
    const [network] = networks as [HomeNetwork];
    const form = await nobody.fill(network, 'dora', 'not the password');
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await form.getByText(/The server does not accept the user name or password/).waitFor({ timeout: 30_000 });
    expect(existsSync(join(userData, 'accounts.json'))).toBe(false);
    await form.getByLabel('Password').fill(PASSWORD);
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await (await person('Dora')).isOnline();
    await expect.poll(titles).toEqual(['Dora']);
    expect(statSync(join(userData, 'accounts.json')).mode & 0o777).toBe(0o600);
  });

  it('another one is added from the menu and comes up in a window of its own', async () => {
    const dora = await person('Dora');
    await dora.pick('Add an account');
    await dora.addWithWrongPasswordFirst(networks[1] as HomeNetwork, 'emil', PASSWORD);
    await (await person('Emil')).isOnline();
    expect(await titles()).toEqual(['Dora', 'Emil']);
  });

  it('the switcher leads from one window to the other, by menu and keyboard', async () => {
    const [dora, emil] = [await person('Dora'), await person('Emil')];
    await emil.pick(/^Dora/, 'menuitemradio');
    await expect.poll(focused).toBe('Dora');
    await dora.page.keyboard.press('Control+Shift+Digit2');
    await expect.poll(focused).toBe('Emil');
  });

  it('no window is served with the account of another, nor can it say that it is another', async () => {
    const [dora, emil] = [await person('Dora'), await person('Emil')];
    const asked = connectContract(await pageChannel(dora.page));
    const { current, items } = await asked.call('accounts.list', {});
    expect(items.map(({ displayName, name }) => [displayName, name === current])).toEqual([
      ['Dora', true],
      ['Emil', false],
    ]);
    expect((await asked.call('app.state', {})).account.displayName).toBe('Dora');
    // what one page keeps is not there for the other, though both have one address
    await dora.page.evaluate(() => window.localStorage.setItem('of Dora', 'x'));
    expect(await emil.page.evaluate(() => window.localStorage.getItem('of Dora'))).toBeNull();
    expect(await dora.page.evaluate(() => Object.keys(window.parley ?? {}).length)).toBe(4);
  });

  it('the title of a window and the badge of the app say what is unread', async () => {
    await app.evaluate(({ app: electron, BrowserWindow }) => {
      electron.setBadgeCount = (count?: number) => {
        (globalThis as never as { badge: number }).badge = count ?? 0;
        return true;
      };
      for (const window of BrowserWindow.getAllWindows()) window.minimize();
    });
    const [network] = networks as [HomeNetwork];
    const friend = network.accounts.find(({ user }) => user === 'friend') as HomeNetwork['accounts'][number];
    const other = new Person({
      account: { ...friend, maxFileSize: 0 },
      paths: { data: join(folder, 'friend'), downloads: join(folder, 'friend') },
      store: { worker: new URL('../../electron/store/worker.ts', import.meta.url), nativeBinding: null },
      version: '0.1.0',
      platform: 'linux',
      neighbours: [],
      clock: systemClock,
    });
    await other.client.start();
    await other.online();
    const dora = connectContract(await pageChannel((await person('Dora')).page));
    await dora.call('conversations.open', { address: 'sip:friend@one.example' });
    const { id: conversationId } = await other.call['conversations.open']({ address: 'sip:dora@one.example' });
    for (const text of ['one', 'two']) {
      await other.call['messages.sendText']({ conversationId, clientId: `text-${text}-0123456789`, text });
    }
    await expect.poll(titles, { timeout: 20_000 }).toEqual(['(2) Dora', 'Emil']);
    expect(await app.evaluate(() => (globalThis as never as { badge: number }).badge)).toBe(2);
    const { items } = await dora.call('conversations.page', { limit: 5 });
    const page = await dora.call('messages.page', { conversationId: items[0]?.id ?? 0, limit: 5 });
    await dora.call('conversations.markRead', { conversationId: items[0]?.id ?? 0, upTo: page.items.at(-1)?.id ?? 0 });
    await expect.poll(titles).toEqual(['Dora', 'Emil']);
    await other.client.stop();
  });

  it('a window that was closed stays closed over a restart, its account does not', async () => {
    await app.evaluate(({ BrowserWindow }) => {
      BrowserWindow.getAllWindows()
        .find((window) => window.getTitle() === 'Emil')
        ?.close();
    });
    await expect.poll(titles).toEqual(['Dora']);
    await app.close();
    app = await launchElectron(['--user-data', userData]);
    const dora = await person('Dora');
    await dora.isOnline();
    expect(await titles()).toEqual(['Dora']);
    await dora.page.getByRole('button', { name: /^Account and settings/ }).click();
    await expect
      .poll(() => dora.page.getByRole('menuitemradio').allTextContents(), { timeout: 30_000 })
      .toEqual([expect.stringMatching(/Dora\s+Connected/), expect.stringMatching(/Emil\s+Connected/)]);
    await dora.page.keyboard.press('Escape');
    await dora.page.keyboard.press('Control+Shift+Digit2');
    await (await person('Emil')).isOnline();
  });

  it('another start hands its account over, or its window says why not', async () => {
    const file = join(folder, 'frida.json');
    const account = { address: 'sip:frida@example.com', user: 'frida', password: 'x', outboundProxy: '127.0.0.1:9', displayName: 'Frida' };
    writeFileSync(file, JSON.stringify(account));
    const handed = await runElectron(['--user-data', userData, '--account', file]);
    expect(handed.code).toBe(0);
    expect(handed.stderr).toContain('it was told what is asked for');
    await person('Frida');
    writeFileSync(join(folder, 'wrong.json'), '{"address":"sip:gina@example.com"}');
    await runElectron(['--user-data', userData, '--account', join(folder, 'wrong.json')]);
    const wrong = await person('wrong.json');
    await wrong.page.getByText('This account is not at work. The account is not complete.').waitFor();
    expect(await wrong.page.getByText('user: is missing').count()).toBe(1);
  });

  it('one that is removed signs out and goes with its window and its folder; the others stay', async () => {
    const emil = await person('Emil');
    await emil.pick('Accounts');
    await emil.dialog('Accounts').getByRole('button', { name: 'Remove Emil' }).click();
    await emil.dialog('Remove the account Emil').getByRole('button', { name: 'Remove' }).click();
    await expect.poll(titles, { timeout: 20_000 }).toEqual(['Dora', 'Frida', 'wrong.json']);
    await expect.poll(() => readdirSync(join(userData, 'accounts')).filter((name) => name.startsWith('emil'))).toEqual([]);
    expect(readFileSync(join(userData, 'accounts.json'), 'utf8')).not.toContain('emil');
    await (await person('Dora')).isOnline();
  });
});
