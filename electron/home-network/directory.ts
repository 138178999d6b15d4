import { decodeNameAddr, encodeNameAddr, type NameAddr } from '../../shared/protocol/sip/name-addr.ts';
import { escapeUser, type SipUri, trySipUri, unescapeUser } from '../../shared/protocol/sip/uri.ts';
import type { HomeGroup, HomeUser } from './settings.ts';

/** The users of this network and what their addresses look like. */
export class Directory {
  readonly domain: string;
  readonly #users = new Map<string, HomeUser>();
  readonly #groups = new Map<string, HomeGroup>();
  readonly #hosts: ReadonlySet<string>;

  /** @param hosts further names of this network: the address it listens on */
  constructor(domain: string, hosts: readonly string[], users: readonly HomeUser[], groups: readonly HomeGroup[] = []) {
    this.domain = domain.toLowerCase();
    this.#hosts = new Set([this.domain, ...hosts.map((host) => host.toLowerCase())]);
    for (const user of users) this.#users.set(user.user, user);
    for (const group of groups) this.#groups.set(group.name, group);
  }

  get users(): readonly HomeUser[] {
    return [...this.#users.values()];
  }

  isOurs(uri: SipUri): boolean {
    return this.isOurHost(uri.host);
  }

  isOurHost(host: string): boolean {
    return this.#hosts.has(host);
  }

  get groups(): readonly HomeGroup[] {
    return [...this.#groups.values()];
  }

  groupByUri(uri: SipUri): HomeGroup | null {
    return uri.user !== null && this.isOurs(uri) ? (this.#groups.get(unescapeUser(uri.user)) ?? null) : null;
  }

  byName(name: string): HomeUser | null {
    return this.#users.get(name) ?? null;
  }

  /** The user an address of ours belongs to; parameters are not looked at. */
  byUri(uri: SipUri): HomeUser | null {
    if (uri.user === null || !this.isOurs(uri)) return null;
    const name = unescapeUser(uri.user);
    return this.byName(name) ?? this.users.find(({ number }) => number === name) ?? null;
  }

  /** The user of a From, P-Preferred-Identity or like value; null for anybody else. */
  byAddress(address: NameAddr): HomeUser | null {
    const uri = trySipUri(address.uri);
    return uri === null ? null : this.byUri(uri);
  }

  /** Digest user names: `alice` and `alice@domain` mean the same. */
  byDigestName(name: string): HomeUser | null {
    const at = name.lastIndexOf('@');
    return this.byName(at > 0 && name.slice(at + 1).toLowerCase() === this.domain ? name.slice(0, at) : name);
  }

  addressOf({ user }: Pick<HomeUser, 'user'>): string {
    return `sip:${escapeUser(user)}@${this.domain}`;
  }

  /** The value of P-Asserted-Identity (RFC 3325 section 9.1). */
  assertedIdentity(user: HomeUser): string {
    const displayName = user.displayName === '' ? null : user.displayName;
    const sip = encodeNameAddr({ displayName, uri: this.addressOf(user), parameters: [] });
    return user.number === undefined ? sip : `${sip}, <tel:${user.number}>`;
  }

  /** Claims an address of this network that belongs to somebody else, or to nobody. */
  isForeignClaim(value: string, user: HomeUser): boolean {
    const uri = trySipUri(decodeNameAddr(value).uri);
    return uri !== null && this.isOurs(uri) && this.byUri(uri) !== user && unescapeUser(uri.user ?? '') !== 'anonymous';
  }
}
