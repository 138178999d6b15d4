import { ParleyError } from '../../base/errors.ts';

/** The error of every decoder of this folder. */
export function malformed(detail: string): ParleyError {
  return new ParleyError('sip.malformed', detail);
}

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/;

/** RFC 3261 section 25.1 `token` */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Splits at `separator` where it is neither inside a quoted string nor inside angle brackets; the parts are trimmed. */
export function splitOutsideQuotes(text: string, separator: ',' | ';'): string[] {
  if (!text.includes('"') && !text.includes('<')) return text.split(separator).map((part) => part.trim());
  const parts: string[] = [];
  const wanted = separator.charCodeAt(0);
  let start = 0;
  let quoted = false;
  let angled = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quoted) {
      if (code === 0x5c) at++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) {
      quoted = true;
    } else if (code === 0x3c) {
      angled = true;
    } else if (code === 0x3e) {
      angled = false;
    } else if (code === wanted && !angled) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts;
}

/** The index after the closing quote of the quoted string that starts at `at`. @throws ParleyError `sip.malformed` when it never ends */
export function endOfQuoted(text: string, at: number): number {
  for (let index = at + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x5c) index++;
    else if (code === 0x22) return index + 1;
  }
  throw malformed('a quoted string does not end');
}

/** `"a \"b\""` to `a "b"`; a text without quotes stays. */
export function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== 0x22 || text.charCodeAt(text.length - 1) !== 0x22) return text;
  const inner = text.slice(1, -1);
  return inner.includes('\\') ? inner.replace(/\\([\s\S])/g, '$1') : inner;
}

export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/** A decimal number of at most `digits` digits. @throws ParleyError `sip.malformed` */
export function decodeNumber(text: string, what: string, maximum: number): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw malformed(`${what} is not a number`);
  const value = Number(text);
  if (value > maximum) throw malformed(`${what} is too large`);
  return value;
}

/** RFC 3261 section 20.19: a delta-seconds value beyond 2^32-1 means the largest one. */
export function decodeDeltaSeconds(text: string): number {
  if (!/^[0-9]+$/.test(text)) throw malformed('delta-seconds is not a number');
  return Math.min(Number(text), 0xffffffff);
}
