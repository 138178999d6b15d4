import type { Octets } from '../../shared/protocol/msrp/octets.ts';

/** Every end line holds it from its third octet on, and its absence is found twice as fast as that of a whole end line. */
export const HYPHENS = '-----';
const LONG = 4096;

/**
 * The framer's octet operations by Buffer: its search runs at several gigabytes a second. Sockets deliver Buffers; what the framer kept
 * itself is none.
 */
export const bufferOctets: Octets = {
  find(haystack, needle, from) {
    const octets = asBuffer(haystack);
    const start = octets.length - from < LONG ? from : octets.indexOf(HYPHENS, from + 2, 'latin1') - 2;
    if (start < from) return -1;
    // most hyphens are those of the end line
    let same = 0;
    while (same < needle.length && octets[start + same] === needle[same]) same++;
    return same === needle.length ? start : octets.indexOf(needle, start);
  },
  text: (octets, start, end) => asBuffer(octets).toString('utf8', start, end),
};

export function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}
