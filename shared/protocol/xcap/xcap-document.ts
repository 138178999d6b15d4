import { ParleyError } from '../../base/errors.ts';
import { decodeXml, type XmlElement, type XmlLimits, type XmlSpan, xmlText } from '../xml/xml.ts';
import type { NodeSelector, XcapName, XcapStep } from './selector.ts';
import { decodeReferences } from './selector.ts';

/** A document as it was written, and where its elements stand in that: what is changed is cut out of the text, and nothing else of it changes. */
export interface XcapDocument {
  readonly text: string;
  readonly root: XmlElement;
  readonly spans: ReadonlyMap<XmlElement, XmlSpan>;
}

export const PLAIN_CONFLICTS = [
  'not-well-formed',
  'not-utf-8',
  'not-xml-frag',
  'not-xml-att-value',
  'no-parent',
  'cannot-insert',
  'cannot-delete',
] as const;
type PlainConflict = (typeof PLAIN_CONFLICTS)[number];

/** Why a document cannot become what was asked for: an element of RFC 4825 section 11.1. */
export type XcapConflict =
  | { readonly kind: PlainConflict }
  | { readonly kind: 'schema-validation-error' | 'constraint-failure'; readonly phrase: string }
  /** selector of what there is already */
  | { readonly kind: 'uniqueness-failure'; readonly field: string };

/** What a node selector means in a document; null where it means nothing, or more than one thing. */
export type Selected = { readonly element: XmlElement; readonly attribute: RawAttribute | null };

interface RawAttribute {
  /** in the text of the document, of `name="value"` */
  readonly from: number;
  readonly to: number;
  /** with its quotes */
  readonly value: string;
}

export interface Changed {
  readonly text: string;
  /** it was not there before */
  readonly isNew: boolean;
}

/** @throws ParleyError `xml.malformed`, `xml.too-large` */
export function decodeXcapDocument(written: Uint8Array | string, limits: Partial<XmlLimits> = {}): XcapDocument {
  // as the reader counts them (XML 1.0 section 2.11)
  const text = (typeof written === 'string' ? written : xmlText(written)).replace(/\r\n?/g, '\n');
  const spans = new Map<XmlElement, XmlSpan>();
  const root = decodeXml(text, limits, (element, span) => spans.set(element, span));
  return { text, root, spans };
}

/** @param namespace what unprefixed names of elements are in */
export function selectNode(document: XcapDocument, selector: NodeSelector, namespace: string): Selected | null {
  const element = selectElement(document, selector, selector.steps, namespace);
  if (element === null || typeof selector.terminal === 'string') return element === null ? null : { element, attribute: null };
  const attribute = rawAttribute(document, element, expand(selector, selector.terminal.attribute, ''));
  return attribute === null ? null : { element, attribute };
}

/** The element as it is written, without what its ancestors declare (RFC 4825 section 8.3). */
export function writtenElement({ text, spans }: XcapDocument, element: XmlElement): string {
  const span = spans.get(element);
  return span === undefined ? '' : text.slice(span.from, span.to);
}

/** An empty element of the same name that declares what is in scope (RFC 4825 section 10). */
export function writtenNamespaces(document: XcapDocument, element: XmlElement): string {
  const own = document.spans.get(element);
  if (own === undefined) return '';
  const scope = new Map<string, string>();
  const around = [...document.spans]
    .filter(([, span]) => span.from <= own.from && span.to >= own.to)
    .sort(([, a], [, b]) => a.from - b.from);
  for (const [each] of around) {
    for (const { name, value } of tagAttributes(document, each)) if (isDeclaration(name)) scope.set(name, value);
  }
  const name = /^<([^\s/>]+)/.exec(document.text.slice(own.from, own.inner))?.[1] ?? '';
  return `<${[name, ...[...scope].map(([declared, value]) => `${declared}=${value}`)].join(' ')}/>`;
}

/**
 * PUT of an element (RFC 4825 sections 8.2.2 to 8.2.4).
 * @throws XcapRefusal when it cannot be done
 */
