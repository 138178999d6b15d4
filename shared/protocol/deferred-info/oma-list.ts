import { decodeXml, type XmlElement, type XmlLimits } from '../xml/xml.ts';
import { DEFERRED_INFO_LIMITS, sizeOf, timeOf } from './deferred-info.ts';
import { cut, type DeferredEntry, LONGEST_ADDRESS, LONGEST_SUBJECT, LONGEST_TYPE, usableUri } from './entry.ts';

export const OMA_DEFERRED_LIST_TYPE = 'application/vnd.oma.im.deferred-list+xml';

/** local names under which the same thing is met */
const URI = ['uri', 'id', 'message-id', 'deferred-id', 'history-id'];
const FROM = ['from', 'sender', 'originator'];
const SENT = ['sent', 'date', 'datetime', 'date-time', 'time', 'timestamp'];
const SIZE = ['size', 'message-size'];
const EXPIRES = ['expires', 'expiry', 'expiry-time', 'expire'];
const TYPE = ['content-type', 'type', 'mime-type'];
const SUBJECT = ['subject', 'title'];

/**
 * The deferred list of OMA IM, of which only the name of the type is sure (cpm.md section 11.1): elements and attributes are read by their local
 * names, namespaces ignored. Whatever has something to be asked for by is an item. It is always the whole list, and has no versions.
 * @throws ParleyError `xml.malformed`, `xml.too-large`
 */
export function decodeOmaDeferredList(octets: Uint8Array, limits: Partial<XmlLimits> = DEFERRED_INFO_LIMITS): readonly DeferredEntry[] {
  const entries: DeferredEntry[] = [];
  const walk = (element: XmlElement): void => {
    const uri = said(element, URI);
    if (usableUri(uri)) entries.push(entryOf(uri, element));
    else for (const child of element.children) walk(child);
  };
  for (const child of decodeXml(octets, limits).children) walk(child);
  return entries;
}

function entryOf(uri: string, element: XmlElement): DeferredEntry {
  return {
    uri,
    kind: 'pager',
    from: cut(said(element, FROM), LONGEST_ADDRESS),
    sent: timeOf(said(element, SENT)),
    size: sizeOf(said(element, SIZE)),
    expires: timeOf(said(element, EXPIRES)),
    contentType: cut(said(element, TYPE), LONGEST_TYPE),
    subject: cut(said(element, SUBJECT), LONGEST_SUBJECT) || null,
  };
}

/** '' where it is not said */
function said(element: XmlElement, names: readonly string[]): string {
  const isOne = (each: { readonly name: string }): boolean => names.includes(each.name.toLowerCase());
  const value = element.attributes.find(isOne)?.value ?? element.children.find(isOne)?.text ?? '';
  return value.trim();
}
