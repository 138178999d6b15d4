import { NO_BYTES, utf8 } from '../../base/bytes.ts';
import { endOfQuoted, isToken, malformed, quote, unquote } from './text.ts';

/** Strongest first (RFC 8760 section 2.1). */
export const DIGEST_ALGORITHMS = ['SHA-512-256', 'SHA-256', 'MD5'] as const;
export type DigestHash = (typeof DIGEST_ALGORITHMS)[number];

/** WWW-Authenticate and Proxy-Authenticate with scheme Digest (RFC 7616 section 3.3). */
export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | null;
  readonly stale: boolean;
  /** as on the wire; `MD5` when the field was not there */
  readonly algorithm: string;
  /** empty for a server of RFC 2069 */
  readonly qop: readonly string[];
}

/** Authorization and Proxy-Authorization with scheme Digest (RFC 7616 section 3.4). */
export interface DigestCredentials {
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  /** hexadecimal digits */
  readonly response: string;
  readonly algorithm: string;
  readonly opaque: string | null;
  /** the three of a qop: null without one */
  readonly qop: string | null;
  readonly cnonce: string | null;
  /** eight hexadecimal digits */
  readonly nc: string | null;
}

/** @throws ParleyError `sip.malformed`, also for another scheme */
export function decodeChallenge(value: string): DigestChallenge {
  const fields = decodeDigestFields(value);
  return {
    realm: need(fields, 'realm'),
    nonce: need(fields, 'nonce'),
    opaque: fields.get('opaque') ?? null,
    stale: fields.get('stale')?.toLowerCase() === 'true',
    algorithm: fields.get('algorithm') ?? 'MD5',
    qop: (fields.get('qop') ?? '')
      .split(',')
      .map((token) => token.trim().toLowerCase())
      .filter((token) => token !== ''),
  };
}

export function encodeChallenge(challenge: DigestChallenge): string {
  const parts = [`realm=${quote(challenge.realm)}`, `nonce=${quote(challenge.nonce)}`];
  if (challenge.stale) parts.push('stale=true');
  parts.push(`algorithm=${challenge.algorithm}`);
  if (challenge.qop.length > 0) parts.push(`qop=${quote(challenge.qop.join(','))}`);
  if (challenge.opaque !== null) parts.push(`opaque=${quote(challenge.opaque)}`);
  return `Digest ${parts.join(', ')}`;
}

/** @throws ParleyError `sip.malformed`, also for another scheme */
export function decodeCredentials(value: string): DigestCredentials {
  const fields = decodeDigestFields(value);
  const response = need(fields, 'response').toLowerCase();
  if (!/^[0-9a-f]{32}(?:[0-9a-f]{32})?$/.test(response)) throw malformed('the digest response is not a hash');
  const nc = fields.get('nc') ?? null;
  if (nc !== null && !/^[0-9a-f]{8}$/i.test(nc)) throw malformed('the nonce count is not eight digits');
  return {
    username: need(fields, 'username'),
    realm: need(fields, 'realm'),
    nonce: need(fields, 'nonce'),
    uri: need(fields, 'uri'),
    response,
    algorithm: fields.get('algorithm') ?? 'MD5',
    opaque: fields.get('opaque') ?? null,
    qop: fields.get('qop')?.toLowerCase() ?? null,
    cnonce: fields.get('cnonce') ?? null,
    nc,
  };
}

export function encodeCredentials(credentials: DigestCredentials): string {
  const parts = [
    `username=${quote(credentials.username)}`,
    `realm=${quote(credentials.realm)}`,
    `nonce=${quote(credentials.nonce)}`,
    `uri=${quote(credentials.uri)}`,
    `response=${quote(credentials.response)}`,
    `algorithm=${credentials.algorithm}`,
  ];
  if (credentials.cnonce !== null) parts.push(`cnonce=${quote(credentials.cnonce)}`);
  if (credentials.qop !== null) parts.push(`qop=${credentials.qop}`);
  if (credentials.nc !== null) parts.push(`nc=${credentials.nc}`);
  if (credentials.opaque !== null) parts.push(`opaque=${quote(credentials.opaque)}`);
  return `Digest ${parts.join(', ')}`;
}

