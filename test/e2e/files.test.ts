import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TransferState } from '../../shared/model/states/transfer-state.ts';
import type { Transfer } from '../../shared/model/transfer.ts';
import type { FakeCore } from '../harness/fake-core.ts';
import { dropFiles, field, log, openBob, pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';
import { makePicture } from '../harness/picture.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const show = pageInBrowser();
const folder = temporaryFolder();
const picture = join(folder, 'hill.png');

beforeAll(() => makePicture(picture));

const idOf = (message: { transfer: Transfer | null }): number => message.transfer?.id as number;

/** the card of a file, by its name */
function card(page: Page, name: string): Locator {
  return log(page).getByRole('article').filter({ hasText: name });
}

describe('files that are offered together', () => {
  function threeOffered(): { core: FakeCore; ids: number[] } {
    const core = withBob();
    const ids = [
      core.addFile(1, 'offered', { name: 'one.pdf', size: 1_200_000, invitation: 'x' }),
      core.addFile(1, 'offered', { name: 'two.iso', size: 5_000_000_000, invitation: 'x' }),
      core.addFile(1, 'offered', { name: 'three.txt', size: 0, invitation: 'x' }),
    ].map(idOf);
    return { core, ids };
  }

  it('R-FTR-02 R-FTR-12 R-FTR-03 R-FTR-13: are ticked one by one, summed, and answered by the keyboard', async () => {
    const { core, ids } = threeOffered();
    const { page } = await show(core);
    await openBob(page);
    await log(page).getByText('Bob Baker offers these files · 3 chosen · 5.0 GB').waitFor();
    expect(await log(page).getByRole('button', { name: 'Accept', exact: true }).count()).toBe(0);
    await log(page).getByRole('checkbox', { name: 'Accept two.iso' }).press('Space');
    await log(page).getByText('Bob Baker offers these files · 2 chosen · 1.2 MB').waitFor();
    expect(await serious(page)).toEqual([]);
    await log(page).getByRole('button', { name: 'Accept 2, decline 1' }).press('Enter');
    await expect.poll(() => core.callsOf('transfers.accept')).toEqual([{ transferId: ids[0] }, { transferId: ids[2] }]);
    expect(core.callsOf('transfers.decline')).toEqual([{ transferId: ids[1] }]);
    await expect.poll(() => log(page).evaluate((log) => log === document.activeElement)).toBe(true);
  });

  it('are declined together, and none is accepted without a tick', async () => {
    const { core, ids } = threeOffered();
    const { page } = await show(core, { dark: true, width: 800, height: 600 });
    await openBob(page);
    for (const box of await log(page).getByRole('checkbox').all()) await box.uncheck();
    expect(await log(page).getByRole('button', { name: 'Accept all 3' }).isDisabled()).toBe(true);
    expect(await serious(page)).toEqual([]);
    await log(page).getByRole('button', { name: 'Decline all' }).click();
    await expect.poll(() => core.callsOf('transfers.decline')).toEqual(ids.map((transferId) => ({ transferId })));
    expect(core.callsOf('transfers.accept')).toEqual([]);
  });
});

describe('a file on its way', () => {
  it('is paused and taken up again, and what lasts is told once', async () => {
    const core = withBob();
    const file = core.addFile(1, 'transferring', { name: 'disk.img', size: 64_000_000, transferred: 16_000_000 });
    const { page } = await show(core);
    await openBob(page);
    const told = page.locator('[data-announcement]');
    await log(page).getByRole('button', { name: 'Pause' }).press('Enter');
    await log(page).getByText('Paused after 16.0 of 64.0 MB').waitFor();
    await expect.poll(() => told.textContent()).toBe('disk.img: Paused after 16.0 of 64.0 MB');
    await expect.poll(() => log(page).evaluate((log) => log === document.activeElement)).toBe(true);
    await log(page).getByRole('button', { name: 'Resume' }).press('Enter');
    expect(core.callsOf('transfers.pause')).toEqual([{ transferId: idOf(file) }]);
    await expect.poll(() => core.callsOf('transfers.resume')).toEqual([{ transferId: idOf(file) }]);
    const said = await told.textContent();
    core.changeTransfer(file, { state: 'transferring', transferred: 17_000_000 });
    await expect.poll(() => told.textContent()).toBe('disk.img: On its way');
    core.changeTransfer(file, { transferred: 20_000_000 });
    await log(page).getByText('20.0 of 64.0 MB').waitFor();
    expect(await told.textContent()).toBe('disk.img: On its way');
    expect(said).toContain('Paused');
    core.changeTransfer(file, { state: 'done', transferred: 64_000_000, savedAs: 'disk.img', verifiedBy: 'sha-1' });
    await expect.poll(() => told.textContent()).toBe('disk.img: 64.0 MB · Verified');
  });

  it('says why it waits: its turn, the next try, the connection', async () => {
    const core = withBob();
    const files = [1, 2, 3].map((at) => core.addFile(1, 'queued', { direction: 'out', name: `file ${at}.pdf` }, { status: 'queued' }));
    core.queue = [idOf(files[0] as never), idOf(files[1] as never)];
    const { page } = await show(core);
    await openBob(page);
    await card(page, 'file 1.pdf').getByText('Waiting: next in turn').waitFor();
    await card(page, 'file 2.pdf').getByText('Waiting: 1 file before it').waitFor();
    await card(page, 'file 3.pdf')
      .getByText(/Trying again at \d/)
      .waitFor();
    core.tell('transfers.queued', { items: [99, 98, idOf(files[1] as never)] });
    await card(page, 'file 2.pdf').getByText('Waiting: 2 files before it').waitFor();
    core.setRegistration({ kind: 'offline' });
    await card(page, 'file 2.pdf').getByText('Waiting for the connection').waitFor();
  });

  it('has words, a picture of its state and no serious fault of access in every state', async () => {
    const core = withBob();
    const states: TransferState[] = ['accepting', 'verifying', 'paused', 'interrupted', 'quarantined', 'failed', 'done', 'expired'];
    for (const state of states) core.addFile(1, state, { name: 'שם ארוך מאוד של קובץ אחד.txt', error: null, size: 0 });
    for (const dark of [false, true]) {
      const { page } = await show(core, { dark, height: 1600 });
      await openBob(page);
      await log(page).getByText('Differs from what was announced · Kept in quarantine').waitFor();
      expect(await serious(page)).toEqual([]);
      await page.context().close();
    }
  });
});

describe('a file that is asked for (pull)', () => {
  it('is asked for by the keyboard, with and without a name', async () => {
    const core = withBob();
    const { page } = await show(core);
    await openBob(page);
    for (const name of ['plan.pdf', '']) {
      await page.getByRole('button', { name: 'Conversation actions' }).press('Enter');
      await page.getByRole('menuitem', { name: 'Ask for a file…' }).press('Enter');
      const dialog = page.getByRole('dialog', { name: 'Ask Bob Baker for a file' });
      await dialog.getByRole('textbox', { name: 'Name of the file' }).waitFor();
      expect(await serious(page)).toEqual([]);
      await page.keyboard.type(name);
      await page.keyboard.press('Enter');
      await expect.poll(() => dialog.count()).toBe(0);
    }
    await expect.poll(() => core.callsOf('files.request').length).toBe(2);
    expect(core.callsOf('files.request')).toMatchObject([{ conversationId: 1, name: 'plan.pdf' }, { conversationId: 1 }]);
    expect(core.callsOf('files.request')[1]).not.toHaveProperty('name');
    await card(page, 'plan.pdf').getByText('Waiting for Bob Baker to choose a file').waitFor();
    await card(page, 'Any file').getByRole('button', { name: 'Cancel' }).waitFor();
  });

  it('R-FTR-04: is chosen by whoever is asked, or sent once more when it is here', async () => {
    const core = withBob();
    const sent = core.addFile(1, 'done', { direction: 'out', name: 'Plan.pdf' });
    const known = core.addFile(1, 'offered', { direction: 'out', pull: true, name: 'plan.pdf', sizeKnown: false, size: 0 });
    const unknown = core.addFile(1, 'offered', { direction: 'out', pull: true, name: '', sizeKnown: false, size: 0 });
    const { page } = await show(core);
    await openBob(page);
    await card(page, 'plan.pdf').getByRole('button', { name: 'Send Plan.pdf' }).press('Enter');
    await expect.poll(() => core.callsOf('transfers.give')).toEqual([{ transferId: idOf(known), token: `of transfer ${idOf(sent)}` }]);
    await log(page).getByText('Bob Baker asks for a file').waitFor();
    const chooser = page.waitForEvent('filechooser');
    await log(page).getByRole('button', { name: 'Choose file…' }).press('Enter');
    await (await chooser).setFiles(picture);
    await expect.poll(() => core.callsOf('transfers.give')).toHaveLength(2);
    expect(core.callsOf('transfers.give')[1]).toMatchObject({ transferId: idOf(unknown) });
    await log(page).getByText('Waiting for Bob Baker to receive').first().waitFor();
  });

  it('is declined, and nothing of a stranger is given', async () => {
    const core = withBob();
    const asked = core.addFile(1, 'offered', { direction: 'out', pull: true, name: 'plan.pdf' });
    core.addConversation('sip:mallory@example.com', 'Mallory', { request: true });
    core.addFile(3, 'offered', { direction: 'out', pull: true, name: 'keys.txt' });
    const { page } = await show(core);
    await openBob(page);
    await log(page).getByRole('button', { name: 'Decline' }).click();
    await expect.poll(() => core.callsOf('transfers.decline')).toEqual([{ transferId: idOf(asked) }]);
    await page.getByRole('button', { name: '1 request' }).click();
    await page.getByRole('button', { name: /Mallory/ }).click();
    await page.getByText('Mallory asks for this file').waitFor();
    expect(await page.getByRole('button', { name: 'Choose file…' }).count()).toBe(0);
  });
});

describe('what is to be sent', () => {
  it('of a folder is each of its files, of an empty one nothing, and both are said', async () => {
    const photos = join(folder, 'photos');
    mkdirSync(join(photos, 'deeper'), { recursive: true });
    mkdirSync(join(folder, 'empty'));
    writeFileSync(join(photos, 'a.txt'), 'a');
    writeFileSync(join(photos, '.DS_Store'), 'litter');
    writeFileSync(join(photos, 'deeper', 'b.txt'), 'bb');
    writeFileSync(join(folder, 'c.txt'), 'ccc');
    const core = withBob({ answersSends: false });
    const { page } = await show(core);
    await openBob(page);
    await dropFiles(page, log(page), [photos, join(folder, 'empty'), join(folder, 'c.txt')]);
    const tray = page.getByRole('list', { name: 'Files to send' });
    await expect.poll(() => tray.getByRole('listitem').count()).toBe(3);
    await page.getByText('The folder photos is sent as its 2 files.').waitFor();
    await page.getByText('The folder empty holds no files.').waitFor();
    await page.getByText('3 files · 6 bytes').waitFor();
    expect(await serious(page)).toEqual([]);
    await field(page).press('Enter');
    await expect.poll(() => core.callsOf('files.send').length).toBe(3);
  });

  it('is dropped anywhere in the window, and on another conversation for that one', async () => {
    const core = withBob({ answersSends: false });
    writeFileSync(join(folder, 'd.txt'), 'dddd');
    const { page } = await show(core);
    await openBob(page);
    const tray = page.getByRole('list', { name: 'Files to send' });
    await dropFiles(page, page.getByRole('button', { name: 'New conversation' }), [join(folder, 'd.txt')]);
    await tray.getByText('4 bytes').waitFor();
    const carol = page.getByRole('navigation').getByRole('button', { name: /Carol Clark/ });
    await dropFiles(page, carol, [join(folder, 'd.txt')], 'over');
    await page.getByText('Drop files to send them to Carol Clark').waitFor();
    await dropFiles(page, carol, [join(folder, 'd.txt')]);
    await page.getByRole('textbox', { name: 'Message to Carol Clark' }).waitFor();
    await tray.getByText('4 bytes').waitFor();
    await expect.poll(() => page.getByText(/Drop files/).count()).toBe(0);
    await page.getByRole('textbox', { name: 'Message to Carol Clark' }).press('Enter');
    await expect.poll(() => core.callsOf('files.send')).toMatchObject([{ conversationId: 2 }]);
  });

  it('R-FT-10: that is too large is said at once, with the limit, and stays behind', async () => {
    const core = withBob({ maxFileSize: 1_000_000 });
    const { page } = await show(core);
    await openBob(page);
    writeFileSync(join(folder, 'large.bin'), new Uint8Array(1_000_001));
    writeFileSync(join(folder, 'small.bin'), new Uint8Array(1000));
    await dropFiles(page, log(page), [join(folder, 'large.bin'), join(folder, 'small.bin')]);
    await page.getByText('Larger than 1.0 MB').waitFor();
    await page.getByText('1 file · 1 kB').waitFor();
    await page.getByRole('alert').getByText('1 file cannot be sent.').waitFor();
    await field(page).press('Enter');
    await expect.poll(() => core.callsOf('files.send').length).toBe(1);
    expect(await page.getByRole('list', { name: 'Files to send' }).getByRole('listitem').count()).toBe(1);
  });

  it('is pasted where nothing is written as well', async () => {
    const core = withBob();
    const { page } = await show(core);
    await openBob(page);
    await log(page).evaluate((log) => {
      const clipboardData = new DataTransfer();
      clipboardData.items.add(new File([new Uint8Array(2000)], 'image.png', { type: 'image/png' }));
      log.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    });
    await page.getByRole('list', { name: 'Files to send' }).getByText('2 kB').waitFor();
  });
});

describe('images', () => {
  function threeImages(): { core: FakeCore; previews: Map<number, string> } {
    const core = withBob();
    const image = { type: 'image/png', size: 5000, previewable: true } as const;
    const first = core.addFile(1, 'done', { ...image, name: 'first.png' });
    const large = core.addFile(1, 'done', { ...image, name: 'second.png', previewable: false, size: 900_000_000 });
    core.addFile(1, 'done', { name: 'between.pdf' });
    core.addFile(1, 'declined', { ...image, direction: 'out', name: 'never sent.txt', type: 'text/plain', previewable: false });
    const last = core.addFile(1, 'done', { ...image, name: 'third.png', direction: 'out' });
    expect(idOf(large)).toBeGreaterThan(0);
    return { core, previews: new Map([first, last].map((each) => [idOf(each), picture])) };
  }

  it('are looked at by the keyboard: one after the other, near and far, and back to where one was', async () => {
    const { core, previews } = threeImages();
    const { page, complaints } = await show(core, { previews });
    await openBob(page);
    await log(page).getByRole('button', { name: 'Show third.png' }).press('Enter');
    const viewer = page.getByRole('dialog', { name: 'Image' });
    await viewer.getByText('3 of 3 · 5 kB').waitFor();
    await viewer.locator('img.ready').waitFor();
    await viewer.getByText('100 %').waitFor();
    expect(await serious(page)).toEqual([]);
    const width = async (): Promise<number> => (await viewer.locator('img').boundingBox())?.width ?? 0;
    await expect.poll(width).toBe(320);
    await page.keyboard.press('+');
    await expect.poll(width).toBe(400);
    await page.keyboard.press('-');
    await expect.poll(width).toBe(320);
    await page.mouse.move(640, 400);
    await page.mouse.wheel(0, -2000);
    await expect.poll(width).toBe(2560);
    const before = (await viewer.locator('img').boundingBox())?.x ?? 0;
    await page.keyboard.press('Shift+ArrowLeft');
    await expect.poll(async () => Math.round(((await viewer.locator('img').boundingBox())?.x ?? 0) - before)).toBe(80);
    await page.keyboard.press('0');
    await expect.poll(width).toBe(320);
    await page.keyboard.press('ArrowLeft');
    await viewer.getByText('2 of 3 · 900.0 MB').waitFor();
    await viewer.getByText('This image cannot be shown here.').waitFor();
    await page.keyboard.press('ArrowLeft');
    await viewer.getByText('1 of 3').waitFor();
    await page.keyboard.press('ArrowLeft');
    await viewer.getByText('first.png').first().waitFor();
    expect(await viewer.getByRole('button', { name: 'Previous image' }).count()).toBe(0);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await viewer.getByText('3 of 3').waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => viewer.count()).toBe(0);
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Show third.png');
    expect(complaints).toEqual([]);
  });

  it('never reach further than the window and never show what is locked', async () => {
    const { core, previews } = threeImages();
    const bob = core.conversations.get(1);
    if (bob !== undefined) core.conversations.set(1, { ...bob, blocked: true });
    const { page } = await show(core, { previews, dark: true, width: 800, height: 600 });
    await openBob(page);
    expect(await log(page).getByRole('button', { name: 'Show first.png' }).count()).toBe(0);
    await log(page).getByRole('button', { name: 'Show third.png' }).click();
    const viewer = page.getByRole('dialog', { name: 'Image' });
    await viewer.getByText('1 of 1').waitFor();
    expect(await serious(page)).toEqual([]);
  });
});

