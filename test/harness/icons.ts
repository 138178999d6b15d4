import { crc32, deflateSync } from 'node:zlib';
import { concatBytes, utf8 } from '../../shared/base/bytes.ts';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** One chunk of a PNG. */
export function pngChunk(type: string, data: Uint8Array): Uint8Array {
  const body = concatBytes([utf8(type), data]);
  return concatBytes([be32(data.length), body, be32(crc32(body))]);
}

/** A whole grey PNG that can be decoded. @param chunks what stands between its header and its pixels */
export function greyPng(width: number, height: number, chunks: readonly Uint8Array[] = []): Uint8Array {
  const header = concatBytes([be32(width), be32(height), new Uint8Array([8, 0, 0, 0, 0])]);
  // each row begins with its filter: none
  const rows = Buffer.alloc((width + 1) * height, 0x80).map((octet, at) => (at % (width + 1) === 0 ? 0 : octet));
  const pixels = deflateSync(rows, { level: 9 });
  return pngOf(pngChunk('IHDR', header), ...chunks, pngChunk('IDAT', pixels), pngChunk('IEND', new Uint8Array()));
}

/** A PNG of one octet of pixels that says to be so large. */
export function pngThatSays(width: number, height: number): Uint8Array {
  const header = concatBytes([be32(width), be32(height), new Uint8Array([8, 0, 0, 0, 0])]);
  return pngOf(pngChunk('IHDR', header), pngChunk('IDAT', deflateSync(Buffer.alloc(1))), pngChunk('IEND', new Uint8Array()));
}

export function pngOf(...chunks: readonly Uint8Array[]): Uint8Array {
  return concatBytes([new Uint8Array(SIGNATURE), ...chunks]);
}

/** The segments of a JPEG, with no picture behind them. */
export function jpegThatSays(width: number, height: number, scans = 1): Uint8Array {
  const frame = [0xff, 0xc0, 0, 11, 8, height >> 8, height & 255, width >> 8, width & 255, 1, 1, 0x11, 0];
  const scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x12, 0xff, 0x00, 0x34];
  return new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, ...frame, ...Array(scans).fill(scan).flat(), 0xff, 0xd9]);
}

function be32(value: number): Uint8Array {
  return new Uint8Array([value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
}
