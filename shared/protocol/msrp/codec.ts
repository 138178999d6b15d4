import { concatBytes, utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';

/** One MSRP header field as it was spelled; the value has no white space around it. */
export interface MsrpHeader {
  readonly name: string;
  readonly value: string;
}

interface CommonHead {
  /** `transact-id` of RFC 4975 section 9 */
  readonly transactionId: string;
  /** the URIs of To-Path, leftmost (next hop) first */
  readonly toPath: readonly string[];
  /** the URIs of From-Path, leftmost (previous hop) first */
  readonly fromPath: readonly string[];
  /** every other header field in wire order */
  readonly headers: readonly MsrpHeader[];
}

export interface MsrpRequest extends CommonHead {
  readonly kind: 'request';
  /** SEND, REPORT, AUTH or an extension, upper case */
  readonly method: string;
}

export interface MsrpResponse extends CommonHead {
  readonly kind: 'response';
  /** 100..999 */
  readonly status: number;
  /** null when the start line ends after the status */
  readonly comment: string | null;
}

export type MsrpHead = MsrpRequest | MsrpResponse;

/** `$` last chunk, `+` more to come, `#` given up (RFC 4975 section 7.1). */
export type MsrpFlag = '$' | '+' | '#';

export interface MsrpFrame {
  readonly head: MsrpHead;
  /** null: no body at all; empty: a body of no octets (RFC 4975 section 7.1 tells them apart) */
  readonly body: Uint8Array | null;
  readonly flag: MsrpFlag;
}

export interface MsrpHeadLimits {
  readonly maxHeaders: number;
  readonly maxPathUris: number;
}

export const MSRP_HEAD_LIMITS: MsrpHeadLimits = { maxHeaders: 64, maxPathUris: 16 };

/** The `ident` of RFC 4975 section 9, but with any first character and `_`, both seen in the field. */
const IDENT = /^[A-Za-z0-9.\-+%=_]{3,64}$/;
const START_LINE = /^MSRP ([A-Za-z0-9.\-+%=_]{3,64}) (?:([A-Z]+)|([1-9][0-9]{2})(?: ([^\r\n]*))?)$/;
const URI = /^[\x21-\x7e]+$/;
const HEADER_NAME = /^[A-Za-z][A-Za-z0-9!#$%&'*+\-.^_`|~]*$/;
const BREAKS_LINE = /[\r\n\0]/;

/** The longest transaction id {@link decodeHead} takes; the framer sizes its look-behind by it. */
export const MAX_TRANSACTION_ID = 64;

export function isIdent(text: string): boolean {
  return IDENT.test(text);
}

/** A line as it was decoded last at its place: heads of one stream differ in few lines. */
export interface MsrpHeadLine {
  readonly text: string;
  readonly header: MsrpHeader;
  /** of To-Path and From-Path, else null */
  readonly path: { readonly isTo: boolean; readonly uris: readonly string[] } | null;
}

/**
 * Reads start line and header fields, without the empty line and without the CRLF after the last field.
 * @param seen what an earlier head of the same stream left there, to be read again only where it differs
 * @throws ParleyError `msrp.malformed`, or `msrp.too-large` when a limit is passed
 */
export function decodeHead(text: string, limits: MsrpHeadLimits = MSRP_HEAD_LIMITS, seen: MsrpHeadLine[] = []): MsrpHead {
  const firstEnd = text.indexOf('\r\n');
  const first = firstEnd < 0 ? text : text.slice(0, firstEnd);
  const start = START_LINE.exec(first);
  if (start === null || BREAKS_LINE.test(first)) throw malformed('start line or line ends');
  const headers: MsrpHeader[] = [];
  let toPath: readonly string[] | null = null;
  let fromPath: readonly string[] | null = null;
  for (let at = first.length + 2, count = 0; at <= text.length; count++) {
    if (count >= limits.maxHeaders) throw new ParleyError('msrp.too-large', `more than ${limits.maxHeaders} header fields`);
    const found = text.indexOf('\r\n', at);
    const end = found < 0 ? text.length : found;
    const known = seen[count];
    const lineText = text.slice(at, end);
    const line = known !== undefined && known.text === lineText ? known : decodeLine(lineText, limits);
    seen[count] = line;
    if (line.path === null) headers.push(line.header);
    else if (line.path.isTo) {
      if (toPath !== null) throw malformed('two To-Path fields');
      toPath = line.path.uris;
    } else {
      if (fromPath !== null) throw malformed('two From-Path fields');
      fromPath = line.path.uris;
    }
    at = end + 2;
  }
  if (toPath === null || fromPath === null) throw malformed('To-Path or From-Path is missing');
  const transactionId = start[1] as string;
  if (start[2] !== undefined) return { kind: 'request', transactionId, method: start[2], toPath, fromPath, headers };
  return { kind: 'response', transactionId, status: Number(start[3]), comment: start[4] ?? null, toPath, fromPath, headers };
}

function decodeLine(text: string, limits: MsrpHeadLimits): MsrpHeadLine {
  if (BREAKS_LINE.test(text)) throw malformed('start line or line ends');
  const colon = text.indexOf(':');
  const name = colon < 0 ? '' : text.slice(0, colon);
  if (!HEADER_NAME.test(name)) throw malformed('header field');
  const header = { name, value: trimBlanks(text, colon + 1) };
  const isTo = isNamed(name, 'to-path', 'To-Path');
  if (!isTo && !isNamed(name, 'from-path', 'From-Path')) return { text, header, path: null };
  return { text, header, path: { isTo, uris: decodePath(header.value, limits) } };
}

/**
 * The reverse of {@link decodeHead}: ends with the CRLF of the last field.
 * @throws ParleyError `msrp.malformed` when a part would break its line
 */
export function encodeHead(head: MsrpHead): string {
  if (!isIdent(head.transactionId)) throw malformed('transaction id');
  let text = `MSRP ${head.transactionId} `;
  if (head.kind === 'request') {
    if (!/^[A-Z]+$/.test(head.method)) throw malformed('method');
    text += head.method;
  } else {
    if (!(head.status >= 100 && head.status <= 999)) throw malformed('status');
    text += head.comment === null ? String(head.status) : `${head.status} ${oneLine(head.comment)}`;
  }
  text += `\r\nTo-Path: ${encodePath(head.toPath)}\r\nFrom-Path: ${encodePath(head.fromPath)}\r\n`;
  for (const { name, value } of head.headers) {
    if (!HEADER_NAME.test(name)) throw malformed('header field name');
    text += `${name}: ${oneLine(value)}\r\n`;
  }
  return text;
}

/**
 * One whole frame, for vectors, tests and peers without a stream; a stream goes through the framer.
 * @throws ParleyError `msrp.malformed`, `msrp.too-large`
 */
export function encodeFrame(frame: MsrpFrame): Uint8Array {
  const head = utf8(encodeHead(frame.head));
  const end = utf8(`-------${frame.head.transactionId}${frame.flag}\r\n`);
  if (frame.body === null) return concatBytes([head, end]);
  return concatBytes([head, utf8('\r\n'), frame.body, utf8('\r\n'), end]);
}

function decodePath(value: string, limits: MsrpHeadLimits): string[] {
  const uris = value.includes(' ') ? value.split(/ +/) : [value];
  if (uris.length > limits.maxPathUris) throw new ParleyError('msrp.too-large', `more than ${limits.maxPathUris} URIs in a path`);
  for (const uri of uris) if (!URI.test(uri)) throw malformed('path');
  return uris;
}

function encodePath(uris: readonly string[]): string {
  if (uris.length === 0) throw malformed('empty path');
  for (const uri of uris) if (!URI.test(uri)) throw malformed('path');
  return uris.join(' ');
}

/** The usual spelling first: peers that spell it differently exist (RFC 4975 field names have no case). */
function isNamed(name: string, lower: string, usual: string): boolean {
  return name === usual || (name.length === lower.length && name.toLowerCase() === lower);
}

function trimBlanks(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function oneLine(text: string): string {
  if (BREAKS_LINE.test(text)) throw malformed('line end inside a field');
  return text;
}

function malformed(what: string): ParleyError {
  return new ParleyError('msrp.malformed', what);
}
