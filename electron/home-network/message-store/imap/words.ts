import { fromUtf8 } from '../../../../shared/base/bytes.ts';
import type { PartStructure } from '../../../../shared/protocol/imap/structure.ts';
import { decodeTransferEncoding } from '../../../../shared/protocol/mime/transfer-encoding.ts';

/** characters of one message that SEARCH finds */
const LONGEST = 262_144;
const READABLE = /^(?:text\/|message\/|application\/(?:x-cpm-|[a-z.-]+\+xml$))/;

/** The texts of a message in lower case, as far as its first octets have them: for SEARCH BODY and TEXT. */
export function wordsIn(part: PartStructure, head: Uint8Array): string {
  if (part.parts.length > 0) {
    let words = '';
    for (const each of part.parts) if (words.length < LONGEST) words += `${wordsIn(each, head)}\n`;
    return words.slice(0, LONGEST);
  }
  if (!READABLE.test(part.type) || part.bodyAt >= head.length) return '';
  try {
    const octets = decodeTransferEncoding(head.subarray(part.bodyAt, part.end), part.encoding, 'imap.malformed');
    return fromUtf8(octets.subarray(0, LONGEST)).toLowerCase();
  } catch {
    return '';
  }
}
