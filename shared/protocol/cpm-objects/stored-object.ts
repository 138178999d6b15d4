import { CR, concatBytes, fromUtf8, LF, utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { decodeContentDisposition, encodeContentDisposition } from '../mime/content-disposition.ts';
import { encodeContentType, mediaType } from '../mime/content-type.ts';
import { decodeMimeHeaders, type HeaderLimits, type MimeHeader, mimeHeader } from '../mime/headers.ts';
import { encodeMailHeaders } from '../mime/mail-headers.ts';
import { decodeTransferEncoding, encodeBase64Lines } from '../mime/transfer-encoding.ts';
import { decodeMultipart, makeMultipart, type Part, partByContentId, partContent, rootPart } from '../multipart/multipart.ts';
import {
  decodeFileTransferInfo,
  decodeGroupState,
  decodeSessionInfo,
  encodeFileTransferInfo,
  encodeGroupState,
  encodeSessionInfo,
  type FileTransferInfo,
  GROUP_STATE_TYPE,
  type GroupState,
  SESSION_TYPE,
  type SessionInfo,
} from './descriptions.ts';
import { decodeObjectHeaders, encodeObjectHeaders, type ObjectHeaders } from './object-headers.ts';

/** The objects of a Message Storage Server (cpm.md section 16.7): each is one mail message of RFC 5322. */
export type StoredObject = MessageObject | SessionInfoObject | FileTransferObject | GroupStateObject;

/** A message, or a notification about one. */
export interface MessageObject {
  readonly kind: 'message';
  readonly headers: ObjectHeaders;
  /** `Message/CPIM`, or what a peer left out of one */
  readonly contentType: string;
  readonly content: Uint8Array;
}

export interface SessionInfoObject {
  readonly kind: 'session';
  readonly headers: ObjectHeaders;
  readonly session: SessionInfo;
}

export interface FileTransferObject {
  readonly kind: 'file';
  readonly headers: ObjectHeaders;
  readonly transfer: FileTransferInfo;
  /** the files that are there; one that only `transfer` names was not kept */
  readonly files: readonly StoredFile[];
}

export interface StoredFile {
  /** without brackets */
  readonly cid: string;
  /** as its sender said; null where nobody did */
  readonly name: string | null;
  readonly contentType: string;
  readonly content: Uint8Array;
}

export interface GroupStateObject {
  readonly kind: 'group-state';
  readonly headers: ObjectHeaders;
  readonly group: GroupState;
}

/** of one object in memory; a larger file is read part by part by IMAP */
export const OBJECT_LIMITS = { maxOctets: 67_108_864 } as const;
const BLOCK: HeaderLimits = { maxHeaders: 200, maxHeaderOctets: 65_536, malformed: 'multipart.malformed', tooLarge: 'multipart.too-large' };
const LONGEST_LINE = 998;

/** @throws ParleyError `multipart.malformed` for what no header can carry */
export function encodeStoredObject(object: StoredObject): Uint8Array {
  const { headers, body } = bodyOf(object);
  const fields = [...encodeObjectHeaders(object.headers), { name: 'MIME-Version', value: '1.0' }, ...headers];
  return concatBytes([encodeMailHeaders(fields, 'multipart.malformed'), body]);
}

/** A content type that is none of these is a message. @throws ParleyError `multipart.*`, `xml.*` */
export function decodeStoredObject(octets: Uint8Array): StoredObject {
  if (octets.length > OBJECT_LIMITS.maxOctets) throw new ParleyError('multipart.too-large', `${octets.length} octets`);
  const { headers: fields, bodyAt } = decodeMimeHeaders(octets, 0, BLOCK);
  const headers = decodeObjectHeaders(fields);
  const contentType = mimeHeader(fields, 'Content-Type') ?? 'text/plain';
  const body = octets.subarray(bodyAt);
  const content = (): Uint8Array => decodeTransferEncoding(body, mimeHeader(fields, 'Content-Transfer-Encoding'), 'multipart.malformed');
  switch (kindOfObject(contentType)) {
    case 'session':
      return { kind: 'session', headers, session: decodeSessionInfo(content()) };
    case 'group-state':
      return { kind: 'group-state', headers, group: decodeGroupState(content()) };
    case 'file':
      return { kind: 'file', headers, ...filesIn(body, contentType) };
    default:
      return { kind: 'message', headers, contentType, content: content() };
  }
}

/** What an object is, by the Content-Type of its header: for lists, without its body. */
export function kindOfObject(contentType: string): StoredObject['kind'] {
  switch (mediaType(contentType)) {
    case SESSION_TYPE:
      return 'session';
    case GROUP_STATE_TYPE:
      return 'group-state';
    case 'multipart/related':
      return /application\/x-cpm-file-transfer/i.test(contentType) ? 'file' : 'message';
    default:
      return 'message';
  }
}

/** Headers of an object from the octets of its header block. @throws ParleyError `multipart.*` */
export function decodeObjectHead(octets: Uint8Array): { readonly headers: ObjectHeaders; readonly contentType: string } {
  const { headers } = decodeMimeHeaders(octets, 0, BLOCK);
  return { headers: decodeObjectHeaders(headers), contentType: mimeHeader(headers, 'Content-Type') ?? 'text/plain' };
}

function filesIn(body: Uint8Array, contentType: string): Pick<FileTransferObject, 'transfer' | 'files'> {
  const multipart = decodeMultipart(body, contentType, { maxOctets: OBJECT_LIMITS.maxOctets });
  const transfer = decodeFileTransferInfo(partContent(rootPart(multipart, contentType)));
  const files = transfer.files.flatMap(({ cid }): StoredFile[] => {
    const part = partByContentId(multipart, cid);
    if (part === null) return [];
    const type = mimeHeader(part.headers, 'Content-Type') ?? 'application/octet-stream';
    return [{ cid, name: fileNameIn(part), contentType: type, content: partContent(part) }];
  });
  return { transfer, files };
}

function fileNameIn({ headers }: Part): string | null {
  const disposition = mimeHeader(headers, 'Content-Disposition');
  try {
    return disposition === null ? null : (decodeContentDisposition(disposition).parameters.get('filename') ?? null);
  } catch {
    return null;
  }
}

interface Body {
  readonly headers: readonly MimeHeader[];
  readonly body: Uint8Array;
}

function bodyOf(object: StoredObject): Body {
  switch (object.kind) {
    case 'message':
      return encoded(object.contentType, object.content);
    case 'session':
      return encoded('Application/X-CPM-Session', encodeSessionInfo(object.session));
    case 'group-state':
      return encoded('Application/group-state-object+xml', encodeGroupState(object.group));
    default:
      return fileBody(object);
  }
}

function fileBody({ transfer, files }: FileTransferObject): Body {
  const root = encoded(FILE_TRANSFER_NAME, encodeFileTransferInfo(transfer));
  const parts = [{ headers: root.headers, body: root.body }, ...files.map(filePart)];
  const { contentType, body } = makeMultipart('multipart/related', parts, new Map([['type', FILE_TRANSFER_NAME]]));
  return { headers: [{ name: 'Content-Type', value: contentType.replaceAll(';', '; ') }], body };
}

/** as the seeds write it */
const FILE_TRANSFER_NAME = 'Application/X-CPM-File-Transfer';

function filePart({ cid, name, contentType, content }: StoredFile): Part {
  const headers: MimeHeader[] = [
    { name: 'Content-Type', value: contentType },
    { name: 'Content-ID', value: `<${cid}>` },
    { name: 'Content-Transfer-Encoding', value: 'base64' },
  ];
  if (name !== null) headers.push({ name: 'Content-Disposition', value: attachment(name) });
  return { headers, body: utf8(encodeBase64Lines(content)) };
}

/** A name outside of ASCII by RFC 2231: this is mail, which does not carry UTF-8 in its headers. */
function attachment(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what goes
  const clean = name.replace(/[\u0000-\u001f\u007f]/g, '_').slice(0, 255);
  if (/^[ -~]*$/.test(clean)) return encodeContentDisposition({ type: 'attachment', parameters: new Map([['filename', clean]]) });
  const escaped = encodeURIComponent(fromUtf8(utf8(clean))).replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment;filename*=UTF-8''${escaped}`;
}

/**
 * Mail servers keep lines, not octets: what is not lines of CRLF goes as base64, so that it comes back as it was.
 */
function encoded(contentType: string, content: Uint8Array): Body {
  const type = {
    name: 'Content-Type',
    value: /^[\t -~]+$/.test(contentType) ? contentType : encodeContentType({ type: mediaType(contentType) }),
  };
  const encoding = encodingFor(content);
  return {
    headers: [type, { name: 'Content-Transfer-Encoding', value: encoding }],
    body: encoding === 'base64' ? utf8(encodeBase64Lines(content)) : content,
  };
}

function encodingFor(content: Uint8Array): '7bit' | '8bit' | 'base64' {
  let isAscii = true;
  let line = 0;
  for (let at = 0; at < content.length; at++) {
    const octet = content[at] as number;
    if (octet === 0 || (octet === LF && content[at - 1] !== CR) || (octet === CR && content[at + 1] !== LF)) return 'base64';
    line = octet === LF ? 0 : line + 1;
    if (line > LONGEST_LINE) return 'base64';
    if (octet > 0x7f) isAscii = false;
  }
  return isAscii ? '7bit' : '8bit';
}
