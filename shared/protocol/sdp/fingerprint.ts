import { ParleyError } from '../../base/errors.ts';

/** `a=fingerprint` (RFC 8122 section 5) with a hash that may be relied on: MD5 and MD2 may not (section 5.1). */
export interface Fingerprint {
  readonly algorithm: FingerprintAlgorithm;
  /** over the certificate's DER, lower-case hex */
  readonly hash: string;
}

export type FingerprintAlgorithm = keyof typeof OCTETS;

const OCTETS = { 'sha-1': 20, 'sha-224': 28, 'sha-256': 32, 'sha-384': 48, 'sha-512': 64 } as const;
const FINGERPRINT = /^([A-Za-z0-9-]{1,16}) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){0,63})$/;

/** @throws ParleyError `sdp.malformed` for what is none, or has a hash that is not known or too weak */
export function decodeFingerprint(text: string): Fingerprint {
  const [, name = '', pairs = ''] = FINGERPRINT.exec(text) ?? [];
  const algorithm = name.toLowerCase();
  const hash = pairs.replaceAll(':', '').toLowerCase();
  if (!isAlgorithm(algorithm) || hash.length !== OCTETS[algorithm] * 2) throw new ParleyError('sdp.malformed', 'fingerprint');
  return { algorithm, hash };
}

export function isFingerprint(text: string): boolean {
  try {
    decodeFingerprint(text);
    return true;
  } catch {
    return false;
  }
}

export function encodeFingerprint({ algorithm, hash }: Fingerprint): string {
  return `${algorithm} ${hash.toUpperCase().match(/../g)?.join(':') ?? ''}`;
}

function isAlgorithm(name: string): name is FingerprintAlgorithm {
  return Object.hasOwn(OCTETS, name);
}
