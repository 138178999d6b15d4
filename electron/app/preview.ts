import { open } from 'node:fs/promises';

/** What a renderer may decode: still and moving pictures, nothing that holds script or refers to anything else. */
const PREVIEWABLE: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']);
/** `image/apng` is what a moving PNG is told as */
const SHOWN_AS: ReadonlyMap<string, string> = new Map([['image/apng', 'image/png']]);

export const MAX_PREVIEW = 32 * 1024 * 1024;
const SNIFFED = 4100;

/**
 * The picture in a file, by its first octets and never by its name or announced type.
 * @returns null where it is none, or over {@link MAX_PREVIEW} octets, or gone
 */
export async function previewOf(path: string): Promise<{ readonly path: string; readonly type: string } | null> {
  const first = await firstOctets(path);
  const type = first === null ? null : await sniffPicture(first);
  return type === null ? null : { path, type };
}

/** @param first at least the first 4100 octets, or all there are */
export async function sniffPicture(first: Uint8Array): Promise<string | null> {
  const { fileTypeFromBuffer } = await import('file-type');
  const found = await fileTypeFromBuffer(first).catch(() => undefined);
  const type = found === undefined ? '' : (SHOWN_AS.get(found.mime) ?? found.mime);
  return PREVIEWABLE.has(type) ? type : null;
}

async function firstOctets(path: string): Promise<Uint8Array | null> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size === 0 || size > MAX_PREVIEW) return null;
      const buffer = new Uint8Array(Math.min(size, SNIFFED));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}
