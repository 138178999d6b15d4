import { fromBinaryString, toBinaryString } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';

export const DELIMITER = '/';
const LONGEST = 500;

/**
 * A mailbox name as a person reads it, from modified UTF-7 (RFC 3501 section 5.1.3). INBOX in any case is INBOX.
 * @throws ParleyError `imap.malformed` for a name that is none
 */
export function decodeMailboxName(text: string): string {
  if (text.length > 3 * LONGEST) throw new ParleyError('imap.malformed', 'a long name of a mailbox');
  const name = text.replace(/&([^-]*)-/g, (_, encoded: string) => (encoded === '' ? '&' : fromUtf16(encoded)));
  const levels = name.split(DELIMITER);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  const isBad = name === '' || name.length > LONGEST || /[\u0000-\u001f\u007f*%]/.test(name) || /[\ud800-\udfff]/u.test(name);
  if (isBad || levels.some((level) => level === ''))
    throw new ParleyError('imap.malformed', `mailbox ${JSON.stringify(text.slice(0, 80))}`);
  if (levels[0]?.toUpperCase() === 'INBOX') levels[0] = 'INBOX';
  return levels.join(DELIMITER);
}

export function encodeMailboxName(name: string): string {
  return name.replace(/&|[^ -~]+/g, (piece) => (piece === '&' ? '&-' : `&${toUtf16(piece)}-`));
}

/** Whether a name is meant by a pattern of LIST: `*` is anything, `%` anything within one level. In linear time, whatever the pattern. */
export function matchesPattern(name: string, pattern: string): boolean {
  // the ends in the pattern that can be reached with what was read of the name
  let reached = closure(new Set([0]), pattern);
  for (const character of name) {
    const next = new Set<number>();
    for (const at of reached) {
      const wanted = pattern[at];
      if (wanted === '*' || (wanted === '%' && character !== DELIMITER)) next.add(at);
      else if (wanted === character) next.add(at + 1);
    }
    reached = closure(next, pattern);
    if (reached.size === 0) return false;
  }
  return reached.has(pattern.length);
}

function closure(ends: Set<number>, pattern: string): Set<number> {
  for (const at of ends) if (pattern[at] === '*' || pattern[at] === '%') ends.add(at + 1);
  return ends;
}

function toUtf16(text: string): string {
  const octets = new Uint8Array(text.length * 2);
  for (let at = 0; at < text.length; at++) {
    octets[at * 2] = text.charCodeAt(at) >> 8;
    octets[at * 2 + 1] = text.charCodeAt(at) & 0xff;
  }
  return btoa(toBinaryString(octets)).replace(/=+$/, '').replaceAll('/', ',');
}

function fromUtf16(encoded: string): string {
  try {
    const octets = fromBinaryString(atob(encoded.replaceAll(',', '/')));
    let text = '';
    for (let at = 0; at + 1 < octets.length; at += 2) text += String.fromCharCode(((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0));
    return text;
  } catch (cause) {
    throw new ParleyError('imap.malformed', 'modified UTF-7', { cause });
  }
}
