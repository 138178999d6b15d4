import type { Header } from '../../sip/port.ts';

const PARLEY_CHUNK = 65_536;
/** what every known stack takes end to end; Kamailio's relay ends at 10,240 octets a body */
const FOREIGN_CHUNK = 10_240;

/** Octets of one chunk: large between Parley ends, told apart by User-Agent or Server, and safe for everybody else. */
export function chunkSizeFor(headers: readonly Header[]): number {
  const product = headers.find((header) => /^(user-agent|server)$/i.test(header.name))?.value ?? '';
  return /(^|\s)Parley\//.test(product) ? PARLEY_CHUNK : FOREIGN_CHUNK;
}
