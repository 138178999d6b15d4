/** Reads up to `length` octets of a file from `at`. */
export type ReadAt = (at: number, length: number) => Promise<Uint8Array>;

/** most segments before a JPEG's frame header: some cameras write dozens */
const MAX_SEGMENTS = 256;
/** octets in which the other types must name their size */
const HEAD = 65_536;

/**
 * Width times height of a picture as its own header names them, by the type that was sniffed: a few thousand octets can hold a picture
 * that takes gigabytes once it is decoded.
 * @returns null where the header does not say
 */
export async function pixelsOf(read: ReadAt, type: string): Promise<number | null> {
  const size = type === 'image/jpeg' ? await jpegSize(read) : (SIZES.get(type)?.(viewOf(await read(0, HEAD))) ?? null);
  return size === null ? null : size.width * size.height;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const SIZES: ReadonlyMap<string, (head: DataView) => Size | null> = new Map([
  ['image/png', pngSize],
  ['image/gif', gifSize],
  ['image/bmp', bmpSize],
  ['image/webp', webpSize],
  ['image/avif', avifSize],
]);

/** The frame header (SOF) stands behind segments of any kind, each with its length. */
async function jpegSize(read: ReadAt): Promise<Size | null> {
  let at = 2;
  for (let segments = 0; segments < MAX_SEGMENTS; segments++) {
    const head = viewOf(await read(at, 9));
    if (head.byteLength < 4 || head.getUint8(0) !== 0xff) return null;
    const marker = head.getUint8(1);
    if (marker === 0xff) {
      at += 1; // a fill octet
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return head.byteLength < 9 ? null : { height: head.getUint16(5), width: head.getUint16(7) };
    at += 2 + head.getUint16(2);
  }
  return null;
}

function pngSize(head: DataView): Size | null {
  return head.byteLength < 24 ? null : { width: head.getUint32(16), height: head.getUint32(20) };
}

/** The screen or the first frame, whichever is larger: decoders make room for both. */
function gifSize(head: DataView): Size | null {
  if (head.byteLength < 13) return null;
  const flags = head.getUint8(10);
  let at = 13 + ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  while (at + 9 <= head.byteLength && head.getUint8(at) === 0x21) {
    at += 2;
    while (at < head.byteLength && head.getUint8(at) !== 0) at += 1 + head.getUint8(at);
    at += 1;
  }
  if (at + 9 > head.byteLength || head.getUint8(at) !== 0x2c) return null;
  return {
    width: Math.max(head.getUint16(6, true), head.getUint16(at + 5, true)),
    height: Math.max(head.getUint16(8, true), head.getUint16(at + 7, true)),
  };
}

function bmpSize(head: DataView): Size | null {
  if (head.byteLength < 26) return null;
  if (head.getUint32(14, true) === 12) return { width: head.getUint16(18, true), height: head.getUint16(20, true) };
  return { width: Math.abs(head.getInt32(18, true)), height: Math.abs(head.getInt32(22, true)) };
}

function webpSize(head: DataView): Size | null {
  if (head.byteLength < 30) return null;
  switch (head.getUint32(12)) {
    case 0x56503858: // VP8X: the canvas, each side less one in 24 bits
      return { width: (head.getUint32(24, true) & 0xffffff) + 1, height: (head.getUint32(26, true) >>> 8) + 1 };
    case 0x5650384c: {
      // VP8L: each side less one in 14 bits
      const bits = head.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 0x56503820: // VP8 and a blank
      return { width: head.getUint16(26, true) & 0x3fff, height: head.getUint16(28, true) & 0x3fff };
    default:
      return null;
  }
}

/** The largest of its `ispe` boxes: that of the whole, or of a part of it. */
function avifSize(head: DataView): Size | null {
  let largest: Size | null = null;
  for (let at = 4; at + 16 <= head.byteLength; at++) {
    if (head.getUint32(at) !== 0x69737065) continue;
    const size = { width: head.getUint32(at + 8), height: head.getUint32(at + 12) };
    if (largest === null || size.width * size.height > largest.width * largest.height) largest = size;
  }
  return largest;
}

function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
}
