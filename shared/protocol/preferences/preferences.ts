import { ParleyError } from '../../base/errors.ts';
import { decodeXml, escapeXml, type XmlElement, type XmlLimits } from '../xml/xml.ts';

/** application usage of XCAP, and the media type of its documents */
export const PREFERENCES_AUID = 'parley-preferences';
export const PREFERENCES_TYPE = 'application/vnd.parley.preferences+xml';
export const PREFERENCES_NAMESPACE = 'urn:parley:params:xml:ns:preferences';

const LIMITS: Partial<XmlLimits> = { maxOctets: 65_536, maxDepth: 4, maxElements: 500, maxAttributes: 8 };

/**
 * The document in which a user says what the network is to do. Its schema (RELAX NG, compact):
 *
 *     default namespace = "urn:parley:params:xml:ns:preferences"
 *     start = element preferences {
 *       element available { "accept" | "defer" | "refuse" }? &
 *       element delivery { "push" | "pull" }? &
 *       element devices { "all" | "newest" }? &
 *       element expired { "discard" | "store" }? &
 *       element unaccepted { "keep" | "store" | "discard" }? &
 *       element recording { xsd:boolean }? &
 *       element interworking { "off" | "undeliverable" }? &
 *       element unwanted-word { text }* &
 *       element unwanted-type { text }* &
 *       element * - p:* { any }*
 *     }
 *
 * Here its elements are read as they are; which there are and what they may say is the model's (`shared/model/network-preferences.ts`).
 * @returns the texts of each element, by its name; those of other namespaces are passed over
 * @throws ParleyError `xml.malformed`, `xml.too-large`
 */
export function decodePreferences(document: Uint8Array | string): Map<string, string[]> {
  return preferenceTexts(decodeXml(document, LIMITS));
}

/** The same of a document that was read already. @throws ParleyError `xml.malformed` */
export function preferenceTexts(root: XmlElement): Map<string, string[]> {
  if (root.name !== 'preferences' || root.namespace !== PREFERENCES_NAMESPACE) {
    throw new ParleyError('xml.malformed', `root element ${root.name}`);
  }
  const texts = new Map<string, string[]>();
  for (const { namespace, name, children, text } of root.children) {
    if (namespace !== PREFERENCES_NAMESPACE) continue;
    if (children.length > 0) throw new ParleyError('xml.malformed', `elements in ${name}`);
    texts.set(name, [...(texts.get(name) ?? []), text.trim()]);
  }
  return texts;
}

export function encodePreferences(texts: ReadonlyMap<string, readonly string[]>): string {
  const lines = [...texts].flatMap(([name, values]) => values.map((value) => `  <${name}>${escapeXml(value)}</${name}>`));
  return ['<?xml version="1.0" encoding="UTF-8"?>', `<preferences xmlns="${PREFERENCES_NAMESPACE}">`, ...lines, '</preferences>', ''].join(
    '\n',
  );
}
