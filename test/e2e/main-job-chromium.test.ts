import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HeadlessProcess } from '../harness/headless-process.ts';
import { makeFile, sha256, Window } from '../harness/main-job.ts';
import { openBrowser } from '../harness/page.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

describe('two people in a browser, without Electron', { timeout: 240_000 }, () => {
  const folder = temporaryFolder();
  let host: HeadlessProcess;
  let browser: Browser;
  let alice: Window;
  let bob: Window;

  beforeAll(async () => {
    host = await HeadlessProcess.start(['--user-data', join(folder, 'data')]);
    browser = await openBrowser();
    const show = async (index: number, other: string) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, acceptDownloads: true });
      const page = await context.newPage();
      await page.goto(host.accounts[index]?.url as string);
      await page.getByText('Connected', { exact: true }).waitFor();
      return new Window(page, other);
    };
    alice = await show(0, 'Bob');
    bob = await show(1, 'Alice');
  });
  afterAll(async () => {
    await browser?.close();
    await host?.stop();
  });

  it('a message is seen once the other person looks', async () => {
    await alice.open();
    await alice.write('from a browser');
    await expect.poll(() => alice.status()).toMatch(/Delivered|Seen/);
    await bob.open();
    await bob.log().getByText('from a browser').waitFor();
    await expect.poll(() => alice.status()).toBe('Seen');
  });

  it('who writes is seen to do so by the other one, until the message is there', async () => {
    await alice.composer().pressSequentially('on my way');
    const line = bob.page.getByRole('status').filter({ hasText: 'Alice is typing' });
    await line.waitFor();
    await alice.composer().press('Enter');
    await bob.log().getByText('on my way').waitFor();
    await line.waitFor({ state: 'detached' });
    await expect.poll(() => alice.status()).toBe('Seen');
  });

  it('a file is picked in the browser, accepted, and handed out again with the same content', async () => {
    const path = join(folder, 'map of the ridge.bin');
    await makeFile(path, 8);
    const chooser = alice.page.waitForEvent('filechooser');
    await alice.page.getByRole('button', { name: 'Attach files' }).click();
    await (await chooser).setFiles(path);
    await alice.page.getByRole('list', { name: 'Files to send' }).getByRole('listitem').waitFor();
    await alice.composer().press('Enter');
    await bob.says('map of the ridge', /Alice offers this file/);
    await bob.press('map of the ridge', 'Accept');
    await bob.says('map of the ridge', /Verified/);
    await alice.says('map of the ridge', /Sent/);
    const download = bob.page.waitForEvent('download');
    await bob.card('map of the ridge').getByRole('link', { name: 'Open' }).click();
    const saved = join(folder, 'saved.bin');
    await (await download).saveAs(saved);
    expect(existsSync(saved)).toBe(true);
    expect(await sha256(saved)).toBe(await sha256(path));
  });

  it('the page says so when its host is gone', async () => {
    await host.kill();
    await alice.page.getByText('This window lost its client').waitFor();
  });
});