describe('the files of a conversation', () => {
  it('are listed newest first, by kind and by pages, and lead to where they stand', async () => {
    const core = withBob();
    const start = Date.now() - 200 * 400_000;
    for (let at = 0; at < 120; at++) {
      const isImage = at === 3;
      const more = isImage ? { name: 'the only one.png', type: 'image/png' } : { name: `file ${at}.pdf` };
      core.addFile(1, 'done', more, { sentAt: start + at * 400_000 });
    }
    const { page } = await show(core);
    await openBob(page);
    await page.getByRole('button', { name: 'Files', exact: true }).press('Enter');
    const list = page.getByRole('list', { name: 'Files', exact: true });
    await expect.poll(() => list.getByRole('listitem').count()).toBe(50);
    expect(await list.getByRole('listitem').first().textContent()).toContain('file 119.pdf');
    expect(await serious(page)).toEqual([]);
    await page.getByRole('button', { name: 'Show older files' }).click();
    await expect.poll(() => list.getByRole('listitem').count()).toBe(100);
    await page.getByRole('radio', { name: 'All' }).focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => list.getByRole('listitem').count()).toBe(1);
    await list.getByRole('button', { name: /the only one\.png.*67\.1 MB/ }).press('Enter');
    await expect.poll(() => card(page, 'the only one.png').isVisible()).toBe(true);
    const arrived = core.addFile(1, 'done', { name: 'news.png', type: 'image/png' });
    core.change(arrived, {});
    await list.getByText('news.png').first().waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('complementary').waitFor({ state: 'detached' });
  });

  it('are forwarded and saved from there', async () => {
    const core = withBob();
    core.addFile(1, 'done', { name: 'plan.pdf' });
    const { page } = await show(core, { dark: true, width: 800, height: 600 });
    await openBob(page);
    await page.getByRole('button', { name: 'Files', exact: true }).click();
    await page.getByRole('button', { name: 'Actions of plan.pdf' }).press('Enter');
    expect(await serious(page)).toEqual([]);
    expect((await page.getByRole('menuitem').allTextContents()).map((text) => text.trim())).toEqual([
      'Show in conversation',
      'Save as…',
      'Forward',
    ]);
    await page.getByRole('menuitem', { name: 'Forward' }).press('Enter');
    await page.getByRole('dialog', { name: 'Forward a message' }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Actions of plan.pdf');
  });

  it('that there are none of say what will be here', async () => {
    const core = withBob();
    const { page } = await show(core);
    await openBob(page);
    await page.getByRole('button', { name: 'Files', exact: true }).click();
    await page.getByText('Files that go to Bob Baker or come from there will be listed here.').waitFor();
  });
});
