import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type DigestHash, decodeCredentials, digestResponse, encodeChallenge } from '../../shared/protocol/sip/digest.ts';
import { headers, type SipRequest } from '../../shared/protocol/sip/message.ts';
import { sameSipUri, trySipUri } from '../../shared/protocol/sip/uri.ts';
import type { Directory } from './directory.ts';
import type { HomeUser } from './settings.ts';

/** What may be offered, strongest first (RFC 8760 section 2.4), and what Node calls it. */
const ALGORITHMS = { 'SHA-256': 'sha256', MD5: 'md5' } as const;

export type OfferedAlgorithm = keyof typeof ALGORITHMS;

/** nonces whose counts are kept; with more, the oldest go stale early */
const COUNTED = 10_000;

export type Verdict =
  | { readonly kind: 'proven'; readonly user: HomeUser }
  /** no credentials for this realm */
  | { readonly kind: 'missing' }
  /** the right secret, but the nonce is too old or was used: the client may try again without asking its user */
  | { readonly kind: 'stale' }
  | { readonly kind: 'refused' };

/**
 * Digest by RFC 7616 and 8760. A nonce is its time of issue and a seal, so a challenge costs no memory; only the counts of nonces
 * that were used with the right secret are kept.
 */
export class DigestAuthenticator {
  readonly #directory: Directory;
  readonly #now: () => number;
  readonly #life: number;
  readonly #offered: readonly OfferedAlgorithm[];
  readonly #key = randomBytes(32);
  readonly #opaque = randomBytes(12).toString('hex');
  /** stands in for the password of a user that is not there, so that the answer takes as long */
  readonly #decoy = randomBytes(16).toString('hex');
  readonly #counts = new Map<string, number>();
  /** nonces issued up to here are stale: the count of one of them was dropped */
  #floor = 0;

  /**
   * @param life of a nonce in ms
   * @param offered in this order
   */
  constructor(directory: Directory, now: () => number, life: number, offered: readonly OfferedAlgorithm[] = ['SHA-256', 'MD5']) {
    this.#offered = offered;
    this.#directory = directory;
    this.#now = now;
    this.#life = life;
  }

  /** Values for WWW-Authenticate or Proxy-Authenticate, strongest first. */
  challenges(stale: boolean): string[] {
    const nonce = this.#issue();
    const common = { realm: this.#directory.domain, nonce, opaque: this.#opaque, stale, qop: ['auth'] };
    return this.#offered.map((algorithm) => encodeChallenge({ ...common, algorithm }));
  }

  /** @throws ParleyError `sip.malformed` when credentials of the Digest scheme cannot be read */
  verify(request: Pick<SipRequest, 'method' | 'uri' | 'headers'>, field: 'Authorization' | 'Proxy-Authorization'): Verdict {
    let verdict: Verdict = { kind: 'missing' };
    for (const value of headers(request, field).slice(0, 4)) {
      if (!/^Digest\s/i.test(value)) continue;
      const credentials = decodeCredentials(value);
      if (credentials.realm !== this.#directory.domain) continue;
      const algorithm = this.#offered.find((name) => name === credentials.algorithm.toUpperCase());
      const { qop, nc } = credentials;
      if (algorithm === undefined || qop !== 'auth' || nc === null || credentials.cnonce === null) return { kind: 'refused' };
      const user = this.#directory.byDigestName(credentials.username);
      const wanted = digestResponse({ ...credentials, algorithm, password: user?.password ?? this.#decoy, method: request.method }, hash);
      const isRight = equalInConstantTime(wanted, credentials.response) && user !== null && isSameUri(credentials.uri, request.uri);
      if (!isRight) return { kind: 'refused' };
      if (this.#use(credentials.nonce, Number.parseInt(nc, 16))) return { kind: 'proven', user };
      verdict = { kind: 'stale' };
    }
    return verdict;
  }

  #issue(): string {
    const body = `${this.#now().toString(36)}.${randomBytes(9).toString('base64url')}`;
    return `${body}.${this.#seal(body)}`;
  }

  #seal(body: string): string {
    return createHmac('sha256', this.#key).update(body).digest('base64url').slice(0, 22);
  }

  /** @returns false when the nonce is not one of ours, too old, or its count does not rise (RFC 7616 section 5.5: replay) */
  #use(nonce: string, count: number): boolean {
    const at = nonce.lastIndexOf('.');
    const body = nonce.slice(0, Math.max(0, at));
    if (!equalInConstantTime(this.#seal(body), nonce.slice(at + 1))) return false;
    const issued = Number.parseInt(body, 36);
    if (issued + this.#life < this.#now() || issued <= this.#floor) return false;
    if (count <= (this.#counts.get(nonce) ?? 0)) return false;
    this.#counts.set(nonce, count);
    if (this.#counts.size > COUNTED) this.#forget();
    return true;
  }

  #forget(): void {
    const limit = this.#now() - this.#life;
    for (const nonce of this.#counts.keys()) {
      const issued = Number.parseInt(nonce, 36);
      if (issued >= limit && this.#counts.size <= COUNTED) continue;
      this.#counts.delete(nonce);
      this.#floor = Math.max(this.#floor, issued);
    }
  }
}

function hash(algorithm: DigestHash, octets: Uint8Array): string {
  return createHash(algorithm === 'MD5' ? ALGORITHMS.MD5 : ALGORITHMS['SHA-256'])
    .update(octets)
    .digest('hex');
}

function equalInConstantTime(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

function isSameUri(a: string, b: string): boolean {
  if (a === b) return true;
  const left = trySipUri(a);
  const right = trySipUri(b);
  return left !== null && right !== null && sameSipUri(left, right);
}
