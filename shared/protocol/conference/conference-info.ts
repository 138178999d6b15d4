import { utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { attributeValue, childElement, decodeXml, escapeXml, type XmlElement, type XmlLimits } from '../xml/xml.ts';
import {
  type ConferenceEndpoint,
  type ConferenceInfo,
  type ConferenceUser,
  DISCONNECTION_METHODS,
  ENDPOINT_STATUSES,
  JOINING_METHODS,
  type PartState,
} from './conference.ts';

export const CONFERENCE_INFO_TYPE = 'application/conference-info+xml';

const NAMESPACE = 'urn:ietf:params:xml:ns:conference-info';
/** 32 bits (RFC 4575 section 4.3) */
const MAX_VERSION = 0xffff_ffff;
const MAX_URI = 1024;
/** what is shown of them, in UTF-16 code units; a focus may write what it likes */
const LONGEST_NAME = 500;
const LONGEST_SUBJECT = 1000;
const LONGEST_REASON = 500;
/** of one user, more than anybody has of devices or offices */
const MOST_PARTS = 64;

/** 5000 users with a name, a device and all that is told of it. */
export const CONFERENCE_LIMITS: Partial<XmlLimits> = { maxOctets: 4_194_304, maxDepth: 16, maxElements: 59_000 };

/**
 * The state of a conference (RFC 4575). Elements it does not know are skipped, prefixes are free; a user without a URI by which he could be known
 * is left out, and of one who is told of twice the last counts.
 * @throws ParleyError `xml.malformed`, `xml.too-large`
 */
export function decodeConferenceInfo(octets: Uint8Array, limits: Partial<XmlLimits> = CONFERENCE_LIMITS): ConferenceInfo {
  const root = decodeXml(octets, limits);
  if (root.name !== 'conference-info' || root.namespace !== NAMESPACE)
    throw new ParleyError('xml.malformed', `root element ${root.name.slice(0, 100)}`);
  const entity = entityOf(root);
  if (entity === null) throw new ParleyError('xml.malformed', 'no usable URI of the conference');
  const description = child(root, 'conference-description');
  const state = child(root, 'conference-state');
  const users = child(root, 'users');
  return {
    entity,
    state: stateOf(root),
    version: versionOf(root),
    subject: textOf(description, 'subject', LONGEST_SUBJECT),
    maximumUserCount: countOf(description, 'maximum-user-count'),
    userCount: countOf(state, 'user-count'),
    active: booleanOf(state, 'active'),
    users: users === null ? null : { state: stateOf(users), list: usersOf(users) },
  };
}

/** In the shape of F07-06. @throws ParleyError `xml.malformed` for a URI that no document could carry, or a version beyond 32 bits */
export function encodeConferenceInfo(info: ConferenceInfo): Uint8Array {
  const { entity, state, version, subject, maximumUserCount, userCount, active, users } = info;
  if (!(Number.isInteger(version) && version >= 0 && version <= MAX_VERSION)) throw new ParleyError('xml.malformed', `version ${version}`);
  return utf8(
    [
      '<?xml version="1.0" encoding="UTF-8"?>',
      `<conference-info xmlns="${NAMESPACE}"`,
      `                 entity="${usable(entity)}" state="${state}" version="${version}">`,
      ...group(
        'conference-description',
        leaf('subject', subject),
        leaf('maximum-user-count', maximumUserCount === null ? null : String(maximumUserCount)),
      ),
      ...group(
        'conference-state',
        leaf('user-count', userCount === null ? null : String(userCount)),
        leaf('active', active === null ? null : String(active)),
      ),
      ...(users === null ? [] : [`  <users state="${users.state}">`, ...users.list.flatMap(encodeUser), '  </users>']),
      '</conference-info>',
      '',
    ].join('\r\n'),
  );
}

function usersOf(users: XmlElement): ConferenceUser[] {
  const found = new Map<string, ConferenceUser>();
  for (const element of users.children) {
    if (element.name !== 'user' || element.namespace !== NAMESPACE) continue;
    const entity = entityOf(element);
    if (entity !== null) found.set(entity, userOf(entity, element));
  }
  return [...found.values()];
}

function userOf(entity: string, element: XmlElement): ConferenceUser {
  const roles = child(element, 'roles')?.children.filter((each) => each.name === 'entry' && each.namespace === NAMESPACE) ?? [];
  const endpoints = element.children.filter((each) => each.name === 'endpoint' && each.namespace === NAMESPACE);
  return {
    entity,
    state: stateOf(element),
    displayText: textOf(element, 'display-text', LONGEST_NAME),
    isOwn: /^(true|1)$/.test(attributeValue(element, 'yourown')?.trim() ?? ''),
    roles: roles
      .slice(0, MOST_PARTS)
      .map(({ text }) => cut(text, LONGEST_NAME))
      .filter((role) => role !== ''),
    endpoints: endpoints.slice(0, MOST_PARTS).map(endpointOf),
  };
}

function endpointOf(element: XmlElement): ConferenceEndpoint {
  const disconnection = child(element, 'disconnection-info');
  return {
    entity: entityOf(element),
    state: stateOf(element),
    status: oneOf(element, 'status', ENDPOINT_STATUSES),
    joiningMethod: oneOf(element, 'joining-method', JOINING_METHODS),
    disconnectionMethod: oneOf(element, 'disconnection-method', DISCONNECTION_METHODS),
    disconnectionReason: textOf(disconnection, 'reason', LONGEST_REASON),
  };
}

function encodeUser({ entity, state, displayText, isOwn, roles, endpoints }: ConferenceUser): string[] {
  const inner = [
    ...leaf('display-text', displayText, '      '),
    ...(roles.length === 0 ? [] : ['      <roles>', ...roles.flatMap((role) => leaf('entry', role, '        ')), '      </roles>']),
    ...endpoints.flatMap(encodeEndpoint),
  ];
  const tag = `    <user entity="${usable(entity)}" state="${state}"${isOwn ? ' yourown="true"' : ''}`;
  return inner.length === 0 ? [`${tag}/>`] : [`${tag}>`, ...inner, '    </user>'];
}

function encodeEndpoint(endpoint: ConferenceEndpoint): string[] {
  const { entity, state, status, joiningMethod, disconnectionMethod, disconnectionReason } = endpoint;
  const inner = [
    ...leaf('status', status, '        '),
    ...leaf('joining-method', joiningMethod, '        '),
    ...leaf('disconnection-method', disconnectionMethod, '        '),
    ...(disconnectionReason === null
      ? []
      : ['        <disconnection-info>', ...leaf('reason', disconnectionReason, '          '), '        </disconnection-info>']),
  ];
  // full is what it is without a word
  const tag = `      <endpoint${entity === null ? '' : ` entity="${usable(entity)}"`}${state === 'full' ? '' : ` state="${state}"`}`;
  return inner.length === 0 ? [`${tag}/>`] : [`${tag}>`, ...inner, '      </endpoint>'];
}

function group(name: string, ...lines: readonly string[][]): string[] {
  const inner = lines.flat();
  return inner.length === 0 ? [] : [`  <${name}>`, ...inner, `  </${name}>`];
}

function leaf(name: string, value: string | null, indent = '    '): string[] {
  return value === null ? [] : [`${indent}<${name}>${escapeText(value)}</${name}>`];
}

/** Quotes stay as they are, as in F07-08. */
function escapeText(text: string): string {
  return escapeXml(text).replaceAll('&quot;', '"').replaceAll('&apos;', "'");
}

function child(parent: XmlElement, name: string): XmlElement | null {
  return childElement(parent, NAMESPACE, name);
}

/** Byte for byte as written: it is a key (RFC 4575 section 4.4). */
function entityOf(element: XmlElement): string | null {
  const entity = attributeValue(element, 'entity') ?? '';
  return isUsable(entity) ? entity : null;
}

function isUsable(uri: string): boolean {
  return uri !== '' && uri.length <= MAX_URI && !/[\s\p{Cc}]/u.test(uri);
}

function usable(uri: string): string {
  if (!isUsable(uri)) throw new ParleyError('xml.malformed', `a URI of none or more than ${MAX_URI} characters, or with spaces`);
  return escapeXml(uri);
}

/** RFC 4575 section 4.4: without a word it is the whole. */
function stateOf(element: XmlElement): PartState {
  const state = attributeValue(element, 'state')?.trim().toLowerCase();
  return state === 'partial' || state === 'deleted' ? state : 'full';
}

function versionOf(root: XmlElement): number {
  const version = numberOf(attributeValue(root, 'version'));
  if (version === null) throw new ParleyError('xml.malformed', 'no usable version');
  return version;
}

function numberOf(text: string | null | undefined): number | null {
  const number = Number(/^\d{1,10}$/.exec(text?.trim() ?? '')?.[0] ?? 'NaN');
  return number <= MAX_VERSION ? number : null;
}

function countOf(parent: XmlElement | null, name: string): number | null {
  return parent === null ? null : numberOf(child(parent, name)?.text);
}

function booleanOf(parent: XmlElement | null, name: string): boolean | null {
  const text = parent === null ? '' : (child(parent, name)?.text.trim() ?? '');
  return /^(true|1)$/.test(text) ? true : /^(false|0)$/.test(text) ? false : null;
}

function textOf(parent: XmlElement | null, name: string, longest: number): string | null {
  return parent === null ? null : cut(child(parent, name)?.text ?? '', longest) || null;
}

/** Without spaces around it, and without half a character at its end. */
function cut(text: string, longest: number): string {
  const trimmed = text.trim();
  return trimmed.length <= longest
    ? trimmed
    : trimmed
        .slice(0, longest)
        .replace(/[\ud800-\udbff]$/, '')
        .trimEnd();
}

function oneOf<T extends string>(element: XmlElement, name: string, words: readonly T[]): T | null {
  const text = child(element, name)?.text.trim().toLowerCase();
  return words.find((word) => word === text) ?? null;
}
