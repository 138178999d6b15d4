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
import { header, headers, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { splitOutsideQuotes } from '../../shared/protocol/sip/text.ts';
import type { Header } from './port.ts';

type Kind = 'Authorization' | 'Proxy-Authorization';

/** a nonce in use: `nc` counts its uses, and `cnonce` stays with it because the -sess algorithms hash it into the session key */
interface Nonce {
  readonly kind: Kind;
  readonly challenge: DigestChallenge;
  readonly cnonce: string;
  nc: number;
}

/** challenges one request answers at most, stale ones included */
const MAX_ROUNDS = 5;

/** Digest credentials of one account (RFC 7616, RFC 8760), with the nonces servers gave for later requests. */
export class DigestAccount {
  readonly user: string;
  readonly password: string;
  /** proxies challenge every request, the registrar only REGISTER: they never cross, so no peer sees an answer meant for the registrar */
  readonly #known = new Map<string, Nonce>();

  constructor(user: string, password: string) {
    this.user = user;
    this.password = password;
  }

  attempt(method: string, uri: string, body: Uint8Array): DigestAttempt {
    const usable = [...this.#known.values()].filter(
      ({ kind }) => kind === (method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization'),
    );
    return new DigestAttempt(this, { method, uri, body }, usable);
  }

  remember(method: string, nonce: Nonce): void {
    if (nonce.kind === 'Authorization' && method !== 'REGISTER') return;
    this.#known.set(keyOf(nonce.kind, nonce.challenge.realm), nonce);
  }
}

/** The credentials of one request, through all the times it is sent. */
export class DigestAttempt {
  readonly #account: DigestAccount;
  readonly #request: { readonly method: string; readonly uri: string; readonly body: Uint8Array };
  readonly #nonces = new Map<string, Nonce>();
  readonly #answered = new Set<string>();
  readonly #answeredStale = new Set<string>();
  #rounds = 0;

  constructor(
    account: DigestAccount,
    request: { readonly method: string; readonly uri: string; readonly body: Uint8Array },
    known: readonly Nonce[],
  ) {
    this.#account = account;
    this.#request = request;
    for (const nonce of known) this.#nonces.set(keyOf(nonce.kind, nonce.challenge.realm), nonce);
  }

  /** True when a challenge was answered: a refusal after that is about the credentials. */
  get hasAnswered(): boolean {
    return this.#answered.size > 0;
  }

  /** Fresh credentials for the next time the request is sent; each call counts as one use of its nonces. */
  headers(): Header[] {
    return [...this.#nonces.values()].map((nonce) => ({ name: nonce.kind, value: this.#credentials(nonce) }));
  }

  /** Takes the challenges of a 401 or 407. @returns false when sending again would be of no use */
  accepts(response: SipResponse): boolean {
    this.#rounds += 1;
    const kind: Kind = response.status === 407 ? 'Proxy-Authorization' : 'Authorization';
    const strongest = strongestByRealm(headers(response, response.status === 407 ? 'Proxy-Authenticate' : 'WWW-Authenticate'));
    if (strongest.length === 0 || this.#rounds > MAX_ROUNDS) return false;
    for (const challenge of strongest) {
      const key = keyOf(kind, challenge.realm);
      if (this.#answered.has(key)) {
        if (!challenge.stale || this.#answeredStale.has(key)) return false;
        this.#answeredStale.add(key);
      }
      this.#answered.add(key);
      const nonce = { kind, challenge, cnonce: randomBytes(12).toString('hex'), nc: 0 };
      this.#nonces.set(key, nonce);
      this.#account.remember(this.#request.method, nonce);
    }
    return true;
  }

  /** RFC 7616 section 3.5: the server may name the next nonce with its answer. */
  succeeded(response: SipResponse): void {
    for (const [name, kind] of [
      ['Authentication-Info', 'Authorization'],
      ['Proxy-Authentication-Info', 'Proxy-Authorization'],
    ] as const) {
      const next = /(?:^|[,\s])nextnonce="([^"\\]+)"/i.exec(header(response, name) ?? '')?.[1];
      const used = [...this.#nonces.values()].filter((nonce) => nonce.kind === kind);
      if (next === undefined || used.length !== 1 || used[0] === undefined) continue;
      this.#account.remember(this.#request.method, { ...used[0], challenge: { ...used[0].challenge, nonce: next }, nc: 0 });
    }
  }

  #credentials(nonce: Nonce): string {
    const { challenge } = nonce;
    // auth-int only when it is the only one offered: a back-to-back agent may change the body
    const qop = challenge.qop.length === 0 ? null : challenge.qop.includes('auth') ? 'auth' : 'auth-int';
    const isSession = digestHash(challenge.algorithm)?.session === true;
    nonce.nc += 1;
    const fields = {
      username: this.#account.user,
      realm: challenge.realm,
      nonce: challenge.nonce,
      uri: this.#request.uri,
      algorithm: challenge.algorithm,
      opaque: challenge.opaque,
      qop,
      cnonce: qop === null && !isSession ? null : nonce.cnonce,
      nc: qop === null ? null : nonce.nc.toString(16).padStart(8, '0'),
    };
    const response = digestResponse(
      { ...fields, password: this.#account.password, method: this.#request.method, body: this.#request.body },
      hash,
    );
    return encodeCredentials({ ...fields, response });
  }
}

function keyOf(kind: Kind, realm: string): string {
  return `${kind} ${realm}`;
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
function strongestByRealm(values: readonly string[]): DigestChallenge[] {
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
