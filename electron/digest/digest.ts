import { createHash, randomBytes } from 'node:crypto';
import {
  DIGEST_ALGORITHMS,
  type DigestChallenge,
  type DigestHash,
  decodeChallenge,
  digestHash,
  digestResponse,
  encodeCredentials,
} from '../../shared/protocol/sip/digest.ts';
import { splitOutsideQuotes } from '../../shared/protocol/sip/text.ts';

/** What is to be vouched for. */
export interface DigestRequest {
  readonly method: string;
  readonly uri: string;
  readonly body: Uint8Array;
}

/** a nonce in use: `nc` counts its uses, and `cnonce` stays with it because the -sess algorithms hash it into the session key */
export interface Nonce {
  readonly challenge: DigestChallenge;
  readonly cnonce: string;
  nc: number;
}

/** Of a challenge that has not been answered yet. */
export function freshNonce(challenge: DigestChallenge): Nonce {
  return { challenge, cnonce: randomBytes(12).toString('hex'), nc: 0 };
}

/** The value of Authorization (RFC 7616, RFC 8760) for one more use of that nonce. */
export function credentials(
  nonce: Nonce,
  { user, password }: { readonly user: string; readonly password: string },
  { method, uri, body }: DigestRequest,
): string {
  const { challenge } = nonce;
  // auth-int only when it is the only one offered: a back-to-back agent may change the body
  const qop = challenge.qop.length === 0 ? null : challenge.qop.includes('auth') ? 'auth' : 'auth-int';
  const isSession = digestHash(challenge.algorithm)?.session === true;
  nonce.nc += 1;
  const fields = {
    username: user,
    realm: challenge.realm,
    nonce: challenge.nonce,
    uri,
    algorithm: challenge.algorithm,
    opaque: challenge.opaque,
    qop,
    cnonce: qop === null && !isSession ? null : nonce.cnonce,
    nc: qop === null ? null : nonce.nc.toString(16).padStart(8, '0'),
  };
  return encodeCredentials({ ...fields, response: digestResponse({ ...fields, password, method, body }, hash) });
}

const NODE_NAMES = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' } as const satisfies Record<DigestHash, string>;

function hash(algorithm: DigestHash, octets: Uint8Array): string {
  return createHash(NODE_NAMES[algorithm]).update(octets).digest('hex');
}

/** A crypto library may be built without MD5 (FIPS) or without SHA-512/256. */
const available: ReadonlySet<DigestHash> = new Set(
  DIGEST_ALGORITHMS.filter((algorithm) => {
    try {
      return hash(algorithm, new Uint8Array(0)) !== '';
    } catch {
      return false;
    }
  }),
);

/** RFC 8760 section 2.4: of several challenges for one realm the strongest that is understood. */
export function strongestByRealm(values: readonly string[]): DigestChallenge[] {
  const best = new Map<string, DigestChallenge>();
  for (const value of values.slice(0, 10).flatMap(splitChallenges)) {
    const challenge = tryChallenge(value);
    if (challenge === null) continue;
    const rival = best.get(challenge.realm);
    if (rival === undefined || strength(challenge) > strength(rival)) best.set(challenge.realm, challenge);
  }
  return [...best.values()];
}

function strength(challenge: DigestChallenge): number {
  const known = digestHash(challenge.algorithm);
  return known === null ? -1 : DIGEST_ALGORITHMS.length - DIGEST_ALGORITHMS.indexOf(known.hash);
}

function tryChallenge(value: string): DigestChallenge | null {
  try {
    const challenge = decodeChallenge(value);
    const hasKnownQop = challenge.qop.length === 0 || challenge.qop.includes('auth') || challenge.qop.includes('auth-int');
    const algorithm = digestHash(challenge.algorithm);
    return algorithm !== null && available.has(algorithm.hash) && hasKnownQop ? challenge : null;
  } catch {
    return null;
  }
}

/** One field may carry several challenges; each starts with a scheme, a space and a first parameter. */
function splitChallenges(value: string): string[] {
  const challenges: string[] = [];
  for (const part of splitOutsideQuotes(value, ',')) {
    if (challenges.length === 0 || /^[\w-]+[ \t]+[\w-]+[ \t]*=/.test(part)) challenges.push(part);
    else challenges[challenges.length - 1] += `, ${part}`;
  }
  return challenges;
}
