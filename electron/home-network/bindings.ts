import { randomToken } from '../../shared/base/random.ts';
import type { NameAddr } from '../../shared/protocol/sip/name-addr.ts';
import { paramValue } from '../../shared/protocol/sip/params.ts';
import { escapeUser, gruuInstance, type SipUri, unescapeUser } from '../../shared/protocol/sip/uri.ts';
import type { Directory } from './directory.ts';
import type { Flow } from './flow.ts';
import type { HomeUser } from './settings.ts';

/** One device of one user, reachable on one flow (RFC 3261 section 10, RFC 5626 section 6). */
export interface Binding {
  /** instance and reg-id for outbound, else the Contact URI */
  readonly key: string;
  readonly user: HomeUser;
  readonly flow: Flow;
  /** as registered: where requests to the device are addressed */
  readonly contact: NameAddr;
  /** `urn:uuid:…`, or null without +sip.instance */
  readonly instance: string | null;
  /** RFC 5626 was used: the flow sends keep-alives */
  readonly isOutbound: boolean;
  /** the device asked for GRUUs */
  readonly hasGruu: boolean;
  readonly callId: string;
  readonly sequence: number;
  /** ms since the epoch */
  readonly expiresAt: number;
  readonly path: readonly string[];
}

/** temporary GRUUs of one instance that stay valid (RFC 5627 section 5.3 lets all of them) */
const TEMPORARY_KEPT = 8;
/** device instances of one user whose temporary GRUUs are kept */
const INSTANCES_KEPT = 64;

interface Instance {
  readonly user: HomeUser;
  readonly urn: string;
  readonly tokens: string[];
}

/** Who can be reached where. A binding ends with its time, or with its flow: this network never opens a connection to a device. */
export class Bindings {
  readonly #directory: Directory;
  readonly #now: () => number;
  readonly #byUser = new Map<HomeUser, Binding[]>();
  readonly #usersOfFlow = new Map<Flow, Set<HomeUser>>();
  readonly #instances = new Map<HomeUser, Map<string, Instance>>();
  readonly #temporary = new Map<string, Instance>();

  constructor(directory: Directory, now: () => number) {
    this.#directory = directory;
    this.#now = now;
  }

  /** Live bindings of a user, the newest registration first. */
  of(user: HomeUser): readonly Binding[] {
    const all = this.#byUser.get(user) ?? [];
    const live = all.filter((binding) => binding.expiresAt > this.#now() && binding.flow.isOpen);
    if (live.length !== all.length) this.#set(user, live);
    return live;
  }

  /** Users that registered on that flow: requests on it are theirs. */
  onFlow(flow: Flow): readonly Binding[] {
    return [...(this.#usersOfFlow.get(flow) ?? [])].flatMap((user) => this.of(user).filter((binding) => binding.flow === flow));
  }

  /** Which of his devices on that flow it is that says so in its Contact; the newest where it does not say. */
  device(contact: NameAddr, user: HomeUser, flow: Flow): Binding | null {
    const own = this.onFlow(flow).filter((binding) => binding.user === user);
    const instance = paramValue(contact.parameters, '+sip.instance')?.replace(/^<|>$/g, '');
    return own.find((binding) => binding.instance !== null && binding.instance === instance) ?? own[0] ?? null;
  }

  /** @returns the flow that the device has left for this one, when nobody else is on it (RFC 5626 section 6) */
  add(binding: Binding): Flow | null {
    const before = this.of(binding.user);
    this.#set(binding.user, [binding, ...before.filter((other) => other.key !== binding.key)]);
    const users = this.#usersOfFlow.get(binding.flow);
    if (users === undefined) this.#usersOfFlow.set(binding.flow, new Set([binding.user]));
    else users.add(binding.user);
    const left = before.find((other) => other.key === binding.key)?.flow ?? binding.flow;
    return left !== binding.flow && this.onFlow(left).length === 0 ? left : null;
  }

  remove(user: HomeUser, key: string): void {
    this.#set(
      user,
      this.of(user).filter((binding) => binding.key !== key),
    );
  }

  removeFlow(flow: Flow): readonly Binding[] {
    const gone: Binding[] = [];
    this.#usersOfFlow.delete(flow);
    for (const [user, all] of this.#byUser) {
      const lost = all.filter((binding) => binding.flow === flow);
      if (lost.length === 0) continue;
      gone.push(...lost);
      this.#set(
        user,
        all.filter((binding) => binding.flow !== flow),
      );
    }
    return gone;
  }

  publicGruu(binding: Binding): string | null {
    return binding.instance !== null && binding.hasGruu ? `${this.#directory.addressOf(binding.user)};gr=${binding.instance}` : null;
  }

  /** A new one on every call (RFC 5627 section 5.3); the older ones of the instance go on working. */
  newTemporaryGruu(binding: Binding): string | null {
    if (binding.instance === null || !binding.hasGruu) return null;
    const instance = this.#instance(binding.user, binding.instance);
    const token = `tgruu.${randomToken(24)}`;
    instance.tokens.push(token);
    this.#temporary.set(token, instance);
    while (instance.tokens.length > TEMPORARY_KEPT) this.#temporary.delete(instance.tokens.shift() ?? '');
    return `sip:${escapeUser(token)}@${this.#directory.domain};gr`;
  }

  /** The last temporary GRUU given out for that device, or a first one. */
  temporaryGruu(binding: Binding): string | null {
    if (binding.instance === null || !binding.hasGruu) return null;
    const token = this.#instance(binding.user, binding.instance).tokens.at(-1);
    return token === undefined ? this.newTemporaryGruu(binding) : `sip:${escapeUser(token)}@${this.#directory.domain};gr`;
  }

  /**
   * Who an address of ours means: a user, and with a GRUU one device of his (RFC 5627 section 6).
   * @returns null when there is no such user or no such GRUU
   */
  resolve(uri: SipUri): { readonly user: HomeUser; readonly instance: string | null } | null {
    const gruu = gruuInstance(uri);
    if (gruu === '') {
      const instance = this.#directory.isOurs(uri) ? this.#temporary.get(unescapeUser(uri.user ?? '')) : undefined;
      return instance === undefined ? null : { user: instance.user, instance: instance.urn };
    }
    const user = this.#directory.byUri(uri);
    return user === null ? null : { user, instance: gruu };
  }

  #instance(user: HomeUser, urn: string): Instance {
    const own = this.#instances.get(user) ?? new Map<string, Instance>();
    this.#instances.set(user, own);
    const known = own.get(urn);
    if (known !== undefined) return known;
    const instance: Instance = { user, urn, tokens: [] };
    own.set(urn, instance);
    if (own.size > INSTANCES_KEPT) this.#forgetOldest(own);
    return instance;
  }

  #forgetOldest(own: Map<string, Instance>): void {
    const [oldest] = own.values();
    if (oldest === undefined) return;
    own.delete(oldest.urn);
    for (const token of oldest.tokens) this.#temporary.delete(token);
  }

  #set(user: HomeUser, bindings: Binding[]): void {
    this.#byUser.set(user, bindings);
  }
}
