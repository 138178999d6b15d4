import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { previewOf } from '../../../electron/app/preview.ts';
import { pixelsOf } from '../../../shared/protocol/picture/picture-size.ts';
import { makePicture } from '../../harness/picture.ts';
import { temporaryFolder } from '../../harness/temporary-folder.ts';

const folder = temporaryFolder();

function octets(size: number, ...parts: [at: number, value: string | number[]][]): Uint8Array {
  const made = Buffer.alloc(size);
  for (const [at, value] of parts) made.set(Buffer.from(value as string, 'latin1'), at);
  return made;
}

const pixels = (made: Uint8Array, type: string): Promise<number | null> =>
  pixelsOf(async (at, length) => made.subarray(at, at + length), `image/${type}`);

const le16 = (value: number): number[] => [value & 255, value >>> 8];
const be16 = (value: number): number[] => [value >>> 8, value & 255];
const be32 = (value: number): number[] => [...be16(value >>> 16), ...be16(value & 0xffff)];

describe('the pixels of a picture', () => {
  it.each<[string, string, Uint8Array]>([
    ['a PNG', 'png', octets(24, [16, be32(300)], [20, be32(200)])],
    ['a GIF', 'gif', octets(30, [6, [...le16(300), ...le16(200)]], [13, [0x2c, 0, 0, 0, 0, ...le16(10), ...le16(10)]])],
    [
      'a GIF whose first frame is larger than its screen, behind colours and an extension',
      'gif',
      octets(
        60,
        [6, [...le16(1), ...le16(200)]],
        [10, [0x81]],
        [25, [0x21, 0xf9, 4, 1, 2, 3, 4, 0]],
        [33, [0x2c, 0, 0, 0, 0, ...le16(300), ...le16(1)]],
      ),
    ],
    ['a BMP upside down', 'bmp', octets(54, [14, [40, 0, 0, 0]], [18, [...le16(300), 0, 0]], [22, [0x38, 0xff, 0xff, 0xff]])],
    ['a BMP of OS/2', 'bmp', octets(30, [14, [12, 0, 0, 0]], [18, [...le16(300), ...le16(200)]])],
    ['a WebP', 'webp', octets(40, [12, 'VP8 '], [26, [...le16(300), ...le16(200)]])],
    ['a lossless WebP', 'webp', octets(40, [12, 'VP8L'], [21, [...le16(299 | ((199 & 3) << 14)), 199 >>> 2, 0]])],
    ['an extended WebP', 'webp', octets(40, [12, 'VP8X'], [24, [...le16(299), 0, ...le16(199), 0]])],
    ['an AVIF', 'avif', octets(90, [20, 'ispe'], [28, [...be32(30), ...be32(20)]], [50, 'ispe'], [58, [...be32(300), ...be32(200)]])],
    [
      'a JPEG behind other segments',
      'jpeg',
      octets(
        70_000,
        [0, [0xff, 0xd8, 0xff, 0xe1, ...be16(65_000)]],
        [65_004, [0xff, 0xff, 0xc4, ...be16(20)]],
        [65_027, [0xff, 0xc2, 0, 17, 8, ...be16(200), ...be16(300)]],
      ),
    ],
  ])('%s', async (_name, type, made) => {
    expect(await pixels(made, type)).toBe(60_000);
  });

  it.each(['png', 'gif', 'bmp', 'webp', 'avif', 'jpeg'])('are none of a %s that is cut off, or of other octets', async (type) => {
    for (const made of [octets(0), octets(8), octets(9, [0, [0xff, 0xd8, 0xff]])]) expect(await pixels(made, type)).toBeNull();
    if (type !== 'png' && type !== 'bmp') expect(await pixels(octets(5000), type)).toBeNull();
  });
});

it('a picture that is small as a file and huge once decoded is not shown', async () => {
  const path = join(folder, 'picture.png');
  await makePicture(path);
  expect(await previewOf(path)).toEqual({ path, type: 'image/png' });
  await makePicture(path, { width: 22_000, height: 22_000 });
  expect(await previewOf(path)).toBeNull();
  await writeFile(path, Buffer.from('not a picture'));
  expect(await previewOf(path)).toBeNull();
});
