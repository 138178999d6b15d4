import { concatBytes, utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { decodeMimeHeaders, encodeMimeHeaders, type HeaderLimits, type MimeHeader, mimeHeader, readLine } from '../mime/headers.ts';
import { decodeTransferEncoding } from '../mime/transfer-encoding.ts';

export const CPIM_TYPE = 'message/cpim';
export const CPIM_NAMESPACE = 'urn:ietf:params:cpim-headers:';
export const IMDN_NAMESPACE = 'urn:ietf:params:imdn';

/** `message/cpim` (RFC 3862): header order, prefixes and escapes as on the wire, so that decoding and encoding again changes no octet. */
export interface CpimMessage {
  readonly headers: readonly CpimHeader[];
  /** MIME headers of the content; names are case-insensitive, see {@link contentHeader} */
  readonly contentHeaders: readonly MimeHeader[];
  /** as on the wire, see {@link cpimContent} */
  readonly content: Uint8Array;
}

export interface CpimHeader {
  /** with its prefix: `imdn.Message-ID`; case matters */
  readonly name: string;
  /** escaped as on the wire, see `unescapeCpim` */
  readonly value: string;
  /** `;lang=fr`, or '' */
  readonly parameters: string;
}

export interface CpimLimits {
  readonly maxOctets: number;
  /** of each of the two header blocks */
  readonly maxHeaders: number;
  readonly maxHeaderOctets: number;
}

export const CPIM_LIMITS: CpimLimits = { maxOctets: 16_777_216, maxHeaders: 128, maxHeaderOctets: 65_536 };

const NAME = /^[!#-'*+\-0-9A-Z^_`a-z|~]+(?:\.[!#-'*+\-0-9A-Z^_`a-z|~]+)?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they have to be escaped (RFC 3862 section 2.3)
const CONTROL = /[\u0000-\u001f\u007f]/;
const HEADER = /^([^:;\s]+):((?:;[^ ]*)?)(?: ?)(.*)$/s;

/**
 * The Content-Length inside is a hint that peers get wrong (characters, not octets): the content is all that follows.
 * @throws ParleyError `cpim.malformed`, `cpim.too-large`
 */
export function decodeCpim(octets: Uint8Array, limits: Partial<CpimLimits> = {}): CpimMessage {
  const { maxOctets, maxHeaders, maxHeaderOctets } = { ...CPIM_LIMITS, ...limits };
  if (octets.length > maxOctets) throw new ParleyError('cpim.too-large', `${octets.length} octets`);
  const headers: CpimHeader[] = [];
  let at = 0;
  for (;;) {
    if (at >= octets.length) throw new ParleyError('cpim.malformed', 'the message ends within its headers');
    const { line, next } = readLine(octets, at, maxHeaderOctets, 'cpim.too-large');
    at = next;
    if (line === '') break;
    if (headers.length === maxHeaders) throw new ParleyError('cpim.too-large', `more than ${maxHeaders} headers`);
    headers.push(decodeHeader(line));
  }
  const block: HeaderLimits = { maxHeaders, maxHeaderOctets, malformed: 'cpim.malformed', tooLarge: 'cpim.too-large' };
  const { headers: contentHeaders, bodyAt } = decodeMimeHeaders(octets, at, block);
  return { headers, contentHeaders, content: octets.subarray(bodyAt) };
}

/** @throws ParleyError `cpim.malformed` for a header that would not be read back as it is */
export function encodeCpim(message: CpimMessage): Uint8Array {
  let text = '';
  for (const header of message.headers) {
    const value = header.value.trim();
    const broken = value !== header.value || CONTROL.test(value) || !/^(?:;[^\s]*)?$/.test(header.parameters);
    if (broken || !NAME.test(header.name)) throw new ParleyError('cpim.malformed', `header ${JSON.stringify(header.name)}`);
    text += `${header.name}:${header.parameters} ${header.value}\r\n`;
  }
  return concatBytes([utf8(`${text}\r\n`), encodeMimeHeaders(message.contentHeaders, 'cpim.malformed'), message.content]);
}

/** Values, still escaped, of the headers of that namespace and local name, whatever prefix the message gave it (RFC 3862 section 3.4). */
export function cpimHeaders(message: CpimMessage, name: string, namespace: string = CPIM_NAMESPACE): string[] {
  const values: string[] = [];
  const namespaces = new Map([['', CPIM_NAMESPACE]]);
  for (const header of message.headers) {
    const dot = header.name.indexOf('.');
    const prefix = dot < 0 ? '' : header.name.slice(0, dot);
    const local = header.name.slice(dot + 1);
    if (header.name === 'NS') {
      const declaration = /^([^<\s]*) ?<([^>]*)>/.exec(header.value);
      if (declaration !== null) namespaces.set(declaration[1] ?? '', declaration[2] ?? '');
    } else if (local === name && namespaces.get(prefix) === namespace) {
      values.push(header.value);
    }
  }
  return values;
}

export function contentHeader(message: CpimMessage, name: string): string | null {
  return mimeHeader(message.contentHeaders, name);
}

/** The content with its Content-Transfer-Encoding undone. @throws ParleyError `cpim.malformed` */
export function cpimContent(message: CpimMessage): Uint8Array {
  return decodeTransferEncoding(message.content, contentHeader(message, 'Content-Transfer-Encoding'), 'cpim.malformed');
}

function decodeHeader(line: string): CpimHeader {
  const match = HEADER.exec(line);
  const name = match?.[1] ?? '';
  if (match === null || !NAME.test(name)) throw new ParleyError('cpim.malformed', `header line ${JSON.stringify(line.slice(0, 80))}`);
  return { name, parameters: match[2] ?? '', value: (match[3] ?? '').trim() };
}
