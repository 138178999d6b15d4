import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { encodeFingerprint, type Fingerprint } from '../../shared/protocol/sdp/fingerprint.ts';

/** Who we are on a connection over TLS: a certificate that nobody vouches for but the session description that names its fingerprint. */
export interface Identity {
  /** PEM */
  readonly key: string;
  readonly certificate: string;
  /** `sha-256 AB:CD…` (RFC 8122 section 5) */
  readonly fingerprint: string;
}

const DAY_MS = 86_400_000;
/** clocks may differ, and an engine may run for long */
const VALID_BEFORE_MS = DAY_MS;
const VALID_AFTER_MS = 365 * DAY_MS;

/** A new key (P-256) with a certificate signed by itself (RFC 4975 section 14.4). Names nobody: what it proves is in its fingerprint. */
export function createIdentity(now: number): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const der = selfSigned(publicKey, privateKey, now);
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    fingerprint: encodeFingerprint({ algorithm: 'sha-256', hash: createHash('sha256').update(der).digest('hex') }),
  };
}

/** Whether the other end of a connection showed that certificate; it has proven then that it has its key. */
export function shows(socket: TLSSocket, { algorithm, hash }: Fingerprint): boolean {
  const shown = socket.getPeerX509Certificate();
  return shown !== undefined && createHash(algorithm.replace('-', '')).update(shown.raw).digest('hex') === hash;
}

/** `Certificate` of RFC 5280 section 4.1; TLS asks for version 3, for one end of a connection as well as for the other. */
function selfSigned(publicKey: KeyObject, privateKey: KeyObject, now: number): Buffer {
  const ecdsaWithSha256 = sequence(identifier('2a8648ce3d040302'));
  const commonName = sequence(identifier('550403'), der(0x0c, Buffer.from('MSRP')));
  const serverAndClient = sequence(identifier('2b06010505070301'), identifier('2b06010505070302'));
  const extendedKeyUsage = sequence(identifier('551d25'), der(0x04, serverAndClient));
  const name = sequence(der(0x31, commonName));
  // positive, and never zero
  const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(15)]);
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ecdsaWithSha256,
    name,
    sequence(time(now - VALID_BEFORE_MS), time(now + VALID_AFTER_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extendedKeyUsage)),
  );
  const signature = sign('sha256', toBeSigned, { key: privateKey, dsaEncoding: 'der' });
  return sequence(toBeSigned, ecdsaWithSha256, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function identifier(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

/** UTCTime up to 2049, GeneralizedTime after it (RFC 5280 section 4.1.2.5). */
function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '');
  return Number(digits.slice(0, 4)) < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits));
}

/** Tag, length, value (X.690 section 8.1). */
function der(tag: number, value: Buffer): Buffer {
  const { length } = value;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), value]);
  const digits = length.toString(16);
  const octets = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | octets.length]), octets, value]);
}
