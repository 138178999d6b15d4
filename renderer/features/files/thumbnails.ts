import type { FileCandidate } from '../../../shared/ipc/contract.ts';
import { PICTURES } from '../../../shared/ipc/host.ts';
import type { Transfer } from '../../../shared/model/transfer.ts';
import type { Bridge } from '../../bridge/bridge.ts';
import { makeThumbnail } from './thumbnail.ts';

/** what may be a picture by its name; the host looks at the octets */
const DRAWABLE = /^(?:image\/(?:png|apng|jpeg|gif|webp|bmp|avif)|video\/(?:mp4|webm|quicktime|x-m4v))$/;

export interface Thumbnails {
  /** Makes one and hands it to the core, for whenever the file is sent. @returns it as a data URL; null where there is none. Never rejects. */
  of(file: FileCandidate): Promise<string | null>;
}

/** One after the other: somebody may pick fifty photographs at once. @param make see {@link makeThumbnail} */
export function thumbnailMaker(bridge: Bridge, make: typeof makeThumbnail = makeThumbnail): Thumbnails {
  let last: Promise<unknown> = Promise.resolve();
  const one = async ({ token, type }: FileCandidate): Promise<string | null> => {
    const made = await make(bridge.pictureUrl(PICTURES.picked(token)), type);
    if (made === null) return null;
    const base64 = toBase64(new Uint8Array(await made.arrayBuffer()));
    // the file goes without it then
    bridge.call('files.thumbnail', { token, octets: base64 }).catch(() => undefined);
    return `data:${made.type};base64,${base64}`;
  };
  return {
    of(file) {
      if (!DRAWABLE.test(file.type)) return Promise.resolve(null);
      const made = last.then(() => one(file)).catch(() => null);
      last = made;
      return made;
    },
  };
}

/** The address of what shows a file best: itself, once it is here, or its thumbnail. */
export function pictureUrl(bridge: Bridge, { id, previewable, thumbnail }: Transfer): string | null {
  if (previewable) return bridge.pictureUrl(PICTURES.transfer(id));
  return thumbnail ? bridge.pictureUrl(PICTURES.thumbnail(id)) : null;
}

function toBase64(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) text += String.fromCharCode(octet);
  return btoa(text);
}
