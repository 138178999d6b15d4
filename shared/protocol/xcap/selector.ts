import { ParleyError } from '../../base/errors.ts';
import { escapeXml } from '../xml/xml.ts';

/** between the document and what is meant inside of it (RFC 4825 section 6) */
const SEPARATOR = '~~';
const MAX_TARGET = 8192;
const MAX_STEPS = 32;
const NAME = String.raw`[\p{L}_][\p{L}\p{N}\p{M}._\u00b7-]*`;
const QNAME = new RegExp(`^(?:(${NAME}):)?(${NAME})$`, 'u');

/** A name of an element or attribute as a selector has it; an unprefixed one has the prefix ''. */
export interface XcapName {
  readonly prefix: string;
  readonly local: string;
}

/** One step of a node selector: `list[2][@name="friends"]`. */
export interface XcapStep {
  /** null stands for `*` */
  readonly name: XcapName | null;
  /** from 1 */
  readonly position: number | null;
  readonly attribute: { readonly name: XcapName; readonly value: string } | null;
}

export interface NodeSelector {
  readonly steps: readonly XcapStep[];
  /** what is meant of the last step's element: itself, one of its attributes, or what its prefixes stand for */
  readonly terminal: 'element' | 'namespaces' | { readonly attribute: XcapName };
  /** prefixes of the query: prefix to URI */
  readonly namespaces: ReadonlyMap<string, string>;
}

/** What a request is about: `/auid/users/xui/name…` below the root, and what of that document (RFC 4825 section 6). */
export interface XcapTarget {
  /** application usage, for example `resource-lists` */
  readonly auid: string;
  /** null for the global tree */
  readonly user: string | null;
  /** name of the document below the user's home directory */
  readonly document: string;
  /** null: the whole document */
  readonly node: NodeSelector | null;
}

/**
 * Reads the Request-URI of HTTP, path and query, below the XCAP root; percent-encoding is undone.
 * @throws ParleyError `request.invalid` for what is no address of a document or of a node
 */
export function decodeXcapTarget(target: string): XcapTarget {
  if (target.length > MAX_TARGET) throw invalid('too long');
  const [path = '', query = ''] = split(target, '?');
  if (!path.startsWith('/')) throw invalid('not a path');
  const segments = path.slice(1).split('/');
  const at = segments.indexOf(SEPARATOR);
  const place = (at < 0 ? segments : segments.slice(0, at)).map(decodeEscapes);
  if (place.some((segment) => segment === '' || segment === '.' || segment === '..')) throw invalid('an empty segment');
  const [auid = '', tree, ...rest] = place;
  const user = tree === 'users' ? (rest.shift() ?? null) : null;
  if (tree !== 'global' && (tree !== 'users' || user === null)) throw invalid('neither the users nor the global tree');
  if (rest.length === 0) throw invalid('no document');
  // a slash in a value may be escaped or not (RFC 3986 section 3.3 allows both), so the steps are told apart after decoding
  const selector = at < 0 ? null : decodeEscapes(segments.slice(at + 1).join('/'));
  return { auid, user, document: rest.join('/'), node: selector === null ? null : decodeNode(selector, namespaces(decodeEscapes(query))) };
}

/** The reverse of {@link decodeXcapTarget}: what follows the root in a Request-URI. */
export function encodeXcapTarget({ auid, user, document, node }: XcapTarget): string {
  const place = [auid, ...(user === null ? ['global'] : ['users', user]), ...document.split('/')].map(encodeEscapes);
  if (node === null) return `/${place.join('/')}`;
  const steps = node.steps.map(encodeStep);
  if (node.terminal === 'namespaces') steps.push('namespace::*');
  else if (node.terminal !== 'element') steps.push(`@${encodeName(node.terminal.attribute)}`);
  const query = [...node.namespaces].map(([prefix, uri]) => encodeEscapes(`xmlns(${prefix}=${uri.replace(/[\^()]/g, '^$&')})`)).join('');
  return `/${place.join('/')}/${SEPARATOR}/${steps.map(encodeEscapes).join('/')}${query === '' ? '' : `?${query}`}`;
}

/** A step or more below the root, each by its name, and by an attribute where there are several. */
export function xcapElement(...steps: readonly (string | readonly [name: string, attribute: string, value: string])[]): NodeSelector {
  const named = (local: string): XcapName => ({ prefix: '', local });
  return {
    steps: steps.map((step): XcapStep => {
      if (typeof step === 'string') return { name: named(step), position: null, attribute: null };
      const [name, attribute, value] = step;
      return { name: named(name), position: null, attribute: { name: named(attribute), value } };
    }),
    terminal: 'element',
    namespaces: new Map(),
  };
}

