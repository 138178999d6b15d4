import { CHUNK_DIRECT, CHUNK_PARLEY } from './limits.ts';

/** Octets of one chunk: large between Parley ends, told apart by User-Agent or Server of SIP, and safe for everybody else. */
export function chunkSizeFor(headers: readonly { readonly name: string; readonly value: string }[]): number {
  const product = headers.find((header) => /^(user-agent|server)$/i.test(header.name))?.value ?? '';
  return /(^|\s)Parley\//.test(product) ? CHUNK_PARLEY : CHUNK_DIRECT;
}
