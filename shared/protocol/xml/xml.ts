import { SaxesParser } from 'saxes';
import { fromUtf8Strict } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';

/** An element with its namespace resolved: prefixes are gone. `text` is the character data directly inside, joined. */
export interface XmlElement {
  readonly namespace: string;
  readonly name: string;
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  readonly text: string;
}

/** An attribute without a prefix has the namespace ''. */
export interface XmlAttribute {
  readonly namespace: string;
  readonly name: string;
  readonly value: string;
}

export interface XmlLimits {
  readonly maxOctets: number;
  readonly maxDepth: number;
  /** elements of the document */
  readonly maxElements: number;
  /** attributes of one element, namespace declarations included */
  readonly maxAttributes: number;
}

export const XML_LIMITS: XmlLimits = { maxOctets: 262_144, maxDepth: 32, maxElements: 10_000, maxAttributes: 64 };

interface OpenElement extends XmlElement {
  readonly children: XmlElement[];
  text: string;
}

/** Where an element stands in its document, in UTF-16 code units. */
export interface XmlSpan {
  /** of `<` */
  readonly from: number;
  /** behind its first tag; behind the whole of an element without content */
  readonly inner: number;
  /** behind its last tag */
  readonly to: number;
}

/**
 * Reads a UTF-8 document into a tree. A DOCTYPE is refused, so no entity but the five of XML itself can occur and nothing is ever fetched.
 * @param located is told where each element stands, the innermost first
 * @throws ParleyError `xml.malformed`, `xml.too-large`
 */
export function decodeXml(
  document: Uint8Array | string,
  limits: Partial<XmlLimits> = {},
  located: (element: XmlElement, span: XmlSpan) => void = () => undefined,
): XmlElement {
  const { maxOctets, maxDepth, maxElements, maxAttributes } = { ...XML_LIMITS, ...limits };
  if (document.length > maxOctets) throw new ParleyError('xml.too-large', `${document.length} octets`);
  const text = typeof document === 'string' ? document : xmlText(document);

  const parser = new SaxesParser({ xmlns: true });
  const open: OpenElement[] = [];
  const tags: { from: number; inner: number }[] = [];
  let root: XmlElement | null = null;
  let elements = 0;
  let attributes = 0;
  parser.on('error', (error) => {
    throw new ParleyError('xml.malformed', error.message);
  });
  parser.on('doctype', () => {
    throw new ParleyError('xml.malformed', 'a DOCTYPE is not taken');
  });
  parser.on('opentagstart', () => {
    attributes = 0;
    if (++elements > maxElements) throw new ParleyError('xml.too-large', `more than ${maxElements} elements`);
    if (open.length >= maxDepth) throw new ParleyError('xml.too-large', `deeper than ${maxDepth} elements`);
    tags.push({ from: text.lastIndexOf('<', parser.position - 1), inner: 0 });
  });
  parser.on('attribute', () => {
    if (++attributes > maxAttributes) throw new ParleyError('xml.too-large', `more than ${maxAttributes} attributes`);
  });
  parser.on('opentag', (tag) => {
    const element: OpenElement = {
      namespace: tag.uri,
      name: tag.local,
      attributes: Object.values(tag.attributes)
        .filter((attribute) => attribute.prefix !== 'xmlns' && attribute.name !== 'xmlns')
        .map((attribute) => ({ namespace: attribute.uri, name: attribute.local, value: attribute.value })),
      children: [],
      text: '',
    };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
    const place = tags.at(-1);
    if (place !== undefined) place.inner = parser.position;
  });
  const addText = (characters: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += characters;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const element = open.pop();
    const place = tags.pop();
    if (element !== undefined && place !== undefined) located(element, { ...place, to: parser.position });
  });
  parser.write(text).close();
  if (root === null) throw new ParleyError('xml.malformed', 'no element');
  return root;
}

/** @throws ParleyError `xml.malformed` */
export function xmlText(document: Uint8Array): string {
  try {
    return fromUtf8Strict(document);
  } catch (cause) {
    throw new ParleyError('xml.malformed', 'not UTF-8', { cause });
  }
}

/** First child of that namespace and name. */
export function childElement(parent: XmlElement, namespace: string, name: string): XmlElement | null {
  return parent.children.find((child) => child.name === name && child.namespace === namespace) ?? null;
}

/** Value of the attribute without a namespace, or of the one given. */
export function attributeValue(element: XmlElement, name: string, namespace = ''): string | null {
  return element.attributes.find((attribute) => attribute.name === name && attribute.namespace === namespace)?.value ?? null;
}

/**
 * For text and attribute values alike. Tab and line breaks become references, so that attributes keep them;
 * what XML 1.0 cannot say at all (other controls, lone surrogates) becomes U+FFFD.
 */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\t\n\r]|[^\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, (character) => ESCAPES[character] ?? '\ufffd');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};
