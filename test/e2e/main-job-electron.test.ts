import { mkdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ElectronApplication } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { electronPath, launchElectron, windowTitled } from '../harness/electron-app.ts';
import { makeFile, sha256, Window } from '../harness/main-job.ts';
import { makePicture } from '../harness/picture.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const SHOTS = fileURLToPath(new URL('../../out/test/screenshots', import.meta.url));

describe.skipIf(electronPath === '')('two people in the real app', { timeout: 240_000 }, () => {
  const folder = temporaryFolder();
  const userData = join(folder, 'data');
  let app: ElectronApplication;
  let alice: Window;
  let bob: Window;

  const start = async () => {
    app = await launchElectron(['--user-data', userData]);
    alice = new Window(await windowTitled(app, 'Alice'), 'Bob');
    bob = new Window(await windowTitled(app, 'Bob'), 'Alice');
    for (const { page } of [alice, bob]) await page.getByText('Connected', { exact: true }).waitFor();
  };
  const attach = async (window: Window, path: string) => {
    await app.evaluate(({ dialog }, chosen) => {
      dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [chosen] });
    }, path);
    await window.page.getByRole('button', { name: 'Attach files' }).click();
    await window.page.getByRole('list', { name: 'Files to send' }).getByRole('listitem').waitFor();
    await window.composer().press('Enter');
  };

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    await start();
    await bob.asksAlways();
  });
  afterAll(() => app?.close());

  it('R-REG-01: both windows are registered and ready to type; which Electron it is', async () => {
    const versions = await app.evaluate(() => ({
      electron: process.versions['electron'],
      chrome: process.versions['chrome'],
      node: process.versions.node,
    }));
    console.log(`Electron ${versions.electron}, Chromium ${versions.chrome}, Node ${versions.node}`);
    for (const window of [alice, bob])
      await expect.poll(() => window.composer().evaluate((field) => field === document.activeElement)).toBe(true);
  });

  it('a message: sent, delivered, and seen only once the other person looks', async () => {
    await bob.page.keyboard.press('Escape');
    await bob.composer().waitFor({ state: 'detached' });
    await alice.write('Grüße – shall we meet at 10? 🙂');
    await expect.poll(() => alice.status()).toBe('Delivered');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await alice.status()).toBe('Delivered');
    await bob.open();
    await bob.log().getByText('shall we meet at 10?').waitFor();
    await expect.poll(() => alice.status()).toBe('Seen');
  });

  it('a file of 64 MiB: offered, accepted, shown with progress, the same SHA-256', async () => {
    const path = join(folder, 'survey of the east ridge.bin');
    await makeFile(path, 64);
    await attach(alice, path);
    await bob.says('survey', /Alice offers this file/);
    await alice.says('survey', /Waiting for Bob to accept/);
    const progress = await Promise.all([alice.watchProgress(), bob.watchProgress()]);
    await bob.press('survey', 'Accept');
    await bob.says('survey', /Verified/);
    await alice.says('survey', /Sent/);
    for (const seen of await Promise.all(progress.map((read) => read()))) {
      const moving = seen.filter(({ words }) => /of 6\d\.\d MB/.test(words));
      expect(moving.length).toBeGreaterThan(0);
      expect(moving.map(({ value }) => value)).toEqual(moving.map(({ value }) => value).sort((a, b) => a - b));
    }
    const downloads = join(userData, 'demo', 'bob', 'Downloads');
    expect(await readdir(downloads)).toEqual([basename(path)]);
    expect(await sha256(join(downloads, basename(path)))).toBe(await sha256(path));
  });

  it('a declined file says so on both sides', async () => {
    const path = join(folder, 'not wanted.bin');
    await makeFile(path, 1);
    await attach(alice, path);
    await bob.says('not wanted', /offers this file/);
    await bob.press('not wanted', 'Decline');
    await alice.says('not wanted', /Declined by Bob/);
    await bob.says('not wanted', /Declined/);
  });

  it('a picture is shown on both sides', async () => {
    const path = join(folder, 'ridge.png');
    await makePicture(path);
    await attach(alice, path);
    await bob.says('ridge', /offers this file/);
    await bob.press('ridge', 'Accept');
    await bob.says('ridge', /Verified/);
    for (const window of [alice, bob]) {
      const picture = window.card('ridge').getByRole('img', { name: 'Preview of ridge.png' });
      await picture.waitFor();
      await expect.poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
    }
  });

  it('looks as it should in both sizes and both schemes', async () => {
    await bob.write('Ten is fine. I bring the map.');
    await bob.write('See https://example.com/route for the way up.');
    await alice.log().getByText('the way up').waitFor();
    for (const [width, height] of [
      [1280, 800],
      [800, 600],
    ] as const) {
      for (const scheme of ['light', 'dark'] as const) {
        await app.evaluate(({ nativeTheme }, theme) => {
          nativeTheme.themeSource = theme;
        }, scheme);
        for (const [name, window] of Object.entries({ alice, bob })) {
          const isDark = () => window.page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
          await expect.poll(isDark).toBe(scheme === 'dark');
          await (await app.browserWindow(window.page)).evaluate((native, size) => native.setContentSize(size[0], size[1]), [
            width,
            height,
          ] as const);
          await window.page.waitForTimeout(250);
          await window.page.screenshot({ path: join(SHOTS, `${name}-${width}x${height}-${scheme}.png`) });
          expect(await window.page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth)).toBe(true);
        }
      }
    }
  });

  it('what was written is there after a restart, and the instance is the same', async () => {
    await app.close();
    await start();
    await alice.log().getByText('shall we meet at 10?').waitFor();
    await alice.says('ridge', /Sent/);
    await alice.write('still there');
    await expect.poll(() => alice.status()).toMatch(/Delivered|Seen/);
  });
});
