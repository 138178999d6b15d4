import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ElectronApplication } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Drawn, drawnBy } from '../harness/drawn.ts';
import { electronPath, launchElectron, windowTitled } from '../harness/electron-app.ts';
import { Window } from '../harness/main-job.ts';
import { makePicture } from '../harness/picture.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const SHOTS = fileURLToPath(new URL('../../out/test/screenshots', import.meta.url));

describe.skipIf(electronPath === '')('thumbnails in the real app', { timeout: 240_000 }, () => {
  const folder = temporaryFolder();
  let app: ElectronApplication;
  let alice: Window;
  let bob: Window;

  const tray = () => alice.page.getByRole('list', { name: 'Files to send' });
  const pick = async (path: string) => {
    await app.evaluate(({ dialog }, chosen) => {
      dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [chosen] });
    }, path);
    await alice.page.getByRole('button', { name: 'Attach files' }).click();
    await tray().getByRole('listitem').last().waitFor();
  };
  const shots = async (name: string, window: Window) => {
    for (const [width, height] of [
      [1280, 800],
      [800, 600],
    ] as const) {
      for (const scheme of ['light', 'dark'] as const) {
        await app.evaluate(({ nativeTheme }, theme) => {
          nativeTheme.themeSource = theme;
        }, scheme);
        await (await app.browserWindow(window.page)).evaluate((native, size) => native.setContentSize(size[0], size[1]), [
          width,
          height,
        ] as const);
        await expect.poll(() => window.page.evaluate(() => innerWidth)).toBe(width);
        await window.page.evaluate(() => document.getAnimations().map((each) => each.finish()));
        await window.page.screenshot({ path: join(SHOTS, `${name}-${width}-${scheme}.png`) });
      }
    }
  };

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    app = await launchElectron(['--user-data', join(folder, 'data')]);
    alice = new Window(await windowTitled(app, 'Alice'), 'Bob');
    bob = new Window(await windowTitled(app, 'Bob'), 'Alice');
    for (const { page } of [alice, bob]) await page.getByText('Connected', { exact: true }).waitFor();
    await bob.asksAlways();
  });
  afterAll(() => app?.close());

  it.each<[string, Drawn | 'hill']>([
    ['east ridge.png', 'hill'],
    ['evening.jpg', 'image/jpeg'],
    ['on the way.webm', 'film'],
  ])('of %s: in the tray before it is sent, and on the card before it is accepted', async (name, kind) => {
    const path = join(folder, name);
    if (kind === 'hill') await makePicture(path);
    else await writeFile(path, await drawnBy(alice.page, kind));
    await pick(path);
    await tray().locator('img').waitFor();
    if (kind === 'hill') await shots('thumbnail-tray', alice);
    await alice.composer().press('Enter');
    await bob.says(name.slice(0, 6), /Alice offers this file/);
    const picture = bob.card(name.slice(0, 6)).getByRole('img', { name: `Preview of ${name}` });
    await picture.waitFor();
    await expect.poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(160);
    if (kind !== 'hill') return bob.press(name.slice(0, 6), 'Decline');
    await shots('thumbnail-offered', bob);
    await bob.press('east', 'Accept');
    await bob.says('east', /Verified/);
    // the file itself takes its place
    await expect.poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(320);
  });
});
