import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ElectronApplication } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { electronPath, launchElectron, windowTitled } from '../harness/electron-app.ts';
import { makeFile, sha256, Window } from '../harness/main-job.ts';
import { dropFiles } from '../harness/page-in-browser.ts';
import { readOn, slowReads } from '../harness/slow-reads.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

/** from that octet on the file that is paused is read slowly: it waits for the click, however fast the machine is */
const SLOW_FROM = 8 << 20;

describe.skipIf(electronPath === '')('files in the real app', { timeout: 240_000 }, () => {
  const folder = temporaryFolder();
  const userData = join(folder, 'data');
  const downloads = join(userData, 'demo', 'bob', 'Downloads');
  let app: ElectronApplication;
  let alice: Window;
  let bob: Window;
  /** what either page wrote to its console */
  const complaints: string[] = [];

  beforeAll(async () => {
    app = await launchElectron(['--user-data', userData]);
    alice = new Window(await windowTitled(app, 'Alice'), 'Bob');
    bob = new Window(await windowTitled(app, 'Bob'), 'Alice');
    for (const { page } of [alice, bob]) {
      page.on('console', (message) => complaints.push(message.text()));
      await page.getByText('Connected', { exact: true }).waitFor();
    }
  });
  afterAll(() => app?.close());

  it('R-FT-09 R-FT-29 R-FTR-03: a file and a folder are dropped, offered in one invitation, and taken as they are ticked', async () => {
    const maps = join(folder, 'maps');
    mkdirSync(maps);
    // more than a pasted file may be: it goes by its path, out of a folder too
    await makeFile(join(maps, 'survey.bin'), 80);
    await makeFile(join(maps, 'unwanted.bin'), 1);
    await makeFile(join(folder, 'plan.bin'), 2);
    await dropFiles(alice.page, alice.log(), [join(folder, 'plan.bin'), maps]);
    await expect.poll(() => alice.page.getByRole('list', { name: 'Files to send' }).getByRole('listitem').count()).toBe(3);
    await alice.page.getByText('The folder maps is sent as its 2 files.').waitFor();
    await alice.composer().press('Enter');
    await bob
      .log()
      .getByText(/Alice offers these files · 3 chosen/)
      .waitFor();
    await bob.log().getByRole('checkbox', { name: 'Accept unwanted.bin' }).uncheck();
    await bob.log().getByRole('button', { name: 'Accept 2, decline 1' }).click();
    for (const name of ['plan', 'survey']) await bob.says(name, /Verified/, 60_000);
    await alice.says('unwanted', /Declined by Bob/);
    for (const name of ['plan', 'survey']) await alice.says(name, /Sent/);
    expect((await readdir(downloads)).sort()).toEqual(['plan.bin', 'survey.bin']);
    expect(await sha256(join(downloads, 'survey.bin'))).toBe(await sha256(join(maps, 'survey.bin')));
  });

  it('one that is paused in the middle goes on where it was', async () => {
    await makeFile(join(folder, 'long.bin'), 96);
    await dropFiles(alice.page, alice.log(), [join(folder, 'long.bin')]);
    await alice.composer().press('Enter');
    await bob.says('long', /offers this file/);
    await app.evaluate(slowReads, SLOW_FROM);
    await bob.press('long', 'Accept');
    await alice.says('long', / of 100\.\d MB/);
    await alice.press('long', 'Pause');
    await alice.says('long', /Paused after/);
    await app.evaluate(readOn);
    // to him it may be a pause or the end: RFC 4975 has one sign for both
    await bob.says('long', /Interrupted|Stopped by/);
    await alice.press('long', 'Resume');
    await bob.says('long', /Verified/, 120_000);
    await alice.says('long', /Sent/);
    expect(await sha256(join(downloads, 'long.bin'))).toBe(await sha256(join(folder, 'long.bin')));
  });

  it('R-FT-08 R-FTR-04: one that is asked for by its name is sent by the person who has it, and checked', async () => {
    await bob.page.getByRole('button', { name: 'Conversation actions' }).click();
    await bob.page.getByRole('menuitem', { name: 'Ask for a file…' }).click();
    await bob.page.getByRole('textbox', { name: 'Name of the file' }).fill('plan.bin');
    await bob.page.keyboard.press('Enter');
    await bob.says('plan', /Waiting for Alice to choose a file/);
    await alice.says('plan', /Bob asks for this file/);
    await alice.press('plan', 'Send plan.bin');
    await bob.says('plan', /Verified/);
    await alice.says('plan', /Sent/);
    expect(await sha256(join(downloads, 'plan (2).bin'))).toBe(await sha256(join(folder, 'plan.bin')));
  });

  it('a copy is saved where the dialog says, or nowhere, and files arrive in the folder that was chosen', async () => {
    const copy = join(folder, 'a copy.bin');
    const chosen = join(folder, 'elsewhere');
    mkdirSync(chosen);
    await app.evaluate(
      ({ dialog }, { copy, chosen }) => {
        const asked: string[] = [];
        Object.assign(globalThis, { asked });
        // the first time it is cancelled
        dialog.showSaveDialog = async (...args: unknown[]) => {
          asked.push((args.at(-1) as { defaultPath: string }).defaultPath);
          return asked.length === 1 ? { canceled: true, filePath: '' } : { canceled: false, filePath: copy };
        };
        dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [chosen] });
      },
      { copy, chosen },
    );
    const times = () => app.evaluate(() => (globalThis as unknown as { asked: string[] }).asked);
    await bob.press('plan', 'Save as…');
    await expect.poll(times).toEqual(['plan (2).bin']);
    await bob.press('plan', 'Save as…');
    await expect.poll(() => sha256(copy).catch(() => '')).toBe(await sha256(join(folder, 'plan.bin')));
    expect(await times()).toEqual(['plan (2).bin', 'plan (2).bin']);

    await bob.page.keyboard.press('Control+,');
    await bob.page.getByRole('button', { name: 'Change…' }).click();
    await bob.page.getByRole('dialog', { name: 'Settings' }).getByText(chosen, { exact: true }).waitFor();
    await bob.page.keyboard.press('Escape');
    await dropFiles(alice.page, alice.log(), [join(folder, 'maps', 'unwanted.bin')]);
    await alice.composer().press('Enter');
    await bob.says('unwanted', /offers this file/);
    await bob.press('unwanted', 'Accept');
    await bob.says('unwanted', /Verified/);
    expect(await readdir(chosen)).toEqual(['unwanted.bin']);
  });

  it('R-FTR-01: what is called a picture and is none is a file like any other, and nothing stands in the console', async () => {
    const path = join(folder, 'no picture.png');
    writeFileSync(path, 'a text');
    await bob.asksAlways();
    await dropFiles(alice.page, alice.log(), [path]);
    await alice.composer().press('Enter');
    await bob.says('no picture', 'Image (PNG) · 6 bytes · Alice offers this file');
    await bob.press('no picture', 'Accept');
    await bob.says('no picture', /Verified/);
    await expect.poll(() => bob.card('no picture').getByRole('img').count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});
