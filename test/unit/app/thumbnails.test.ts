import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { byteRange } from '../../../electron/app/byte-range.ts';
import { PickedThumbnails } from '../../../electron/app/picked-thumbnails.ts';
import { pickedPreviewOf, pictureAsked } from '../../../electron/app/preview.ts';
import { greyPng, pngChunk, pngThatSays } from '../../harness/icons.ts';
import { makePicture } from '../../harness/picture.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const folder = temporaryFolder();
const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');

describe('R-FT-11: a thumbnail that the page made', () => {
  const kept = () => {
    const saved: [number, number][] = [];
    return { saved, thumbnails: new PickedThumbnails(async (id, { width }) => void saved.push([id, width])) };
  };

  it('goes to every transfer of its file, sent before or after it was made', async () => {
    const { saved, thumbnails } = kept();
    await thumbnails.sent('a', 1);
    await thumbnails.sent('b', 2);
    await thumbnails.made('a', base64(greyPng(16, 9)));
    await thumbnails.sent('a', 3);
    expect(saved).toEqual([
      [1, 16],
      [3, 16],
    ]);
  });

  it.each<[string, string]>([
    ['more than 10 KiB', base64(greyPng(16, 9, [pngChunk('tEXt', new Uint8Array(10_240))]))],
    ['a bomb', base64(pngThatSays(10_000, 10_000))],
    ['no picture', base64(new Uint8Array([1, 2, 3]))],
    ['no base64', '='],
  ])('is not taken where it is %s: the page is believed nothing', async (_, octets) => {
    const { saved, thumbnails } = kept();
    await thumbnails.sent('a', 1);
    await expect(thumbnails.made('a', octets)).rejects.toMatchObject({ code: 'request.invalid' });
    expect(saved).toEqual([]);
  });
});

describe('what a thumbnail is made of', () => {
  it('is a picture below 50 million pixels, by what its header says', async () => {
    const path = join(folder, 'picture');
    for (const [width, height, shown] of [
      [8000, 6000, true],
      [8160, 6120, true],
      [10_000, 5000, false],
      [30_000, 30_000, false],
    ] as const) {
      await makePicture(path, { width, height });
      expect(await pickedPreviewOf(path)).toEqual(shown ? { path, type: 'image/png' } : null);
    }
    await writeFile(path, '<svg xmlns="http://www.w3.org/2000/svg"/>');
    expect(await pickedPreviewOf(path)).toBeNull();
    expect(await pickedPreviewOf(join(folder, 'gone'))).toBeNull();
  });

  it('is asked for by an address that is nothing else', () => {
    expect(pictureAsked('12')).toEqual({ what: 'transfer', id: 12 });
    expect(pictureAsked('thumbnail/12')).toEqual({ what: 'thumbnail', id: 12 });
    expect(pictureAsked('picked/a_B-9')).toEqual({ what: 'picked', token: 'a_B-9' });
    for (const odd of ['', '0', '01', 'x', 'picked/', 'picked/a/b', 'picked/..', 'thumbnail/', 'thumbnail/x', '1/2', '12?', '9'.repeat(17)])
      expect(pictureAsked(odd), odd).toBeNull();
  });
});

describe('a part of a file', () => {
  it.each([
    [null, null],
    ['bytes=0-', { start: 0, end: 99 }],
    ['bytes=10-19', { start: 10, end: 19 }],
    ['bytes=90-1000', { start: 90, end: 99 }],
    ['bytes=-10', { start: 90, end: 99 }],
    ['bytes=-1000', { start: 0, end: 99 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=20-10', null],
    ['bytes=-', null],
    ['bytes=0-1,5-6', null],
    ['lines=0-1', null],
  ] as const)('%s of 100 octets', (header, range) => {
    expect(byteRange(header, 100)).toEqual(range);
  });
});
