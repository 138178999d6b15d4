import type { Octets } from '../../shared/protocol/msrp/framer.ts';

/** The framer's octet operations by Buffer: its search runs at several gigabytes a second. Sockets deliver Buffers; what the framer kept itself is none. */
export const bufferOctets: Octets = {
  find: (haystack, needle, from) => asBuffer(haystack).indexOf(needle, from),
  text: (octets, start, end) => asBuffer(octets).toString('utf8', start, end),
};

export function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}
