import { utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { decodeXml, escapeXml, type XmlAttribute, type XmlElement, type XmlLimits } from '../xml/xml.ts';

export const RESOURCE_LISTS_TYPE = 'application/resource-lists+xml';
/** Content-Disposition of a list that a server is to send to (RFC 5365, RFC 5366) */
export const RECIPIENT_LIST = 'recipient-list';
/** and of one that tells a recipient who else got it (RFC 5364) */
export const RECIPIENT_LIST_HISTORY = 'recipient-list-history';

const LISTS = 'urn:ietf:params:xml:ns:resource-lists';
const COPY_CONTROL = 'urn:ietf:params:xml:ns:copycontrol';
const COPIES: readonly string[] = ['to', 'cc', 'bcc'] satisfies Copy[];
const MAX_URI = 4096;

/** In which way somebody gets a message (RFC 5364 section 4); who has a blind copy is told to nobody. */
export type Copy = 'to' | 'cc' | 'bcc';

/** One `<entry>` of a list (RFC 4826 section 3.1 with RFC 5364). */
export interface ListEntry {
  /** as written, escapes of XML undone; may have a method or headers (RFC 5368) */
  readonly uri: string;
  readonly displayName: string | null;
  /** null where the list does not say */
  readonly copy: Copy | null;
  /** the other recipients shall not learn this address */
  readonly isAnonymous: boolean;
  /** in a history: how many recipients this anonymous entry stands for; else null */
  readonly count: number | null;
}

export interface ResourceLists {
  /** of all lists, nested ones included, in the order of the document */
  readonly entries: readonly ListEntry[];
  /** it points to entries elsewhere (`external`, `entry-ref`), which are not fetched */
  readonly hasReferences: boolean;
}

/** more than any list of recipients holds */
export const LIST_LIMITS: Partial<XmlLimits> = { maxOctets: 262_144, maxDepth: 16, maxElements: 5000 };

/**
 * Elements it does not know are skipped, prefixes are free, the namespace of RFC 5364 may be written in any case.
 * @throws ParleyError `xml.malformed`, `xml.too-large`
 */
export function decodeResourceLists(octets: Uint8Array, limits: Partial<XmlLimits> = LIST_LIMITS): ResourceLists {
  const root = decodeXml(octets, limits);
  if (root.name !== 'resource-lists' || root.namespace !== LISTS) throw new ParleyError('xml.malformed', `root element ${root.name}`);
  const entries: ListEntry[] = [];
  let hasReferences = false;
  const walk = (list: XmlElement): void => {
    for (const child of list.children) {
      if (child.namespace !== LISTS) continue;
      if (child.name === 'list') walk(child);
      else if (child.name === 'entry') entries.push(entryOf(child));
      else if (child.name === 'external' || child.name === 'entry-ref') hasReferences = true;
    }
  };
  walk(root);
  return { entries, hasReferences };
}

/** One list, in the shape of F03-01. @throws ParleyError `xml.malformed` for a URI that no list could carry */
export function encodeResourceLists(entries: readonly ListEntry[]): Uint8Array {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<resource-lists xmlns="${LISTS}"`,
    `                xmlns:cp="${COPY_CONTROL}">`,
    '  <list>',
    ...entries.flatMap(encodeEntry),
    '  </list>',
    '</resource-lists>',
    '',
  ];
  return utf8(lines.join('\r\n'));
}

/** An entry of a list that is sent by an own client. @param copy null where nobody gets a copy of anything */
export function listEntry(uri: string, copy: Copy | null = 'to'): ListEntry {
  return { uri, displayName: null, copy, isAnonymous: false, count: null };
}

function entryOf(element: XmlElement): ListEntry {
  const uri = attribute(element, 'uri', '')?.trim() ?? '';
  if (uri === '' || uri.length > MAX_URI) throw new ParleyError('xml.malformed', 'an entry without a usable URI');
  const copy = attribute(element, 'copyControl', COPY_CONTROL)?.trim().toLowerCase() ?? '';
  const count = /^[1-9]\d{0,5}$/.exec(attribute(element, 'count', COPY_CONTROL)?.trim() ?? '');
  const name = element.children.find((child) => child.namespace === LISTS && child.name === 'display-name');
  return {
    uri,
    displayName: name?.text.trim() || null,
    copy: COPIES.includes(copy) ? (copy as Copy) : null,
    isAnonymous: /^(true|1)$/.test(attribute(element, 'anonymize', COPY_CONTROL)?.trim() ?? ''),
    count: count === null ? null : Number(count[0]),
  };
}

/** Names of attributes and the namespace of RFC 5364 are met with capitals and without (cpm.md section 19). */
function attribute(element: XmlElement, name: string, namespace: string): string | null {
  const fits = (each: XmlAttribute): boolean =>
    each.namespace.toLowerCase() === namespace && each.name.toLowerCase() === name.toLowerCase();
  return element.attributes.find(fits)?.value ?? null;
}

function encodeEntry({ uri, displayName, copy, isAnonymous, count }: ListEntry): string[] {
  if (uri === '' || uri.length > MAX_URI || /\s/.test(uri)) throw new ParleyError('xml.malformed', 'a URI that is none');
  const attributes = [
    `uri="${escapeXml(uri)}"`,
    ...(copy === null ? [] : [`cp:copyControl="${copy}"`]),
    ...(isAnonymous ? ['cp:anonymize="true"'] : []),
    ...(count === null ? [] : [`cp:count="${count}"`]),
  ].join(' ');
  if (displayName === null) return [`    <entry ${attributes}/>`];
  return [`    <entry ${attributes}>`, `      <display-name>${escapeXml(displayName)}</display-name>`, '    </entry>'];
}
