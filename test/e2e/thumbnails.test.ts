import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { readIconPicture } from '../../shared/protocol/picture/icon-picture.ts';
import { type Drawn, drawnBy } from '../harness/drawn.ts';
import { log, openBob, pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';
import { makePicture } from '../harness/picture.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

describe('R-FT-11: thumbnails are made in the page', { timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  const show = pageInBrowser();

  async function pick(page: Page, path: string): Promise<void> {
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Attach files' }).click();
    await (await chooser).setFiles(path);
    await page.getByRole('list', { name: 'Files to send' }).getByRole('listitem').waitFor();
  }

  it.each<[string, Drawn, 'image/png' | 'image/jpeg']>([
    ['photo.jpg', 'image/jpeg', 'image/jpeg'],
    ['drawing.png', 'image/png', 'image/jpeg'],
    ['drawing.webp', 'image/webp', 'image/jpeg'],
    ['logo.png', 'clear', 'image/png'],
    ['film.webm', 'film', 'image/jpeg'],
  ])('of %s, within 10 KiB and 160 pixels, and it is shown before the file is sent', async (name, kind, type) => {
    const core = withBob();
    const { page, complaints } = await show(core);
    await openBob(page);
    const path = join(folder, name);
    await writeFile(path, await drawnBy(page, kind));
    await pick(page, path);
    const shown = page.getByRole('list', { name: 'Files to send' }).locator('img');
    await shown.waitFor();
    expect(await shown.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight])).toEqual([160, 100]);
    const [octets = ''] = [...core.thumbnails.values()];
    const thumbnail = new Uint8Array(Buffer.from(octets, 'base64'));
    expect(thumbnail.length).toBeLessThanOrEqual(10 * 1024);
    expect(readIconPicture(thumbnail)).toEqual({ type, width: 160, height: 100 });
    expect(await shown.getAttribute('src')).toBe(`data:${type};base64,${octets}`);
    expect(complaints).toEqual([]);
  });

  it('of a GIF that moves, from its first frame; a small picture is not made larger', async () => {
    const core = withBob();
    const { page } = await show(core);
    await openBob(page);
    const path = join(folder, 'moves.gif');
    const frame = (pixels: string): string => `21f9040064000000${'2c00000000020001000002'}02${pixels}00`;
    await writeFile(path, Buffer.from(`474946383961020001008000${'00ff00000000ff'}${frame('040a')}${frame('4c0a')}3b`, 'hex'));
    await pick(page, path);
    await page.getByRole('list', { name: 'Files to send' }).locator('img').waitFor();
    const [octets = ''] = [...core.thumbnails.values()];
    expect(readIconPicture(new Uint8Array(Buffer.from(octets, 'base64')))).toMatchObject({ width: 2, height: 1 });
  });

  it('carries nothing of what a camera writes beside the picture, and stands as the camera noted', async () => {
    const core = withBob();
    const { page } = await show(core);
    await openBob(page);
    const path = join(folder, 'turned.jpg');
    await writeFile(path, turned(await drawnBy(page, 'image/jpeg')));
    await pick(page, path);
    await page.getByRole('list', { name: 'Files to send' }).locator('img').waitFor();
    const thumbnail = Buffer.from([...core.thumbnails.values()][0] ?? '', 'base64');
    expect(readIconPicture(new Uint8Array(thumbnail))).toMatchObject({ width: 100, height: 160 });
    expect(thumbnail.includes('Exif')).toBe(false);
    expect(thumbnail.includes('Secret place')).toBe(false);
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ['one of 50 million pixels and more', (path) => makePicture(path, { width: 10_000, height: 5001 })],
    ['one that breaks off', (path) => writeFile(path, Buffer.from('89504e470d0a1a0a0000000d49484452000000100000000c0806', 'hex'))],
    ['what is none, whatever its name', (path) => writeFile(path, '<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ])('not of %s: the file is sent as it is', async (_, write) => {
    const core = withBob();
    const { page } = await show(core);
    await openBob(page);
    const path = join(folder, 'odd.png');
    await write(path);
    await pick(page, path);
    // a second one that has a thumbnail comes after it
    await makePicture(join(folder, 'fine.png'));
    const chooser = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Attach files' }).click();
    await (await chooser).setFiles(join(folder, 'fine.png'));
    const list = page.getByRole('list', { name: 'Files to send' });
    await list.locator('img').waitFor();
    expect(await list.getByRole('listitem').filter({ hasText: 'odd' }).locator('img').count()).toBe(0);
    expect(core.thumbnails.size).toBe(1);
    expect(await serious(page)).toEqual([]);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await expect.poll(() => core.callsOf('files.send').length).toBe(2);
  });
});

describe('R-FTR-01: a file that is offered shows its thumbnail', { timeout: 60_000 }, () => {
  const folder = temporaryFolder();
  const show = pageInBrowser();

  it.each([false, true])(
    'before it is accepted and while it comes; one that cannot be drawn leaves a card without (dark: %s)',
    async (dark) => {
      const core = withBob();
      const [fine, odd] = [join(folder, 'fine.png'), join(folder, 'odd.png')];
      await makePicture(fine);
      await writeFile(odd, 'no picture');
      const files = [
        core.addFile(1, 'offered', { name: 'ridge.jpg', type: 'image/jpeg', size: 4_200_000, thumbnail: true }),
        core.addFile(1, 'transferring', {
          name: 'film.mp4',
          type: 'video/mp4',
          size: 64_000_000,
          transferred: 20_000_000,
          thumbnail: true,
        }),
        core.addFile(1, 'offered', { name: 'odd.jpg', type: 'image/jpeg', thumbnail: true }),
      ];
      const ids = files.map(({ transfer }) => transfer?.id ?? 0);
      const { page } = await show(core, { dark, thumbnails: new Map(ids.map((id, at) => [id, at === 2 ? odd : fine])) });
      await openBob(page);
      for (const name of ['ridge.jpg', 'film.mp4']) {
        const picture = page.getByRole('img', { name: `Preview of ${name}` });
        await picture.scrollIntoViewIfNeeded();
        await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(320);
      }
      const card = log(page).locator('.card', { hasText: 'odd' });
      await card.scrollIntoViewIfNeeded();
      await card.locator('img').waitFor({ state: 'detached' });
      await card.getByRole('button', { name: 'Accept' }).waitFor();
      expect(await serious(page)).toEqual([]);
    },
  );
});

/** The same JPEG with an Exif segment: to be turned by 90°, and where it was taken. */
function turned(jpeg: Buffer): Buffer {
  const orientation = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0];
  const place = Buffer.from('Secret place\0');
  const description = [0x01, 0x0e, 0, 2, 0, 0, 0, place.length, 0, 0, 0, 38];
  const tiff = Buffer.concat([
    Buffer.from('4d4d002a00000008', 'hex'),
    Buffer.from([0, 2, ...description, ...orientation, 0, 0, 0, 0]),
    place,
  ]);
  const body = Buffer.concat([Buffer.from('Exif\0\0'), tiff]);
  const segment = Buffer.concat([Buffer.from([0xff, 0xe1, (body.length + 2) >> 8, (body.length + 2) & 255]), body]);
  return Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)]);
}
