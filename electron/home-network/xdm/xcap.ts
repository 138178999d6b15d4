import { createHash } from 'node:crypto';
import { fromUtf8Strict } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import type { NodeSelector } from '../../../shared/protocol/xcap/selector.ts';
import {
  decodeXcapDocument,
  deleteNode,
  putAttribute,
  putElement,
  selectNode,
  writtenElement,
  writtenNamespaces,
  type XcapConflict,
  type XcapDocument,
  XcapRefusal,
} from '../../../shared/protocol/xcap/xcap-document.ts';
import { encodeXcapConflict, XCAP_ERROR_TYPE } from '../../../shared/protocol/xcap/xcap-error.ts';
import { DOCUMENT_LIMITS, type Usage } from './usages.ts';

const ELEMENT_TYPE = 'application/xcap-el+xml';
const ATTRIBUTE_TYPE = 'application/xcap-att+xml';
const NAMESPACES_TYPE = 'application/xcap-ns+xml';

export interface XcapRequest {
  readonly method: string;
  /** null: the whole document */
  readonly node: NodeSelector | null;
  readonly contentType: string;
  /** as in the header, null without it */
  readonly ifMatch: string | null;
  readonly ifNoneMatch: string | null;
  readonly body: Uint8Array;
}

export interface XcapAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
  /** the document as it is from now on, null for one that is gone; not given when nothing changes */
  readonly document?: string | null;
}

/** One entity tag for a document and all that is in it (RFC 4825 section 8.5): the same text has the same. */
export function entityTag(text: string): string {
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
}

/**
 * What a request does to a document, and what is answered (RFC 4825 section 8).
 * @param current the document as it stands, null where there is none
 */
export function answerXcap(usage: Usage, request: XcapRequest, current: string | null): XcapAnswer {
  const etag = current === null ? null : entityTag(current);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (!isRead && request.method !== 'PUT' && request.method !== 'DELETE') return plain(405, { Allow: 'GET, HEAD, PUT, DELETE' });
  if (!isRead && request.node?.terminal === 'namespaces') return plain(405, { Allow: 'GET, HEAD' });
  if (request.ifMatch !== null && !matches(request.ifMatch, etag)) return plain(412);
  if (request.ifNoneMatch !== null && matches(request.ifNoneMatch, etag))
    return plain(isRead ? 304 : 412, etag === null ? {} : { ETag: etag });
  try {
    if (isRead) return read(usage, request.node, current);
    return request.method === 'PUT' ? put(usage, request, current) : remove(usage, request.node, current);
  } catch (thrown) {
    if (thrown instanceof XcapRefusal) return conflict(thrown.conflict);
    if (thrown instanceof ParleyError && thrown.code === 'xml.too-large') return plain(413);
    throw thrown;
  }
}

function read(usage: Usage, node: NodeSelector | null, current: string | null): XcapAnswer {
  if (current === null) return plain(404);
  const found = (type: string, body: string): XcapAnswer => ({
    status: 200,
    headers: { 'Content-Type': type, ETag: entityTag(current) },
    body,
  });
  if (node === null) return found(usage.mediaType, current);
  const document = decodeXcapDocument(current);
  const selected = selectNode(document, node, usage.namespace);
  if (selected === null) return plain(404);
  if (selected.attribute !== null) return found(ATTRIBUTE_TYPE, selected.attribute.value);
  if (node.terminal === 'namespaces') return found(NAMESPACES_TYPE, writtenNamespaces(document, selected.element));
  return found(ELEMENT_TYPE, writtenElement(document, selected.element));
}

function put(usage: Usage, { node, contentType, body }: XcapRequest, current: string | null): XcapAnswer {
  const wanted = node === null ? usage.mediaType : node.terminal === 'element' ? ELEMENT_TYPE : ATTRIBUTE_TYPE;
  if (mediaType(contentType) !== wanted) return plain(415);
  if (node !== null && current === null) return conflict({ kind: 'no-parent' });
  const text = textOf(body);
  if (node === null || current === null) {
    const document = wellFormed(text);
    return commit(usage, document, current === null);
  }
  const change = node.terminal === 'element' ? putElement : putAttribute;
  const { text: after, isNew } = change(decodeXcapDocument(current), node, usage.namespace, text);
  return commit(usage, decodeXcapDocument(after, DOCUMENT_LIMITS), isNew);
}

function remove(usage: Usage, node: NodeSelector | null, current: string | null): XcapAnswer {
  if (current === null) return plain(404);
  if (node === null) return { ...plain(200), document: null };
  const after = deleteNode(decodeXcapDocument(current), node, usage.namespace);
  return after === null ? plain(404) : commit(usage, decodeXcapDocument(after, DOCUMENT_LIMITS), false);
}

function commit(usage: Usage, { root, text }: XcapDocument, isNew: boolean): XcapAnswer {
  const broken = usage.check(root);
  if (broken !== null) return conflict(broken);
  return { ...plain(isNew ? 201 : 200, { ETag: entityTag(text) }), document: text };
}

/** @throws XcapRefusal */
function wellFormed(text: string): XcapDocument {
  const declared = /^\ufeff?<\?xml[^>]*\sencoding\s*=\s*["']([^"']*)["']/.exec(text)?.[1];
  if (declared !== undefined && declared.toLowerCase() !== 'utf-8') throw new XcapRefusal({ kind: 'not-utf-8' });
  try {
    return decodeXcapDocument(text, DOCUMENT_LIMITS);
  } catch (thrown) {
    if (thrown instanceof ParleyError && thrown.code === 'xml.malformed') throw new XcapRefusal({ kind: 'not-well-formed' });
    throw thrown;
  }
}

function textOf(body: Uint8Array): string {
  try {
    return fromUtf8Strict(body);
  } catch {
    throw new XcapRefusal({ kind: 'not-utf-8' });
  }
}

/** RFC 7232 section 3: `*` or a list of tags; a weak one is the same as a strong one here, since ours are strong. */
function matches(condition: string, etag: string | null): boolean {
  if (etag === null) return false;
  return condition.split(',').some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
}

function conflict(reason: XcapConflict): XcapAnswer {
  return { status: 409, headers: { 'Content-Type': XCAP_ERROR_TYPE }, body: encodeXcapConflict(reason) };
}

function plain(status: number, headers: Readonly<Record<string, string>> = {}): XcapAnswer {
  return { status, headers, body: '' };
}
