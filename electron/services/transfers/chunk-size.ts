import { CHUNK_DIRECT, CHUNK_PARLEY } from '../../msrp/limits.ts';
import type { Header } from '../../sip/port.ts';

/** Octets of one chunk: large between Parley ends, told apart by User-Agent or Server, and safe for everybody else. */
export function chunkSizeFor(headers: readonly Header[]): number {
  const product = headers.find((header) => /^(user-agent|server)$/i.test(header.name))?.value ?? '';
  return /(^|\s)Parley\//.test(product) ? CHUNK_PARLEY : CHUNK_DIRECT;
}
