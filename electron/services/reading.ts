import { fromUtf8 } from '../../shared/base/bytes.ts';
import { type CodedError, ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { canonicalAddress } from '../../shared/model/address.ts';
import { CPIM_TYPE, type CpimMessage, contentHeader, cpimContent, decodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { decodeStored } from '../../shared/protocol/cpim/stored.ts';
import { IMDN_TYPE } from '../../shared/protocol/imdn/imdn.ts';
import { COMPOSING_TYPE } from '../../shared/protocol/iscomposing/iscomposing.ts';
import { decodeResourceLists, RECIPIENT_LIST_HISTORY, RESOURCE_LISTS_TYPE } from '../../shared/protocol/lists/resource-lists.ts';
import { decodeContentDisposition, handlingOf } from '../../shared/protocol/mime/content-disposition.ts';
import { type ContentType, decodeContentType } from '../../shared/protocol/mime/content-type.ts';
import { mimeHeader } from '../../shared/protocol/mime/headers.ts';
import { htmlText } from '../../shared/protocol/mime/html-text.ts';
import { decodeMultipart, type Part, partContent, rootPart } from '../../shared/protocol/multipart/multipart.ts';
import { SDP_TYPE } from '../../shared/protocol/sdp/sdp.ts';

/** What a MESSAGE may hold, for the Accept of a 415. */
export const READABLE_TYPES = [
  ...[CPIM_TYPE, 'text/plain', 'text/html', IMDN_TYPE, COMPOSING_TYPE, RESOURCE_LISTS_TYPE],
  ...['multipart/mixed', 'multipart/alternative', 'multipart/related'],
].join(', ');

/** a CPIM message in a multipart in a multipart is the most that anybody sends */
const MAX_NESTING = 4;
/** and of recipients that a message tells of */
const MOST_RECIPIENTS = 200;

export type Content =
  | { readonly kind: 'text'; readonly text: string }
  /** a text, but in a way that cannot be read here */
  | { readonly kind: 'unreadable'; readonly error: CodedError }
  | { readonly kind: 'notification'; readonly octets: Uint8Array }
  | { readonly kind: 'composing'; readonly octets: Uint8Array };

/** What a body holds, once its wrappings are off. */
export interface Reading {
  /** the message/cpim around it, where there is one */
  readonly cpim: CpimMessage | null;
  readonly content: Content;
  /** who got it, as far as a recipient-list-history says (RFC 5364): canonical addresses */
  readonly recipients: readonly string[];
}

interface Found {
  cpim: CpimMessage | null;
  readonly recipients: string[];
}

/** @throws ParleyError `peer.unsupported` for what nobody could read here, `cpim.*`, `multipart.*` for what is broken */
export function readBody(contentType: string, body: Uint8Array): Reading {
  const found: Found = { cpim: null, recipients: [] };
  const content = read(contentType, body, found, 0);
  if (content === null) throw unreadable(decodeContentType(contentType));
  return { ...found, content };
}

/** Who else is invited to what an INVITE brings; nobody where that cannot be read. */
export function recipientsIn(contentType: string, body: Uint8Array): readonly string[] {
  const found: Found = { cpim: null, recipients: [] };
  try {
    if (/^\s*multipart\//i.test(contentType)) {
      for (const part of decodeMultipart(body, contentType).parts) if (isHistory(part)) addRecipients(part, found);
    }
  } catch {
    return [];
  }
  return found.recipients;
}

/** Null: nothing in it is for a person. */
function read(contentTypeText: string, octets: Uint8Array, found: Found, nesting: number): Content | null {
  const contentType = decodeContentType(contentTypeText);
  switch (contentType.type) {
    case CPIM_TYPE:
      if (found.cpim !== null) throw unreadable(contentType);
      found.cpim = decodeCpim(octets);
      return read(contentHeader(found.cpim, 'Content-Type') ?? 'text/plain', cpimContent(found.cpim), found, nesting + 1);
    case 'text/plain':
      return readPlain(octets, contentType, found, nesting);
    case 'text/html':
      return decodeText(octets, contentType, htmlText);
    case IMDN_TYPE:
      return { kind: 'notification', octets };
    case COMPOSING_TYPE:
      return { kind: 'composing', octets };
    case SDP_TYPE:
      return null;
    default:
      if (contentType.type.startsWith('multipart/') && nesting < MAX_NESTING) return readParts(contentTypeText, octets, found, nesting + 1);
      throw unreadable(contentType);
  }
}

function readPlain(octets: Uint8Array, contentType: ContentType, found: Found, nesting: number): Content | null {
  if (found.cpim !== null) return decodeText(octets, contentType, (text) => text);
  const { cpim, text } = decodeStored(octets);
  if (cpim === null) return decodeText(text, contentType, (plain) => plain);
  return read(CPIM_TYPE, text, found, nesting + 1);
}

/** RFC 5621 section 8: of alternatives the best, of related parts the root, else all of them; what is not optional must be understood. */
function readParts(contentTypeText: string, octets: Uint8Array, found: Found, nesting: number): Content | null {
  const multipart = decodeMultipart(octets, contentTypeText);
  const { type } = decodeContentType(contentTypeText);
  if (type === 'multipart/related') return readPart(rootPart(multipart, contentTypeText), found, nesting);
  if (type === 'multipart/alternative') return bestOf(multipart.parts, found, nesting);
  const contents: Content[] = [];
  const outer = found.cpim;
  for (const part of multipart.parts) {
    if (isHistory(part)) {
      addRecipients(part, found);
      continue;
    }
    const before = found.cpim;
    try {
      const content = readPart(part, found, nesting);
      // the message is in the CPIM part, and all around it is about it
      if (content !== null && before === outer && found.cpim !== outer) contents.splice(0, contents.length, content);
      else if (content !== null && before === outer) contents.push(content);
    } catch (thrown) {
      if (!isOptional(part) || toCodedError(thrown).code !== 'peer.unsupported') throw thrown;
    }
  }
  return together(contents);
}

/** The plainest first: markup would lose its marks here. */
function bestOf(parts: readonly Part[], found: Found, nesting: number): Content {
  const plainness = [CPIM_TYPE, 'text/plain', 'text/html'];
  const rank = (part: Part): number => (plainness.indexOf(typeOf(part).type) + plainness.length + 1) % (plainness.length + 1);
  for (const part of [...parts].sort((a, b) => rank(a) - rank(b))) {
    try {
      const content = readPart(part, found, nesting);
      if (content !== null) return content;
    } catch (thrown) {
      if (toCodedError(thrown).code !== 'peer.unsupported') throw thrown;
    }
  }
  throw new ParleyError('peer.unsupported', 'none of the alternatives can be shown');
}

function readPart(part: Part, found: Found, nesting: number): Content | null {
  return read(mimeHeader(part.headers, 'Content-Type') ?? 'text/plain', partContent(part), found, nesting);
}

function together(contents: readonly Content[]): Content | null {
  const special = contents.find(({ kind }) => kind === 'notification' || kind === 'composing');
  const texts = contents.flatMap((content) => (content.kind === 'text' ? [content.text] : []));
  if (special !== undefined || texts.length === 0) return special ?? contents[0] ?? null;
  return { kind: 'text', text: texts.join('\n') };
}

function typeOf(part: Part): ContentType {
  return decodeContentType(mimeHeader(part.headers, 'Content-Type') ?? 'text/plain');
}

function isOptional(part: Part): boolean {
  return handlingOf(mimeHeader(part.headers, 'Content-Disposition')) === 'optional';
}

function isHistory(part: Part): boolean {
  const disposition = mimeHeader(part.headers, 'Content-Disposition');
  const isList = typeOf(part).type === RESOURCE_LISTS_TYPE;
  return isList && disposition !== null && decodeContentDisposition(disposition).type === RECIPIENT_LIST_HISTORY;
}

/** A history that cannot be read is no reason to refuse the message: it is only about it. */
function addRecipients(part: Part, found: Found): void {
  try {
    for (const { uri, isAnonymous } of decodeResourceLists(partContent(part)).entries) {
      const address = isAnonymous || /@anonymous\.invalid/i.test(uri) ? null : canonicalAddress(uri);
      if (address !== null && !found.recipients.includes(address) && found.recipients.length < MOST_RECIPIENTS)
        found.recipients.push(address);
    }
  } catch (thrown) {
    if (!(thrown instanceof ParleyError)) throw thrown;
  }
}

function unreadable(contentType: ContentType): ParleyError {
  return new ParleyError('peer.unsupported', `cannot show ${contentType.type.slice(0, 80)}`);
}

/** The characters of windows-1252 from 0x80 on; some versions of Node leave the octets as they are there. */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

function withoutC1(text: string): string {
  return text.replace(/[\u0080-\u009f]/g, (control) => WINDOWS_1252[control.charCodeAt(0) - 0x80] ?? control);
}

/** In any charset that has a name (Encoding Standard); US-ASCII is what those write who mean UTF-8. */
function decodeText(octets: Uint8Array, contentType: ContentType, readable: (text: string) => string): Content {
  const charset = (contentType.parameters.get('charset') ?? 'utf-8').trim();
  if (/^(utf-?8|us-ascii)$/i.test(charset)) return { kind: 'text', text: readable(fromUtf8(octets)) };
  try {
    const decoder = new TextDecoder(charset);
    const text = decoder.decode(octets);
    return { kind: 'text', text: readable(decoder.encoding === 'windows-1252' ? withoutC1(text) : text) };
  } catch {
    return { kind: 'unreadable', error: { code: 'peer.unsupported', detail: `unknown charset ${charset.slice(0, 40)}` } };
  }
}
