import { open } from 'node:fs/promises';
import { pixelsOf, type ReadAt } from './picture-size.ts';

/** What a renderer may decode: still and moving pictures, nothing that holds script or refers to anything else. */
const PREVIEWABLE: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']);
/** `image/apng` is what a moving PNG is told as */
const SHOWN_AS: ReadonlyMap<string, string> = new Map([['image/apng', 'image/png']]);

export const MAX_PREVIEW = 32 * 1024 * 1024;
/** a decoded picture takes four octets a pixel */
const MAX_PIXELS = 64 * 1000 * 1000;
const SNIFFED = 4100;

/**
 * The picture in a file, by its first octets and never by its name or announced type.
 * @returns null where it is none, or gone, or too large: over {@link MAX_PREVIEW} octets or over 64 million pixels
 */
export async function previewOf(path: string): Promise<{ readonly path: string; readonly type: string } | null> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size === 0 || size > MAX_PREVIEW) return null;
      const read: ReadAt = async (at, length) => {
        const buffer = new Uint8Array(length);
        return buffer.subarray(0, (await file.read(buffer, 0, length, at)).bytesRead);
      };
      const type = await sniffPicture(await read(0, SNIFFED));
      const pixels = type === null ? null : await pixelsOf(read, type);
      return type === null || pixels === null || pixels > MAX_PIXELS ? null : { path, type };
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}

/** @param first at least the first 4100 octets, or all there are */
export async function sniffPicture(first: Uint8Array): Promise<string | null> {
  const { fileTypeFromBuffer } = await import('file-type');
  const found = await fileTypeFromBuffer(first).catch(() => undefined);
  const type = found === undefined ? '' : (SHOWN_AS.get(found.mime) ?? found.mime);
  return PREVIEWABLE.has(type) ? type : null;
}
