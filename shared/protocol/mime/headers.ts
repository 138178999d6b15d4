import { CR, fromUtf8, LF, utf8 } from '../../base/bytes.ts';
import { type ErrorCode, ParleyError } from '../../base/errors.ts';

/** A header as on the wire: order and case of the name kept, a folded value joined by one space. */
export interface MimeHeader {
  readonly name: string;
  readonly value: string;
}

export interface HeaderLimits {
  /** lines of one block */
  readonly maxHeaders: number;
  /** octets of one block */
  readonly maxHeaderOctets: number;
  readonly malformed: ErrorCode;
  readonly tooLarge: ErrorCode;
}

export interface HeaderBlock {
  readonly headers: readonly MimeHeader[];
  /** where the body begins, after the empty line; the length of the octets when there is none */
  readonly bodyAt: number;
}

const NAME = /^[!-9;-~]+$/;

/** Reads a header block up to its empty line or the end of the octets (RFC 2045, RFC 5322 section 2.2); bare LF is taken as a line end. */
export function decodeMimeHeaders(octets: Uint8Array, from: number, limits: HeaderLimits): HeaderBlock {
  const headers: { name: string; value: string }[] = [];
  let at = from;
  while (at < octets.length) {
    const { line, next } = readLine(octets, at, from + limits.maxHeaderOctets, limits.tooLarge);
    at = next;
    if (line === '') return { headers, bodyAt: at };
    const last = headers.at(-1);
    if (/^[ \t]/.test(line)) {
      if (last === undefined) throw new ParleyError(limits.malformed, 'a folded line without a header');
      const more = line.trim();
      if (more !== '') last.value = last.value === '' ? more : `${last.value} ${more}`;
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trimEnd();
    if (!NAME.test(name)) throw new ParleyError(limits.malformed, `header line ${JSON.stringify(line.slice(0, 80))}`);
    if (headers.length === limits.maxHeaders) throw new ParleyError(limits.tooLarge, `more than ${limits.maxHeaders} headers`);
    headers.push({ name, value: line.slice(colon + 1).trim() });
  }
  return { headers, bodyAt: at };
}

/** One line without its end. The line may not reach beyond `limit`. */
export function readLine(octets: Uint8Array, at: number, limit: number, tooLarge: ErrorCode): { line: string; next: number } {
  const found = octets.indexOf(LF, at);
  const end = found < 0 ? octets.length : found;
  if (end > limit) throw new ParleyError(tooLarge, 'header block');
  const stop = end > at && octets[end - 1] === CR ? end - 1 : end;
  return { line: fromUtf8(octets.subarray(at, stop)), next: found < 0 ? octets.length : found + 1 };
}

/** The block with its closing empty line. @throws ParleyError `malformed` for a line break in a value, or a name that is none */
export function encodeMimeHeaders(headers: readonly MimeHeader[], malformed: ErrorCode): Uint8Array {
  let text = '';
  for (const { name, value } of headers) {
    if (!NAME.test(name)) throw new ParleyError(malformed, `header name ${JSON.stringify(name)}`);
    if (/[\r\n\0]/.test(value)) throw new ParleyError(malformed, `line break in ${name}`);
    text += `${name}: ${value}\r\n`;
  }
  return utf8(`${text}\r\n`);
}

/** Value of the first header of that name, whatever its case. */
export function mimeHeader(headers: readonly MimeHeader[], name: string): string | null {
  const wanted = name.toLowerCase();
  return headers.find((header) => header.name.toLowerCase() === wanted)?.value ?? null;
}
