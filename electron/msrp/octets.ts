import type { Octets } from '../../shared/protocol/msrp/framer.ts';

/** The framer's octet operations by Buffer: its search runs at several gigabytes a second. Sockets deliver Buffers, hence the casts. */
export const bufferOctets: Octets = {
  find: (haystack, needle, from) => (haystack as Buffer).indexOf(needle, from),
  text: (octets, start, end) => (octets as Buffer).toString('utf8', start, end),
};

export function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}
