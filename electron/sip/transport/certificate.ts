import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { ParleyError } from '../../../shared/base/errors.ts';

/** What a server must prove to be. */
export interface ServerNames {
  /** any one of these: the account's domain, the proxy as it was configured; never what DNS made of them */
  readonly names: readonly string[];
  /** RFC 7118 section 9 takes the rules of HTTPS, where `*.example.com` stands for one label */
  readonly allowsWildcard: boolean;
}

/**
 * RFC 5922 sections 7.1 and 7.2: the SIP domains a certificate is for, compared whole and never by a wildcard.
 * @returns what is wrong, or undefined
 */
export function wrongName(certificate: Pick<PeerCertificate, 'subject' | 'subjectaltname'>, server: ServerNames): Error | undefined {
  const alternatives = alternativeNames(certificate.subjectaltname);
  const common = certificate.subjectaltname === undefined ? [certificate.subject?.CN ?? ''].flat() : [];
  const domains = alternatives.flatMap(({ type, value }) => (type === 'URI' ? sipDomain(value) : []));
  const names = domains.length > 0 ? domains : [...alternatives.flatMap(({ type, value }) => (type === 'DNS' ? [value] : [])), ...common];
  const addresses = alternatives.flatMap(({ type, value }) => (type === 'IP Address' ? [value] : []));
  const fits = server.names.some((wanted) =>
    isIP(wanted) === 0
      ? names.some((name) => sameName(name, wanted) || (server.allowsWildcard && fitsWildcard(name, wanted)))
      : addresses.some((address) => sameAddress(address, wanted)),
  );
  if (fits) return undefined;
  const given = [...names, ...addresses].filter((name) => name !== '').slice(0, 5);
  return new ParleyError(
    'link.certificate',
    `the certificate is for ${given.join(', ') || 'nobody'}, not for ${[...new Set(server.names)].join(' or ')}`,
  );
}

/** The plain words for what Node found wrong with a chain; null for an error that is not about certificates. */
export function certificateTrouble(error: Error): string | null {
  if (error instanceof ParleyError) return error.code === 'link.certificate' ? error.detail : null;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'CERT_HAS_EXPIRED') return 'the certificate has expired';
  if (code === 'CERT_NOT_YET_VALID') return 'the certificate is not valid yet';
  if (/^(UNABLE_TO_(GET_ISSUER|VERIFY)|SELF_SIGNED|DEPTH_ZERO|CERT_UNTRUSTED)/.test(code)) {
    return `the certificate is of an unknown issuer (${code})`;
  }
  return /^(CERT_|UNABLE_TO_|ERROR_IN_CERT|INVALID_(CA|PURPOSE)|PATH_LENGTH|HOSTNAME_MISMATCH)/.test(code)
    ? `the certificate cannot be trusted (${code})`
    : null;
}

interface AlternativeName {
  readonly type: string;
  readonly value: string;
}

/** As Node writes it: `DNS:a.example, URI:sip:b.example, IP Address:192.0.2.1`; what needs quotes there is no name to compare. */
function alternativeNames(text: string | undefined): AlternativeName[] {
  const found = (text ?? '').matchAll(/(?:^|, )([^:,"]+):(?:"(?:[^"\\]|\\.)*"|([^,"]*))/gy);
  return [...found].flatMap(([, type, value]) => (type === undefined || value === undefined ? [] : [{ type, value }]));
}

/** RFC 5922 section 7.1: `sip:` without a user part. A port and parameters are no part of the identity. */
function sipDomain(uri: string): string[] {
  const host = /^sip:([^@;?:\s]+)(?::[0-9]+)?(?:[;?][^@]*)?$/i.exec(uri)?.[1];
  return host === undefined ? [] : [host];
}

function sameName(name: string, wanted: string): boolean {
  return name !== '' && name.toLowerCase().replace(/\.$/, '') === wanted.toLowerCase().replace(/\.$/, '');
}

function fitsWildcard(name: string, wanted: string): boolean {
  const parent = /^\*(\.[^.*]+\.[^*]+)$/.exec(name)?.[1];
  const dot = wanted.indexOf('.');
  return parent !== undefined && dot > 0 && sameName(parent, wanted.slice(dot));
}

function sameAddress(one: string, other: string): boolean {
  return canonicalAddress(one) === canonicalAddress(other);
}

function canonicalAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  return new URL(`http://[${address.replace(/%.*$/, '')}]/`).hostname;
}
