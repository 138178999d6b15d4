import { fromUtf8 } from '../../base/bytes.ts';

/**
 * The two octet operations where the platform is faster than the language. The framer stays in shared, because client and home
 * network both need it; who has a Buffer at hand passes its native search and text.
 */
export interface Octets {
  /** first position of `needle` in `haystack` at or after `from`, or -1; a needle is always CR, LF, seven hyphens and a transaction id */
  find(haystack: Uint8Array, needle: Uint8Array, from: number): number;
  /** UTF-8 text of [start, end) */
  text(octets: Uint8Array, start: number, end: number): string;
}

export const plainOctets: Octets = {
  find(haystack, needle, from) {
    const last = haystack.length - needle.length;
    for (let at = haystack.indexOf(needle[0] as number, from); at >= 0 && at <= last; at = haystack.indexOf(needle[0] as number, at + 1)) {
      let same = 1;
      while (same < needle.length && haystack[at + same] === needle[same]) same++;
      if (same === needle.length) return at;
    }
    return -1;
  },
  text: (octets, start, end) => fromUtf8(octets.subarray(start, end)),
};