export function putElement(document: XcapDocument, selector: NodeSelector, namespace: string, body: string): Changed {
  const fragment = body.replace(/\r\n?/g, '\n').trim();
  const there = selectNode(document, selector, namespace);
  const place: Place = there === null ? insertion(document, selector, namespace) : spanOf(document, there.element);
  const opened = place.open ?? '';
  const text = `${document.text.slice(0, place.from)}${opened}${fragment}${place.close ?? ''}${document.text.slice(place.to)}`;
  const after = reread(text, 'not-xml-frag');
  const put = selectNode(after, selector, namespace);
  const span = put === null ? undefined : after.spans.get(put.element);
  const begins = place.from + opened.length;
  const isOneElement = [...after.spans.values()].some(({ from, to }) => from === begins && to === begins + fragment.length);
  if (!isOneElement) throw new XcapRefusal({ kind: 'not-xml-frag' });
  if (span?.from !== begins) throw new XcapRefusal({ kind: 'cannot-insert' });
  return { text, isNew: there === null };
}

/** PUT of an attribute; the body is a value in quotes. @throws XcapRefusal */
export function putAttribute(document: XcapDocument, selector: NodeSelector, namespace: string, body: string): Changed {
  const value = body.trim();
  if (!isAttributeValue(value) || typeof selector.terminal === 'string') throw new XcapRefusal({ kind: 'not-xml-att-value' });
  const there = selectNode(document, selector, namespace);
  const element = selectElement(document, selector, selector.steps, namespace);
  if (element === null) throw new XcapRefusal({ kind: 'no-parent' });
  const { prefix, local } = selector.terminal.attribute;
  const span = spanOf(document, element);
  const tag = document.text.slice(span.from, span.inner);
  const end = span.from + (/^<[^\s/>]+/.exec(tag)?.[0].length ?? 0);
  const written = `${prefix === '' ? '' : `${prefix}:`}${local}=${value}`;
  const text =
    there?.attribute === null || there === null
      ? `${document.text.slice(0, end)} ${written}${document.text.slice(end)}`
      : `${document.text.slice(0, there.attribute.to - there.attribute.value.length)}${value}${document.text.slice(there.attribute.to)}`;
  const put = selectNode(reread(text, 'cannot-insert'), selector, namespace);
  if (put?.attribute?.value !== value) throw new XcapRefusal({ kind: 'cannot-insert' });
  return { text, isNew: there === null };
}

/** DELETE of an element or attribute; white space around it stays. @returns null when there is nothing to delete @throws XcapRefusal */
export function deleteNode(document: XcapDocument, selector: NodeSelector, namespace: string): string | null {
  const there = selectNode(document, selector, namespace);
  if (there === null) return null;
  const { from, to } = there.attribute ?? spanOf(document, there.element);
  const text = document.text.slice(0, from) + document.text.slice(to);
  if (there.attribute === null && there.element === document.root) throw new XcapRefusal({ kind: 'cannot-delete' });
  if (selectNode(reread(text, 'cannot-delete'), selector, namespace) !== null) throw new XcapRefusal({ kind: 'cannot-delete' });
  return text;
}

/** A change that was not made. */
export class XcapRefusal extends Error {
  readonly conflict: XcapConflict;

  constructor(conflict: XcapConflict) {
    super(conflict.kind);
    this.conflict = conflict;
  }
}

function reread(text: string, kind: 'not-xml-frag' | 'cannot-insert' | 'cannot-delete'): XcapDocument {
  try {
    return decodeXcapDocument(text);
  } catch (thrown) {
    if (thrown instanceof ParleyError && thrown.code === 'xml.malformed') throw new XcapRefusal({ kind });
    throw thrown;
  }
}

function selectElement(document: XcapDocument, selector: NodeSelector, steps: readonly XcapStep[], namespace: string): XmlElement | null {
  let among: readonly XmlElement[] = [document.root];
  let element: XmlElement | null = null;
  for (const step of steps) {
    const found = matching(selector, step, among, namespace);
    [element = null] = found;
    if (element === null || found.length > 1) return null;
    among = element.children;
  }
  return element;
}

