import { hasToken, header, headers, type SipHeader } from '../../shared/protocol/sip/message.ts';
import { decodeNameAddr, encodeNameAddr, type NameAddr } from '../../shared/protocol/sip/name-addr.ts';
import { type Params, paramValue } from '../../shared/protocol/sip/params.ts';
import { decodeDeltaSeconds, quote } from '../../shared/protocol/sip/text.ts';
import { decodeSipUri } from '../../shared/protocol/sip/uri.ts';
import type { Binding, Bindings } from './bindings.ts';
import type { DigestAuthenticator } from './digest-auth.ts';
import type { Directory } from './directory.ts';
import type { ServerTransaction } from './server-transaction.ts';
import { type Bounds, type HomeUser, SERVER_NAME, type Timing } from './settings.ts';

/** an instance that may stand in a URI parameter as it is */
const PLAIN_URN = /^urn:[A-Za-z0-9\-._~:]{1,200}$/;
const EXTENSIONS = ['path', 'gruu', 'outbound'];
/** set by the registrar, so never taken over from a Contact */
const OWN_PARAMS = new Set(['expires', 'pub-gruu', 'temp-gruu', 'q']);

interface Wish {
  readonly contact: NameAddr;
  readonly key: string;
  readonly instance: string | null;
  readonly regId: string | null;
  /** seconds */
  readonly expires: number;
}

/** RFC 3261 section 10.3 with digest, outbound (RFC 5626), GRUU (RFC 5627), Path (RFC 3327) and Service-Route (RFC 3608). */
export class Registrar {
  readonly #directory: Directory;
  readonly #bindings: Bindings;
  readonly #digest: DigestAuthenticator;
  readonly #timing: Timing;
  readonly #bounds: Bounds;
  readonly #now: () => number;
  readonly #ownUri: (user: string) => string;
  readonly #registered: (user: HomeUser) => void;

  /** @param parts `ownUri`: `sip:user@host:port;transport=tcp` of this network's address */
  constructor(parts: {
    readonly directory: Directory;
    readonly bindings: Bindings;
    readonly digest: DigestAuthenticator;
    readonly timing: Timing;
    readonly bounds: Bounds;
    readonly now: () => number;
    readonly ownUri: (user: string) => string;
    /** a device of his has registered, or said again that it is there; it knows already */
    readonly registered: (user: HomeUser) => void;
  }) {
    this.#directory = parts.directory;
    this.#bindings = parts.bindings;
    this.#digest = parts.digest;
    this.#timing = parts.timing;
    this.#bounds = parts.bounds;
    this.#now = parts.now;
    this.#ownUri = parts.ownUri;
    this.#registered = parts.registered;
  }

