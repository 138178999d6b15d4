import { join } from 'node:path';
import type { ElectronApplication } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { electronPath, launchElectron, windowTitled } from '../harness/electron-app.ts';
import { Window } from '../harness/main-job.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

describe.skipIf(electronPath === '')('a device that sleeps, in the real app', { timeout: 240_000 }, () => {
  const folder = temporaryFolder();
  let app: ElectronApplication;
  let alice: Window;
  let bob: Window;
  beforeAll(async () => {
    app = await launchElectron(['--user-data', join(folder, 'data')]);
    alice = new Window(await windowTitled(app, 'Alice'), 'Bob');
    bob = new Window(await windowTitled(app, 'Bob'), 'Alice');
    for (const { page } of [alice, bob]) await page.getByText('Connected', { exact: true }).waitFor();
  });
  afterAll(() => app?.close());

  it('is not called connected from when the system announces sleep until a new registration after waking, and what was written then arrives', async () => {
    await app.evaluate(({ powerMonitor }) => void powerMonitor.emit('suspend'));
    for (const { page } of [alice, bob]) await page.getByText('Not connected', { exact: true }).waitFor();
    await alice.open();
    await alice.write('before waking');
    await expect.poll(() => alice.status()).toMatch(/Waiting/);
    await app.evaluate(({ powerMonitor }) => void powerMonitor.emit('resume'));
    for (const { page } of [alice, bob]) await page.getByText('Connected', { exact: true }).waitFor();
    await expect.poll(() => alice.status(), { timeout: 30_000 }).toMatch(/Delivered|Seen/);
  });
});
