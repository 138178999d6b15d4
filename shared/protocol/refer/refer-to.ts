import { ParleyError } from '../../base/errors.ts';
import { decodeNameAddr } from '../sip/name-addr.ts';
import { isToken } from '../sip/text.ts';

/** What a Refer-To (RFC 3515), or an entry of a list that a server is to act on (RFC 5366, RFC 5368), asks for. */
export interface Referred {
  /** whom it is for: the URI without method and headers, otherwise as written */
  readonly uri: string;
  /** in capitals; null where none is said, which means INVITE */
  readonly method: string | null;
  /** for the request that is made, values without escapes */
  readonly headers: readonly ReferredHeader[];
}

export interface ReferredHeader {
  readonly name: string;
  readonly value: string;
}

/** the header whose value is the Contribution-ID of the session that a new one takes the place of; the seed calls it CPM-Replaces (cpm.md section 8.6) */
const SESSION_REPLACES = 'Session-Replaces';
const CPM_REPLACES = 'CPM-Replaces';

const MAX_URI = 4096;
const MAX_HEADERS = 32;

/**
 * A URI with a method and headers. By the grammar of RFC 3261 the method is a parameter (`;method=BYE`); the example of RFC 5368 has it among the
 * headers (`?method=BYE`), which is read too.
 * @throws ParleyError `sip.malformed`
 */
export function decodeReferred(text: string): Referred {
  if (text.length > MAX_URI || !/^[a-z][a-z0-9+\-.]*:[^\s<>"]+$/i.test(text)) throw new ParleyError('sip.malformed', 'no URI to refer to');
  // what stands before the host of a SIP URI may hold `;` and `?`
  const host = /^sips?:/i.test(text) ? text.indexOf('@') + 1 : 0;
  const question = text.indexOf('?', host);
  const end = question < 0 ? text.length : question;
  const listed = question < 0 ? [] : headersOf(text.slice(question + 1));
  const parameters = text.slice(host, end).split(';');
  const methods = parameters.filter((each, at) => at > 0 && /^method=/i.test(each)).map((each) => each.slice('method='.length));
  methods.push(...listed.filter(isMethod).map(({ value }) => value));
  const [method = null] = methods;
  if (method !== null && !isToken(method)) throw new ParleyError('sip.malformed', 'a method that is none');
  const rest = parameters.filter((each, at) => at === 0 || !/^method=/i.test(each)).join(';');
  return {
    uri: `${text.slice(0, host)}${rest}`,
    method: method?.toUpperCase() ?? null,
    headers: listed.filter((header) => !isMethod(header)),
  };
}

/** The method as a parameter. @throws ParleyError `sip.malformed` for a URI that has headers itself, or is none */
export function encodeReferred({ uri, method, headers }: Referred): string {
  const written = headers.map(({ name, value }) => `${escapeHeader(name)}=${escapeHeader(value)}`).join('&');
  const text = `${uri}${method === null ? '' : `;method=${method}`}${written === '' ? '' : `?${written}`}`;
  const read = decodeReferred(text);
  if (read.uri !== uri || read.method !== method || read.headers.length !== headers.length)
    throw new ParleyError('sip.malformed', 'a URI that takes no method or headers');
  return text;
}

/** The Contribution-ID of the session that is to be replaced, or null. */
export function replacedSession(headers: readonly ReferredHeader[]): string | null {
  for (const wanted of [SESSION_REPLACES, CPM_REPLACES]) {
    const found = headers.find(({ name }) => name.toLowerCase() === wanted.toLowerCase())?.value.trim();
    if (found) return found;
  }
  return null;
}

/** The peer of a 1-1 session as an entry of the list that extends it (F09-01). @param gruu of his device @param contributionId of that session */
export function replacingEntry(gruu: string, contributionId: string): string {
  return encodeReferred({ uri: gruu, method: null, headers: [{ name: SESSION_REPLACES, value: contributionId }] });
}

/** Value of Refer-To: `<sip:dave@home2.example;method=BYE>`. @throws ParleyError `sip.malformed` */
export function encodeReferTo(referred: Referred): string {
  return `<${encodeReferred(referred)}>`;
}

/** @throws ParleyError `sip.malformed` */
export function decodeReferTo(value: string): Referred {
  return decodeReferred(decodeNameAddr(value).uri);
}

/** Content-ID of the part with the list that a Refer-To points to, without brackets (`<cid:…>`, RFC 2392); null where it names somebody. */
export function referredPart({ uri }: Pick<Referred, 'uri'>): string | null {
  return /^cid:(.+)$/i.exec(uri)?.[1] ?? null;
}

/** Refer-Sub (RFC 4488): whether there is a subscription to how it goes. Without a word there is. */
export function readReferSub(value: string | null): boolean {
  return !/^\s*false\s*(;|$)/i.test(value ?? '');
}

function headersOf(text: string): ReferredHeader[] {
  const pairs = text.split('&').filter((each) => each !== '');
  if (pairs.length > MAX_HEADERS) throw new ParleyError('sip.malformed', `more than ${MAX_HEADERS} headers in a URI`);
  return pairs.map((each) => {
    const equals = each.indexOf('=');
    const name = unescaped(equals < 0 ? each : each.slice(0, equals));
    if (!isToken(name)) throw new ParleyError('sip.malformed', 'a header of a URI without a name');
    return { name, value: equals < 0 ? '' : unescaped(each.slice(equals + 1)) };
  });
}

function isMethod({ name }: ReferredHeader): boolean {
  return name.toLowerCase() === 'method';
}

/** An escape that is none stays as it is. */
function unescaped(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** All but unreserved and hnv-unreserved (RFC 3261 section 25.1). */
function escapeHeader(text: string): string {
  return encodeURIComponent(text).replace(/%(5B|5D|2F|3F|3A|2B|24)/g, (octet) => decodeURIComponent(octet));
}
