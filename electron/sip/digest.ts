import { header, headers, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { credentials, type Nonce as DigestNonce, type DigestRequest, freshNonce, strongestByRealm } from '../digest/digest.ts';
import type { Header } from './port.ts';

type Kind = 'Authorization' | 'Proxy-Authorization';

interface Nonce extends DigestNonce {
  readonly kind: Kind;
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
  readonly #request: DigestRequest;
  readonly #nonces = new Map<string, Nonce>();
  readonly #answered = new Set<string>();
  readonly #answeredStale = new Set<string>();
  #rounds = 0;

  constructor(account: DigestAccount, request: DigestRequest, known: readonly Nonce[]) {
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
    return [...this.#nonces.values()].map((nonce) => ({ name: nonce.kind, value: credentials(nonce, this.#account, this.#request) }));
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
      const nonce = { kind, ...freshNonce(challenge) };
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
}

function keyOf(kind: Kind, realm: string): string {
  return `${kind} ${realm}`;
}