  /** @throws ParleyError `sip.malformed` for fields that cannot be read */
  register(transaction: ServerTransaction): void {
    const { request, essentials } = transaction;
    const target = decodeSipUri(request.uri);
    if (!this.#directory.isOurs(target)) {
      transaction.respond(404);
      return;
    }
    const unknown = headers(request, 'Require').filter((tag) => !EXTENSIONS.includes(tag.toLowerCase()));
    if (unknown.length > 0) {
      transaction.respond(420, { headers: [{ name: 'Unsupported', value: unknown.join(', ') }] });
      return;
    }

    const verdict = this.#digest.verify(request, 'Authorization');
    if (verdict.kind !== 'proven') {
      if (verdict.kind === 'refused') transaction.flow.fault('credentials refused too often');
      const challenges = this.#digest.challenges(verdict.kind === 'stale');
      transaction.respond(401, { headers: challenges.map((value) => ({ name: 'WWW-Authenticate', value })) });
      return;
    }
    const { user } = verdict;
    // a registration by somebody else needs rights that nobody has here
    if (this.#directory.byAddress(essentials.to) !== user) {
      transaction.respond(403);
      return;
    }

    const contacts = headers(request, 'Contact').map((value) => decodeNameAddr(value));
    if (contacts.some((contact) => contact.uri === '*')) {
      if (contacts.length > 1 || header(request, 'Expires') !== '0') {
        transaction.respond(400, { reason: 'Contact * needs Expires 0' });
        return;
      }
      for (const binding of this.#bindings.of(user)) this.#bindings.remove(user, binding.key);
      this.#accept(transaction, user, new Set());
      return;
    }
    this.#bind(transaction, user, contacts);
  }

  #bind(transaction: ServerTransaction, user: HomeUser, contacts: readonly NameAddr[]): void {
    const { request, essentials } = transaction;
    const { minExpires, maxExpires } = this.#timing;
    const wishes = contacts.map((contact) => this.#wish(contact, header(request, 'Expires'), transaction));
    if (wishes.some(({ expires }) => expires > 0 && expires < minExpires)) {
      transaction.respond(423, { headers: [{ name: 'Min-Expires', value: String(minExpires) }] });
      return;
    }
    const known = this.#bindings.of(user);
    for (const { key } of wishes) {
      // RFC 3261 section 10.3 step 7: an old request that came late changes nothing
      const old = known.find((binding) => binding.key === key);
      if (old !== undefined && old.callId === essentials.callId && old.sequence >= essentials.sequence) {
        transaction.respond(500, { reason: 'CSeq does not rise' });
        return;
      }
    }
    const added = new Set(wishes.filter(({ expires }) => expires > 0).map(({ key }) => key));
    if (known.filter(({ key }) => !added.has(key)).length + added.size > this.#bounds.bindingsPerUser) {
      transaction.respond(403, { reason: 'Too Many Devices' });
      return;
    }
    const supports = (tag: string): boolean => hasToken(request, 'Supported', tag) || hasToken(request, 'Require', tag);
    for (const wish of wishes) {
      if (wish.expires === 0) {
        this.#bindings.remove(user, wish.key);
        continue;
      }
      const left = this.#bindings.add({
        key: wish.key,
        user,
        flow: transaction.flow,
        contact: wish.contact,
        instance: wish.instance,
        isOutbound: wish.regId !== null && supports('outbound'),
        hasGruu: wish.instance !== null && PLAIN_URN.test(wish.instance) && supports('gruu'),
        callId: essentials.callId,
        sequence: essentials.sequence,
        expiresAt: this.#now() + Math.min(wish.expires, maxExpires) * 1000,
        path: headers(request, 'Path').slice(0, 10),
      });
      // what still waits for an answer there will get none, and is better told so now
      left?.close('the device has come back on another connection');
    }
    this.#accept(transaction, user, added);
  }

  #wish(contact: NameAddr, expiresHeader: string | null, transaction: ServerTransaction): Wish {
    decodeSipUri(contact.uri);
    const quoted = paramValue(contact.parameters, '+sip.instance');
    const instance = quoted === null ? null : quoted.replace(/^<|>$/g, '');
    const regId = instance === null ? null : paramValue(contact.parameters, 'reg-id');
    const isOutbound =
      regId !== null && (hasToken(transaction.request, 'Supported', 'outbound') || hasToken(transaction.request, 'Require', 'outbound'));
    const asked = paramValue(contact.parameters, 'expires') ?? expiresHeader;
    return {
      contact,
      key: isOutbound ? `${instance} ${regId}` : contact.uri,
      instance,
      regId,
      expires: asked === null ? 3_600 : decodeDeltaSeconds(asked),
    };
  }

  #accept(transaction: ServerTransaction, user: HomeUser, added: ReadonlySet<string>): void {
    const bindings = this.#bindings.of(user);
    const fields: SipHeader[] = bindings.map((binding) => ({ name: 'Contact', value: this.#contact(binding, added.has(binding.key)) }));
    const isOutbound = bindings.some((binding) => added.has(binding.key) && binding.isOutbound);
    if (added.size > 0) {
      for (const value of headers(transaction.request, 'Path').slice(0, 10)) fields.push({ name: 'Path', value });
      if (hasToken(transaction.request, 'Supported', 'path')) {
        fields.push({ name: 'Path', value: `<${this.#ownUri('term')};lr${isOutbound ? ';ob' : ''}>` });
      }
      fields.push({ name: 'Service-Route', value: `<${this.#ownUri('orig')};lr>` });
      fields.push({ name: 'P-Associated-URI', value: this.#directory.assertedIdentity(user) });
      fields.push({ name: 'Supported', value: EXTENSIONS.join(', ') });
    }
    if (isOutbound) {
      fields.push({ name: 'Require', value: 'outbound' });
      fields.push({ name: 'Flow-Timer', value: String(Math.round(this.#timing.flowTimer / 1000)) });
    }
    fields.push({ name: 'Date', value: new Date(this.#now()).toUTCString() }, { name: 'Server', value: SERVER_NAME });
    transaction.respond(200, { headers: fields });
    if (added.size > 0) this.#registered(user);
  }

  #contact(binding: Binding, isNew: boolean): string {
    const kept: Params = binding.contact.parameters.filter(({ name }) => !OWN_PARAMS.has(name.toLowerCase()));
    const parameters = [...kept];
    const publicGruu = this.#bindings.publicGruu(binding);
    const temporaryGruu = isNew ? this.#bindings.newTemporaryGruu(binding) : this.#bindings.temporaryGruu(binding);
    if (publicGruu !== null) parameters.push({ name: 'pub-gruu', value: quote(publicGruu) });
    if (temporaryGruu !== null) parameters.push({ name: 'temp-gruu', value: quote(temporaryGruu) });
    parameters.push({ name: 'expires', value: String(Math.ceil((binding.expiresAt - this.#now()) / 1000)) });
    return encodeNameAddr({ displayName: null, uri: binding.contact.uri, parameters });
  }
}
