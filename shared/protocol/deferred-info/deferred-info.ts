import { utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { attributeValue, childElement, decodeXml, escapeXml, type XmlElement, type XmlLimits } from '../xml/xml.ts';
import {
  cut,
  DEFERRED_PROBLEMS,
  type DeferredEntry,
  type DeferredInfo,
  type DeferredKind,
  LONGEST_ADDRESS,
  LONGEST_SUBJECT,
  LONGEST_TYPE,
  MAX_URI,
  usableUri,
} from './entry.ts';

export const DEFERRED_INFO_TYPE = 'application/x-cpm-deferred-messages+xml';
const NAMESPACE = 'urn:x-cpm-desk:deferred-messages:1';

const KINDS: readonly string[] = ['pager', 'large', 'chat', 'file'] satisfies DeferredKind[];
/** 32 bits, as of RFC 4575 */
const MAX_VERSION = 0xffff_ffff;

/** What one SIP body holds (`SIP_LIMITS`); a longer list comes as a full part and partial ones. */
export const DEFERRED_INFO_LIMITS: Partial<XmlLimits> = { maxOctets: 1_048_576, maxDepth: 8, maxElements: 60_000 };

/**
 * A list of waiting items in the format of cpm.md section 11.1 (F19-03). Elements it does not know are skipped, prefixes are free; an entry without
 * a URI that could be asked for is left out.
 * @throws ParleyError `xml.malformed`, `xml.too-large`
 */
export function decodeDeferredInfo(octets: Uint8Array, limits: Partial<XmlLimits> = DEFERRED_INFO_LIMITS): DeferredInfo {
  const root = decodeXml(octets, limits);
  if (root.name !== 'deferred-messages' || root.namespace !== NAMESPACE)
    throw new ParleyError('xml.malformed', `root element ${root.name}`);
  const items: DeferredEntry[] = [];
  const removed: string[] = [];
  for (const element of root.children) {
    if (element.name !== 'message' || element.namespace !== NAMESPACE) continue;
    const uri = attributeValue(element, 'uri')?.trim() ?? '';
    if (!usableUri(uri)) continue;
    if (attributeValue(element, 'state') === 'deleted') removed.push(uri);
    else items.push(entryOf(uri, element));
  }
  const state = attributeValue(root, 'state') === 'partial' ? 'partial' : 'full';
  return { version: versionOf(root), state, items, removed };
}

/** In the shape of F19-03. @throws ParleyError `xml.malformed` for a URI that no entry could carry */
export function encodeDeferredInfo({ version, state, items, removed }: DeferredInfo): Uint8Array {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<deferred-messages xmlns="${NAMESPACE}" version="${version}" state="${state}">`,
    ...items.flatMap(encodeEntry),
    ...removed.map((uri) => `  <message uri="${escapeXml(checked(uri))}" state="deleted"/>`),
    '</deferred-messages>',
    '',
  ];
  return utf8(lines.join('\r\n'));
}

function entryOf(uri: string, element: XmlElement): DeferredEntry {
  const kind = attributeValue(element, 'kind') ?? '';
  const undone = DEFERRED_PROBLEMS.find((problem) => problem === attributeValue(element, 'undone'));
  const text = (name: string, longest: number): string => cut(childElement(element, NAMESPACE, name)?.text.trim() ?? '', longest);
  return {
    uri,
    // of one that is newer than this list of kinds, something can still be read
    kind: KINDS.includes(kind) ? (kind as DeferredKind) : 'pager',
    from: text('from', LONGEST_ADDRESS),
    sent: timeOf(text('sent', 64)),
    size: sizeOf(text('size', 32)),
    expires: timeOf(text('expires', 64)),
    contentType: text('content-type', LONGEST_TYPE),
    subject: text('subject', LONGEST_SUBJECT) || null,
    ...(undone === undefined ? {} : { undone }),
  };
}

function encodeEntry({ uri, kind, from, sent, size, expires, contentType, subject, undone }: DeferredEntry): string[] {
  const child = (name: string, value: string | null): string[] => (value ? [`    <${name}>${escapeXml(value)}</${name}>`] : []);
  return [
    `  <message uri="${escapeXml(checked(uri))}" kind="${kind}"${undone === undefined ? '' : ` undone="${undone}"`}>`,
    ...child('from', from),
    ...child('sent', isoTime(sent)),
    ...child('size', size === null ? null : String(size)),
    ...child('expires', isoTime(expires)),
    ...child('content-type', contentType),
    ...child('subject', subject),
    '  </message>',
  ];
}

function versionOf(root: XmlElement): number {
  const version = Number(/^\d{1,10}$/.exec(attributeValue(root, 'version')?.trim() ?? '')?.[0] ?? 'NaN');
  if (!(version <= MAX_VERSION)) throw new ParleyError('xml.malformed', 'no usable version');
  return version;
}

function checked(uri: string): string {
  if (!usableUri(uri)) throw new ParleyError('xml.malformed', `a URI of none or more than ${MAX_URI} characters, or with spaces`);
  return uri;
}

function isoTime(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString().replace('.000Z', 'Z');
}

/** ms since the epoch of a date-time (RFC 3339); null for what is none, or is before the epoch. */
export function timeOf(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(text)) return null;
  const time = Date.parse(text.toUpperCase());
  return Number.isFinite(time) && time >= 0 ? time : null;
}

export function sizeOf(text: string): number | null {
  const size = Number(/^\d{1,15}$/.exec(text)?.[0] ?? 'NaN');
  return Number.isSafeInteger(size) ? size : null;
}
