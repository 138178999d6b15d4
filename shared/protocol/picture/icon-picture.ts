import { ParleyError } from '../../base/errors.ts';

/** What a thumbnail is, by its own octets. Width and height are pixels. */
export interface IconPicture {
  readonly type: 'image/png' | 'image/jpeg';
  readonly width: number;
  readonly height: number;
}

/** octets of a thumbnail that is taken; what we send is far smaller */
export const MAX_ICON = 64 * 1024;
/** pixels of a side: a decoded thumbnail takes 4 MiB at most, whatever it is packed into */
export const MAX_ICON_SIDE = 1024;
/** a progressive JPEG has about ten; each is a pass over the whole picture, and a few octets can be one */
const MAX_SCANS = 32;

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const IHDR = 0x49484452;
const IEND = 0x49454e44;
const ACTL = 0x6163544c;

/**
 * A still PNG or JPEG that is whole and small, judged by its octets alone and without decoding it: what it is announced as is of no account.
 * @throws ParleyError `peer.unsupported` (another kind, one that moves), `peer.malformed` (broken off), `peer.too-large`
 */
export function readIconPicture(octets: Uint8Array): IconPicture {
  if (octets.length > MAX_ICON) throw new ParleyError('peer.too-large', `a thumbnail of ${octets.length} octets`);
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const picture = PNG_SIGNATURE.every((octet, at) => octets[at] === octet)
    ? png(view)
    : octets[0] === 0xff && octets[1] === 0xd8 && octets[2] === 0xff
      ? jpeg(view)
      : null;
  if (picture === null) throw new ParleyError('peer.unsupported', 'a thumbnail that is neither PNG nor JPEG');
  const { width, height } = picture;
  if (width === 0 || height === 0) throw brokenOff('a thumbnail without pixels');
  if (width > MAX_ICON_SIDE || height > MAX_ICON_SIDE)
    throw new ParleyError('peer.too-large', `a thumbnail of ${width} × ${height} pixels`);
  return picture;
}

function png(view: DataView): IconPicture {
  let size: Pick<IconPicture, 'width' | 'height'> | null = null;
  for (let at = 8; at + 12 <= view.byteLength; ) {
    const length = view.getUint32(at);
    const kind = view.getUint32(at + 4);
    if (at + 12 + length > view.byteLength) break;
    if (size === null) {
      if (kind !== IHDR || length !== 13) throw brokenOff('a PNG without its header');
      size = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    }
    if (kind === ACTL) throw new ParleyError('peer.unsupported', 'a thumbnail that moves');
    if (kind === IEND) return { type: 'image/png', ...size };
    at += 12 + length;
  }
  throw brokenOff('a PNG that breaks off');
}

function jpeg(view: DataView): IconPicture {
  let size: Pick<IconPicture, 'width' | 'height'> | null = null;
  for (let at = 2; at + 4 <= view.byteLength; ) {
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff) throw brokenOff('a JPEG without its segments');
    if (marker === 0xff) {
      at += 1; // a fill octet
      continue;
    }
    if (marker === 0xda) {
      if (size === null || !scansEnd(view, at)) break;
      return { type: 'image/jpeg', ...size };
    }
    if (isFrame(marker)) {
      // a second one would be the size that counts
      if (size !== null || at + 9 > view.byteLength) throw brokenOff('a JPEG with an odd header');
      size = { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    at += 2 + Math.max(2, view.getUint16(at + 2));
  }
  throw brokenOff('a JPEG that breaks off');
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** In what follows the first scan an 0xff that begins no marker is stuffed, so each is looked at. @returns whether the end of the picture is there */
function scansEnd(view: DataView, from: number): boolean {
  let scans = 0;
  for (let at = from; at + 2 <= view.byteLength; at++) {
    if (view.getUint8(at) !== 0xff) continue;
    const marker = view.getUint8(at + 1);
    if (marker === 0xd9) return true;
    if (isFrame(marker)) throw brokenOff('a JPEG with a second frame');
    if (marker === 0xda && ++scans > MAX_SCANS) throw new ParleyError('peer.too-large', `a thumbnail of more than ${MAX_SCANS} scans`);
  }
  return false;
}

function brokenOff(what: string): ParleyError {
  return new ParleyError('peer.malformed', what);
}
