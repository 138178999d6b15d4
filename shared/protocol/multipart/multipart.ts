import { CR, concatBytes, LF, NO_BYTES, utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { randomToken } from '../../base/random.ts';
import { type ContentType, decodeContentType, encodeContentType } from '../mime/content-type.ts';
import { decodeMimeHeaders, encodeMimeHeaders, type HeaderLimits, type MimeHeader, mimeHeader } from '../mime/headers.ts';
import { decodeTransferEncoding } from '../mime/transfer-encoding.ts';

/** A multipart body (RFC 2046 section 5.1); a nested one is decoded by another call on its part. */
export interface Multipart {
  readonly parts: readonly Part[];
  /** before the first boundary; null when the body begins with it */
  readonly preamble: Uint8Array | null;
  /** after the line of the last boundary; null when the body ends without a line end */
  readonly epilogue: Uint8Array | null;
}

export interface Part {
  readonly headers: readonly MimeHeader[];
  /** as on the wire, see {@link partContent}; a Content-Length among the headers is a hint only and not looked at */
  readonly body: Uint8Array;
}

export interface MultipartLimits {
  readonly maxOctets: number;
  readonly maxParts: number;
  /** of one part */
  readonly maxHeaders: number;
  readonly maxHeaderOctets: number;
}

export const MULTIPART_LIMITS: MultipartLimits = { maxOctets: 4_194_304, maxParts: 64, maxHeaders: 32, maxHeaderOctets: 16_384 };

const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;
const DASH = 0x2d;

/**
 * @param contentType value of the Content-Type header, with its boundary
 * @throws ParleyError `multipart.malformed`, `multipart.too-large`
 */
export function decodeMultipart(octets: Uint8Array, contentType: string, limits: Partial<MultipartLimits> = {}): Multipart {
  const { maxOctets, maxParts, maxHeaders, maxHeaderOctets } = { ...MULTIPART_LIMITS, ...limits };
  if (octets.length > maxOctets) throw new ParleyError('multipart.too-large', `${octets.length} octets`);
  const boundary = boundaryOf(contentType);
  const block: HeaderLimits = { maxHeaders, maxHeaderOctets, malformed: 'multipart.malformed', tooLarge: 'multipart.too-large' };
  const dashed = utf8(`--${boundary}`);
  const parts: Part[] = [];

  let delimiter = findDelimiter(octets, 0, dashed);
  if (delimiter === null) throw new ParleyError('multipart.malformed', 'the boundary does not occur');
  const preamble = delimiter.start === 0 ? null : octets.subarray(0, Math.max(delimiter.start - 2, 0));
  while (!delimiter.closing) {
    if (parts.length === maxParts) throw new ParleyError('multipart.too-large', `more than ${maxParts} parts`);
    const next = findDelimiter(octets, delimiter.end, dashed);
    if (next === null) throw new ParleyError('multipart.malformed', 'the closing boundary is missing');
    // The line end before a boundary belongs to the boundary; a part that is empty altogether shares it with the boundary before.
    const part = octets.subarray(delimiter.end, Math.max(next.start - 2, delimiter.end));
    const { headers, bodyAt } = decodeMimeHeaders(part, 0, block);
    parts.push({ headers, body: part.subarray(bodyAt) });
    delimiter = next;
  }
  return { parts, preamble, epilogue: delimiter.lineEnded ? octets.subarray(delimiter.end) : null };
}

/** @throws ParleyError `multipart.malformed` for a boundary that is none or that occurs in a part */
export function encodeMultipart(multipart: Pick<Multipart, 'parts'> & Partial<Multipart>, boundary: string): Uint8Array {
  if (!BOUNDARY.test(boundary)) throw new ParleyError('multipart.malformed', `boundary ${JSON.stringify(boundary)}`);
  if (multipart.parts.length === 0) throw new ParleyError('multipart.malformed', 'no part');
  const dashed = utf8(`--${boundary}`);
  const { preamble = null, epilogue = NO_BYTES } = multipart;
  const pieces: Uint8Array[] = [];
  const add = (piece: Uint8Array): void => {
    if (indexOfBytes(piece, dashed, 0) >= 0) throw new ParleyError('multipart.malformed', 'the boundary occurs in a part');
    pieces.push(piece);
  };
  const lineEnd = utf8('\r\n');
  if (preamble !== null) {
    add(preamble);
    pieces.push(lineEnd);
  }
  for (const part of multipart.parts) {
    pieces.push(dashed, lineEnd);
    add(encodeMimeHeaders(part.headers, 'multipart.malformed'));
    add(part.body);
    pieces.push(lineEnd);
  }
  pieces.push(dashed, utf8('--'));
  if (epilogue !== null) pieces.push(lineEnd, epilogue);
  return concatBytes(pieces);
}

/** A body with a boundary that occurs in none of its parts, and its Content-Type: `multipart/related;type="application/sdp";boundary=…`. */
export function makeMultipart(
  type: 'multipart/mixed' | 'multipart/related' | 'multipart/alternative',
  parts: readonly Part[],
  parameters: ReadonlyMap<string, string> = new Map(),
): { readonly contentType: string; readonly body: Uint8Array } {
  const boundary = freeBoundary(parts);
  return {
    contentType: encodeContentType({ type, parameters: new Map([...parameters, ['boundary', boundary]]) }),
    body: encodeMultipart({ parts }, boundary),
  };
}

/** The part that the others belong to: the one named by `start`, else the first (RFC 2387 section 3). @throws ParleyError `multipart.malformed` */
export function rootPart(multipart: Multipart, contentType: string): Part {
  const start = decodeContentType(contentType).parameters.get('start');
  const root = start === undefined ? multipart.parts[0] : partByContentId(multipart, start);
  if (root === undefined || root === null) throw new ParleyError('multipart.malformed', 'no root part');
  return root;
}

/** multiparts inside of each other; a body of a SIP message has no more (RFC 5621 section 3.3) */
const MAX_NESTING = 3;

/**
 * The parts of a body with those of the multiparts inside of it in their place (RFC 5621). One inside that cannot be read, or is too deep, stays the
 * part that it is.
 * @throws ParleyError `multipart.malformed`, `multipart.too-large`
 */
export function leafParts(octets: Uint8Array, contentType: string, nesting = 1): Part[] {
  const { parts } = decodeMultipart(octets, contentType);
  const leaves = nesting < MAX_NESTING ? parts.flatMap((part) => leavesOf(part, nesting + 1)) : [...parts];
  if (leaves.length > MULTIPART_LIMITS.maxParts)
    throw new ParleyError('multipart.too-large', `more than ${MULTIPART_LIMITS.maxParts} parts`);
  return leaves;
}

function leavesOf(part: Part, nesting: number): readonly Part[] {
  const contentType = mimeHeader(part.headers, 'Content-Type') ?? '';
  if (!/^\s*multipart\//i.test(contentType)) return [part];
  try {
    return leafParts(partContent(part), contentType, nesting);
  } catch (thrown) {
    if (thrown instanceof ParleyError && thrown.code === 'multipart.malformed') return [part];
    throw thrown;
  }
}

/** `id` with or without angle brackets, as in `cid:` URLs (RFC 2392). */
export function partByContentId(multipart: Pick<Multipart, 'parts'>, id: string): Part | null {
  return partsByContentId(multipart, id)[0] ?? null;
}

/** All that say to be the one: more than one is nobody's intention. */
export function partsByContentId(multipart: Pick<Multipart, 'parts'>, id: string): Part[] {
  const wanted = bareId(id);
  return multipart.parts.filter((part) => {
    const own = mimeHeader(part.headers, 'Content-ID');
    return own !== null && bareId(own) === wanted;
  });
}

/** Content type of a part; `text/plain` when it says none (RFC 2046 section 5.1). @throws ParleyError `multipart.malformed` */
export function partContentType(part: Part): ContentType {
  return decodeContentType(mimeHeader(part.headers, 'Content-Type') ?? 'text/plain;charset=us-ascii');
}

/** The body with its Content-Transfer-Encoding undone. @throws ParleyError `multipart.malformed` */
export function partContent(part: Part): Uint8Array {
  return decodeTransferEncoding(part.body, mimeHeader(part.headers, 'Content-Transfer-Encoding'), 'multipart.malformed');
}

function boundaryOf(contentType: string): string {
  const { type, parameters } = decodeContentType(contentType);
  const boundary = parameters.get('boundary') ?? '';
  if (!type.startsWith('multipart/')) throw new ParleyError('multipart.malformed', `content type ${type}`);
  if (!BOUNDARY.test(boundary)) throw new ParleyError('multipart.malformed', `boundary ${JSON.stringify(boundary.slice(0, 80))}`);
  return boundary;
}

interface Delimiter {
  /** of the dashes */
  readonly start: number;
  /** after its line */
  readonly end: number;
  readonly closing: boolean;
  readonly lineEnded: boolean;
}

/** The next line that is `--boundary` or `--boundary--`, with white space after it at most (RFC 2046 section 5.1.1). */
function findDelimiter(octets: Uint8Array, from: number, dashed: Uint8Array): Delimiter | null {
  for (let start = from; start >= 0; start = nextLine(octets, start)) {
    if (!startsWith(octets, dashed, start)) continue;
    let at = start + dashed.length;
    const closing = octets[at] === DASH && octets[at + 1] === DASH;
    if (closing) at += 2;
    while (octets[at] === 0x20 || octets[at] === 0x09) at++;
    if (octets[at] === CR && octets[at + 1] === LF) return { start, end: at + 2, closing, lineEnded: true };
    if (closing && at === octets.length) return { start, end: at, closing, lineEnded: false };
  }
  return null;
}

/** Where the line after the next CRLF begins, -1 when there is none. */
function nextLine(octets: Uint8Array, from: number): number {
  let at = octets.indexOf(LF, from);
  while (at >= 0 && octets[at - 1] !== CR) at = octets.indexOf(LF, at + 1);
  return at < 0 ? -1 : at + 1;
}

function startsWith(octets: Uint8Array, wanted: Uint8Array, at: number): boolean {
  for (let offset = 0; offset < wanted.length; offset++) if (octets[at + offset] !== wanted[offset]) return false;
  return true;
}

function indexOfBytes(octets: Uint8Array, wanted: Uint8Array, from: number): number {
  const first = wanted[0] ?? 0;
  const last = octets.length - wanted.length;
  for (let at = octets.indexOf(first, from); at >= 0 && at <= last; at = octets.indexOf(first, at + 1)) {
    if (startsWith(octets, wanted, at)) return at;
  }
  return -1;
}

function freeBoundary(parts: readonly Part[]): string {
  for (;;) {
    const boundary = `bnd-${randomToken(16)}`;
    const dashed = utf8(`--${boundary}`);
    if (parts.every((part) => indexOfBytes(part.body, dashed, 0) < 0)) return boundary;
  }
}

function bareId(id: string): string {
  const trimmed = id.trim();
  return trimmed.startsWith('<') && trimmed.endsWith('>') ? trimmed.slice(1, -1) : trimmed;
}
