import { decodeParams, encodeParams, hasParam, type Params, paramValue } from './params.ts';
import { malformed } from './text.ts';

/** `sip:` or `sips:` of RFC 3261 section 19.1. User, parameters and headers are as on the wire (escapes kept); the host in lower case. */
export interface SipUri {
  readonly scheme: 'sip' | 'sips';
  readonly user: string | null;
  readonly password: string | null;
  /** name, IPv4, or IPv6 in its brackets */
  readonly host: string;
  readonly port: number | null;
  readonly parameters: Params;
  /** what follows `?`, or null */
  readonly headers: string | null;
}

const SIP_URI =
  /^(sips?):(?:([^@:\s<>"]+)(?::([^@\s<>"]*))?@)?(\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9\-._]*[a-z0-9.])?)(?::([0-9]{1,5}))?(;[^?]*)?(?:\?(.*))?$/is;

/** @throws ParleyError `sip.malformed` when the text is no SIP or SIPS URI */
export function decodeSipUri(text: string): SipUri {
  const found = text.length <= 4096 ? SIP_URI.exec(text) : null;
  if (found === null || /[\s<>"]/.test(text)) throw malformed('not a SIP URI');
  const port = found[5] === undefined ? null : Number(found[5]);
  if (port !== null && port > 65_535) throw malformed('a port beyond 65535');
  return {
    scheme: (found[1] as string).toLowerCase() as 'sip' | 'sips',
    user: found[2] ?? null,
    password: found[3] ?? null,
    host: (found[4] as string).toLowerCase(),
    port,
    parameters: found[6] === undefined ? [] : decodeParams(found[6]),
    headers: found[7] ?? null,
  };
}

export function encodeSipUri(uri: SipUri): string {
  const user = uri.user === null ? '' : `${uri.user}${uri.password === null ? '' : `:${uri.password}`}@`;
  const port = uri.port === null ? '' : `:${uri.port}`;
  const headers = uri.headers === null ? '' : `?${uri.headers}`;
  return `${uri.scheme}:${user}${uri.host}${port}${encodeParams(uri.parameters)}${headers}`;
}

/** Null instead of an error: for URIs that may well be of another scheme (tel, cid, urn …). */
export function trySipUri(text: string): SipUri | null {
  try {
    return decodeSipUri(text);
  } catch {
    return null;
  }
}

/** The scheme of any URI in lower case. @throws ParleyError `sip.malformed` when there is none */
export function uriScheme(text: string): string {
  const found = /^([a-z][a-z0-9+\-.]*):/i.exec(text);
  if (found === null) throw malformed('a URI has no scheme');
  return (found[1] as string).toLowerCase();
}

/** Undoes %-escapes of a user part; an escape that is none stays as it is (RFC 4475 section 3.1.1.5 has such). */
export function unescapeUser(user: string): string {
  if (!user.includes('%')) return user;
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}

/** A user part as `sip:` needs it: all but unreserved and user-unreserved characters escaped (RFC 3261 section 25.1). */
export function escapeUser(user: string): string {
  return encodeURIComponent(user).replace(/%(26|3D|2B|24|2C|3B|3F|2F)/g, (octet) => decodeURIComponent(octet));
}

/** The address-of-record: `sip:user@host` without port, parameters and headers, escapes undone where that is the same. */
export function addressOfRecord(uri: SipUri): string {
  return `sip:${uri.user === null ? '' : `${escapeUser(unescapeUser(uri.user))}@`}${uri.host}`;
}

/** The `gr` parameter: its value for a public GRUU, '' for a temporary one, null for no GRUU (RFC 5627 section 4). */
export function gruuInstance(uri: SipUri): string | null {
  return paramValue(uri.parameters, 'gr');
}

/** RFC 3261 section 19.1.4 */
export function sameSipUri(a: SipUri, b: SipUri): boolean {
  if (a.scheme !== b.scheme || a.host !== b.host || a.port !== b.port) return false;
  if ((a.user === null) !== (b.user === null) || unescapeUser(a.user ?? '') !== unescapeUser(b.user ?? '')) return false;
  if (a.password !== b.password || a.headers !== b.headers) return false;
  for (const { name } of a.parameters) {
    // the first of that name on both sides: a second one is an error that somebody else made
    const [own, other] = [paramValue(a.parameters, name), paramValue(b.parameters, name)];
    if (other === null ? DECIDING.has(name.toLowerCase()) : other.toLowerCase() !== own?.toLowerCase()) return false;
  }
  return b.parameters.every(({ name }) => !DECIDING.has(name.toLowerCase()) || hasParam(a.parameters, name));
}

/** a parameter that decides even when only one of the URIs has it; `gr` by RFC 5627 section 4.5 */
const DECIDING = new Set(['user', 'ttl', 'method', 'maddr', 'transport', 'gr']);