/** The hash function behind an algorithm name, whether `-sess` or not; null when it is none of ours. */
export function digestHash(algorithm: string): { readonly hash: DigestHash; readonly session: boolean } | null {
  const upper = algorithm.toUpperCase();
  const session = upper.endsWith('-SESS');
  const name = session ? upper.slice(0, -5) : upper;
  const hash = DIGEST_ALGORITHMS.find((known) => known === name);
  return hash === undefined ? null : { hash, session };
}

export interface DigestInput {
  readonly username: string;
  readonly password: string;
  readonly realm: string;
  readonly nonce: string;
  readonly method: string;
  /** digest-uri: the Request-URI as in the credentials */
  readonly uri: string;
  readonly algorithm: string;
  readonly qop: string | null;
  readonly cnonce: string | null;
  readonly nc: string | null;
  /** for `auth-int` */
  readonly body?: Uint8Array;
}

/**
 * The response of RFC 7616 section 3.4.1 in hexadecimal digits.
 * @param hash octets to lower-case hexadecimal digits, by the host's own crypto
 * @throws ParleyError `sip.malformed` for an algorithm or qop that is none of ours
 */
export function digestResponse(input: DigestInput, hash: (algorithm: DigestHash, octets: Uint8Array) => string): string {
  const algorithm = digestHash(input.algorithm);
  if (algorithm === null) throw malformed('an unknown digest algorithm');
  if (input.qop !== null && input.qop !== 'auth' && input.qop !== 'auth-int') throw malformed('an unknown qop');
  if ((input.qop !== null || algorithm.session) && (input.cnonce === null || (input.qop !== null && input.nc === null))) {
    throw malformed('qop without cnonce or nonce count');
  }
  const h = (text: string): string => hash(algorithm.hash, utf8(text));
  let ha1 = h(`${input.username}:${input.realm}:${input.password}`);
  if (algorithm.session) ha1 = h(`${ha1}:${input.nonce}:${input.cnonce}`);
  const bodyPart = input.qop === 'auth-int' ? `:${hash(algorithm.hash, input.body ?? NO_BYTES)}` : '';
  const ha2 = h(`${input.method}:${input.uri}${bodyPart}`);
  return input.qop === null
    ? h(`${ha1}:${input.nonce}:${ha2}`)
    : h(`${ha1}:${input.nonce}:${input.nc}:${input.cnonce}:${input.qop}:${ha2}`);
}

function decodeDigestFields(value: string): Map<string, string> {
  const scheme = /^Digest[ \t]+/i.exec(value);
  if (scheme === null) throw malformed('not the Digest scheme');
  const fields = new Map<string, string>();
  let at = scheme[0].length;
  while (at < value.length) {
    const equals = value.indexOf('=', at);
    const name = value.slice(at, equals < 0 ? value.length : equals).trim();
    if (equals < 0 || !isToken(name)) throw malformed('a digest field has no name');
    let start = equals + 1;
    while (value.charCodeAt(start) === 0x20 || value.charCodeAt(start) === 0x09) start++;
    let end: number;
    if (value.charCodeAt(start) === 0x22) {
      end = endOfQuoted(value, start);
    } else {
      const comma = value.indexOf(',', start);
      end = comma < 0 ? value.length : comma;
    }
    const key = name.toLowerCase();
    if (fields.has(key)) throw malformed(`digest field ${key.slice(0, 40)} twice`);
    fields.set(key, unquote(value.slice(start, end).trim()));
    at = end;
    while (at < value.length && /[\s,]/.test(value.charAt(at))) at++;
    if (at < value.length && !value.slice(end, at).includes(',')) throw malformed('digest fields without a comma');
  }
  return fields;
}

function need(fields: ReadonlyMap<string, string>, name: string): string {
  const value = fields.get(name);
  if (value === undefined) throw malformed(`no digest field ${name}`);
  return value;
}

/** Compares two hexadecimal responses in a time that does not tell where they differ. */
export function sameResponse(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