function decodeNode(text: string, bound: ReadonlyMap<string, string>): NodeSelector {
  const parts = splitSteps(text);
  const last = parts.at(-1) ?? '';
  const terminal = last === 'namespace::*' ? 'namespaces' : last.startsWith('@') ? { attribute: decodeName(last.slice(1)) } : 'element';
  const steps = (terminal === 'element' ? parts : parts.slice(0, -1)).map(decodeStep);
  if (steps.length === 0 || steps.length > MAX_STEPS) throw invalid(`${steps.length} steps`);
  const selector: NodeSelector = { steps, terminal, namespaces: bound };
  for (const { prefix } of namesIn(selector)) if (prefix !== '' && !bound.has(prefix)) throw invalid('a prefix that stands for nothing');
  return selector;
}

function namesIn({ steps, terminal }: NodeSelector): XcapName[] {
  const names = steps.flatMap(({ name, attribute }) => [...(name === null ? [] : [name]), ...(attribute === null ? [] : [attribute.name])]);
  return typeof terminal === 'string' ? names : [...names, terminal.attribute];
}

/** At each slash that is in no quoted value. */
function splitSteps(text: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let quote: string | null = null;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote !== null) quote = character === quote ? null : quote;
    else if (character === '"' || character === "'") quote = character;
    else if (character === '/') {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

/** `name`, `name[2]`, `name[@a="v"]` or `name[2][@a="v"]` */
function decodeStep(text: string): XcapStep {
  const [, name = '', position, test] = /^([^[\]]*)(?:\[(\d{1,6})\])?(?:\[@([\s\S]*)\])?$/.exec(text) ?? [];
  if (name === '' || position === '0') throw invalid('a step that is none');
  const [, attribute = '', value = ''] = /^([^=]*)=("[^"<]*"|'[^'<]*')$/.exec(test ?? '') ?? [];
  if (test !== undefined && attribute === '') throw invalid('a test that is none');
  return {
    name: name === '*' ? null : decodeName(name),
    position: position === undefined ? null : Number(position),
    attribute: test === undefined ? null : { name: decodeName(attribute), value: decodeReferences(value.slice(1, -1)) },
  };
}

function decodeName(text: string): XcapName {
  const [, prefix = '', local = ''] = QNAME.exec(text) ?? [];
  if (local === '') throw invalid('a name that is none');
  return { prefix, local };
}

function encodeName({ prefix, local }: XcapName): string {
  return prefix === '' ? local : `${prefix}:${local}`;
}

function encodeStep({ name, position, attribute }: XcapStep): string {
  const test = attribute === null ? '' : `[@${encodeName(attribute.name)}="${escapeXml(attribute.value)}"]`;
  return `${name === null ? '*' : encodeName(name)}${position === null ? '' : `[${position}]`}${test}`;
}

/** What a value of AttValue means (XML 1.0 sections 2.3, 3.3.3). @throws ParleyError `request.invalid` */
export function decodeReferences(text: string): string {
  return text.replace(/[\t\n\r]/g, ' ').replace(/&([^;&]{0,10});|&/g, (_, name: string | undefined) => {
    const number = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(name ?? '');
    const code = number === null ? null : number[1] === undefined ? Number(number[2]) : Number.parseInt(number[1], 16);
    const character = code === null ? ENTITIES.get(name ?? '') : isCharacter(code) ? String.fromCodePoint(code) : undefined;
    if (character === undefined) throw invalid('a reference that is none');
    return character;
  });
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** XML 1.0 section 2.2 */
function isCharacter(code: number): boolean {
  return (
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff) ||
    [9, 10, 13].includes(code)
  );
}

/** The xmlns() parts of an xpointer expression; parts of other schemes are skipped (RFC 4825 section 6.4). */
function namespaces(query: string): Map<string, string> {
  const bound = new Map<string, string>();
  for (const [, scheme, data = ''] of query.matchAll(/([\w:.-]+)\(((?:\^[\s\S]|[^^()])*)\)\s*/g)) {
    const [, prefix = '', uri = ''] = /^\s*([^=\s]+)\s*=\s*([\s\S]*)$/.exec(data) ?? [];
    if (scheme === 'xmlns' && QNAME.test(prefix) && !prefix.includes(':')) bound.set(prefix, uri.replace(/\^([\s\S])/g, '$1'));
  }
  return bound;
}

function split(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}

function decodeEscapes(text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw invalid('not UTF-8 in percent-encoding');
  }
  if (/[\p{Cc}\ufffe\uffff]/u.test(decoded.replace(/[\t\n\r]/g, ' '))) throw invalid('a character that no document has');
  return decoded;
}

/** What pchar allows stands as it is (RFC 3986 section 3.3), but for the apostrophe, which delimits values. */
function encodeEscapes(text: string): string {
  return encodeURIComponent(text)
    .replace(/%(?:3A|40|24|2C|3B|3D|2B)/g, decodeURIComponent)
    .replace(/'/g, '%27');
}

function invalid(what: string): ParleyError {
  return new ParleyError('request.invalid', `XCAP address: ${what}`);
}