function matching(selector: NodeSelector, step: XcapStep, among: readonly XmlElement[], namespace: string): XmlElement[] {
  let found = named(selector, step, among, namespace);
  if (step.position !== null) found = found.slice(step.position - 1, step.position);
  const { attribute } = step;
  if (attribute === null) return found;
  const wanted = expand(selector, attribute.name, '');
  return found.filter(({ attributes }) =>
    attributes.some(({ namespace: uri, name, value }) => uri === wanted.namespace && name === wanted.local && value === attribute.value),
  );
}

function named(selector: NodeSelector, { name }: XcapStep, among: readonly XmlElement[], namespace: string): XmlElement[] {
  if (name === null) return [...among];
  const wanted = expand(selector, name, namespace);
  return among.filter((element) => element.name === wanted.local && element.namespace === wanted.namespace);
}

function expand({ namespaces }: NodeSelector, { prefix, local }: XcapName, fallback: string): { namespace: string; local: string } {
  return { namespace: prefix === '' ? fallback : (namespaces.get(prefix) ?? ''), local };
}

interface Place {
  readonly from: number;
  readonly to: number;
  /** to be written around what is inserted: the parent had no tag for its end */
  readonly open?: string;
  readonly close?: string;
}

/** Where a new element goes (RFC 4825 section 8.2.3). @throws XcapRefusal */
function insertion(document: XcapDocument, selector: NodeSelector, namespace: string): Place {
  const step = selector.steps.at(-1);
  const parent = selectElement(document, selector, selector.steps.slice(0, -1), namespace);
  if (step === undefined || parent === null) throw new XcapRefusal({ kind: 'no-parent' });
  const { children } = parent;
  const alike = named(selector, step, children, namespace);
  const before = (element: XmlElement): Place => at(spanOf(document, element).from);
  const after = (element: XmlElement): Place => at(spanOf(document, element).to);
  const { position } = step;
  const [first] = alike;
  if (position === null || (position === 1 && first === undefined)) {
    const last = alike.at(-1);
    // a wildcard is no name that others could have: the last of all
    return last === undefined || step.name === null ? lastIn(document, parent) : after(last);
  }
  if (position === 1) return before(first as XmlElement);
  const previous = alike[position - 2];
  if (previous === undefined) throw new XcapRefusal({ kind: 'cannot-insert' });
  return after(previous);
}

function lastIn(document: XcapDocument, parent: XmlElement): Place {
  const { from, inner, to } = spanOf(document, parent);
  if (inner !== to) return at(document.text.lastIndexOf('<', to - 1));
  const tag = document.text.slice(from, inner);
  const name = /^<([^\s/>]+)/.exec(tag)?.[1] ?? '';
  return { from: to - 2, to, open: '>', close: `</${name}>` };
}

function at(index: number): Place {
  return { from: index, to: index };
}

function spanOf(document: XcapDocument, element: XmlElement): XmlSpan {
  const span = document.spans.get(element);
  if (span === undefined) throw new TypeError('an element of another document');
  return span;
}

function rawAttribute(document: XcapDocument, element: XmlElement, wanted: { namespace: string; local: string }): RawAttribute | null {
  const index = element.attributes.findIndex(({ namespace, name }) => namespace === wanted.namespace && name === wanted.local);
  // the reader gives them in the order in which they are written
  return index < 0 ? null : (tagAttributes(document, element).filter(({ name }) => !isDeclaration(name))[index] ?? null);
}

function tagAttributes(document: XcapDocument, element: XmlElement): (RawAttribute & { readonly name: string })[] {
  const { from, inner } = spanOf(document, element);
  const tag = document.text.slice(from, inner);
  return [...tag.matchAll(/\s+([^\s=]+)\s*=\s*("[^"]*"|'[^']*')/g)].map((match) => {
    const [whole, name = '', value = ''] = match;
    return { name, value, from: from + match.index, to: from + match.index + whole.length };
  });
}

function isDeclaration(name: string): boolean {
  return name === 'xmlns' || name.startsWith('xmlns:');
}

function isAttributeValue(text: string): boolean {
  if (!/^(?:"[^"<]*"|'[^'<]*')$/.test(text)) return false;
  try {
    decodeReferences(text.slice(1, -1));
    return true;
  } catch {
    return false;
  }
}
