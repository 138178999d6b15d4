import { open } from 'node:fs/promises';
import { pixelsOf, type ReadAt } from '../../shared/protocol/picture/picture-size.ts';

/** What a renderer may decode: still and moving pictures, nothing that holds script or refers to anything else. */
const PREVIEWABLE: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp']);
/** what a frame is taken of for a thumbnail */
const FILMS: ReadonlySet<string> = new Set(['video/mp4', 'video/webm']);
/** `image/apng` is what a moving PNG is told as; Chromium plays the other two by the name of the first */
const SHOWN_AS: ReadonlyMap<string, string> = new Map([
  ['image/apng', 'image/png'],
  ['video/quicktime', 'video/mp4'],
  ['video/x-m4v', 'video/mp4'],
]);

export const MAX_PREVIEW = 32 * 1024 * 1024;
/** a decoded picture takes four octets a pixel */
const MAX_PIXELS = 64 * 1000 * 1000;
/** of a picture that somebody picked: a thumbnail is made of all of it */
const MAX_PICKED_PIXELS = 50 * 1000 * 1000 - 1;
const SNIFFED = 4100;

/** What a page may ask a picture of, by the last part of its address: `12`, `thumbnail/12`, `picked/<token>`. */
export type PictureOf =
  | { readonly what: 'transfer'; readonly id: number }
  | { readonly what: 'thumbnail'; readonly id: number }
  | { readonly what: 'picked'; readonly token: string };

/** A picture, and of what was picked a film as well, as the host hands it to the page. */
export type ServedPicture = ServedFile | { readonly type: string; readonly octets: Uint8Array };

interface ServedFile {
  readonly type: string;
  readonly path: string;
}

/** @param path without a slash at its start */
export function pictureAsked(path: string): PictureOf | null {
  const { what, id, token } = /^(?:(?:(?<what>thumbnail)\/)?(?<id>[1-9]\d{0,15})|picked\/(?<token>[\w-]{1,128}))$/.exec(path)?.groups ?? {};
  if (token !== undefined) return { what: 'picked', token };
  return id === undefined ? null : { what: what === undefined ? 'transfer' : 'thumbnail', id: Number(id) };
}

/**
 * The picture in a file, by its first octets and never by its name or announced type.
 * @returns null where it is none, or gone, or too large: over {@link MAX_PREVIEW} octets or over 64 million pixels
 */
export function previewOf(path: string): Promise<ServedFile | null> {
  return shown(path, MAX_PIXELS);
}

/** What a thumbnail of a file that somebody picked is made of. @returns null where it is neither a picture below 50 million pixels nor a film */
export function pickedPreviewOf(path: string): Promise<ServedFile | null> {
  return shown(path, MAX_PICKED_PIXELS, FILMS);
}

/** @param first at least the first 4100 octets, or all there are */
export async function sniffPicture(first: Uint8Array): Promise<string | null> {
  const type = await sniff(first);
  return PREVIEWABLE.has(type) ? type : null;
}

async function sniff(first: Uint8Array): Promise<string> {
  const { fileTypeFromBuffer } = await import('file-type');
  const mime = (await fileTypeFromBuffer(first).catch(() => undefined))?.mime ?? '';
  return SHOWN_AS.get(mime) ?? mime;
}

async function shown(path: string, maxPixels: number, others: ReadonlySet<string> = new Set()): Promise<ServedFile | null> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const read: ReadAt = async (at, length) => {
        const buffer = new Uint8Array(length);
        return buffer.subarray(0, (await file.read(buffer, 0, length, at)).bytesRead);
      };
      const type = await sniff(await read(0, SNIFFED));
      if (others.has(type)) return { path, type };
      const pixels = PREVIEWABLE.has(type) && size <= MAX_PREVIEW ? await pixelsOf(read, type) : null;
      return pixels === null || pixels > maxPixels ? null : { path, type };
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}
