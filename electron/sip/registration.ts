import { NO_BYTES } from '../../shared/base/bytes.ts';
import type { ErrorCode } from '../../shared/base/errors.ts';
import { randomToken } from '../../shared/base/random.ts';
import { hasToken, header, headers, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { decodeNameAddr, type NameAddr } from '../../shared/protocol/sip/name-addr.ts';
import { paramValue } from '../../shared/protocol/sip/params.ts';
import { quote } from '../../shared/protocol/sip/text.ts';
import { sameSipUri, trySipUri } from '../../shared/protocol/sip/uri.ts';
import { readAddresses } from './addresses.ts';
import type { AgentCore, RequestPlan } from './agent-core.ts';
import type { DigestAccount } from './digest.ts';
import { cseqFrom, exchange, type Outcome } from './exchange.ts';
import type { Identity } from './identity.ts';
import { ALLOW, checkValue } from './own-headers.ts';
import { type Binding, type Header, LinkError } from './port.ts';

/** an interval a server may force on us by 423 at most: a week */
const MAX_EXPIRES = 604_800;
/** answers that ask for another try at most (420, 423, 439, each once) */
const MAX_TRIES = 4;

/** REGISTER was answered, and not by a binding. */
export class RegisterRefusal extends LinkError {
  /** a final answer, or a 200 that does not list this device */
  readonly response: SipResponse;

  constructor(code: ErrorCode, detail: string, response: SipResponse) {
    super({ code, detail: `REGISTER: ${detail}`, retryAfterMs: retryAfterOf(response) });
    this.name = 'RegisterRefusal';
    this.response = response;
  }
}

/** The one binding of this agent: REGISTER, its refresh, its end (RFC 3261 section 10, RFC 5626, RFC 5627; seed 004 7.1). */
export class Registration {
  readonly #core: AgentCore;
  readonly #digest: DigestAccount;
  readonly #identity: Identity;
  readonly #callId = randomToken(24);
  readonly #fromTag = randomToken(16);
  readonly #nextCseq = cseqFrom(1);
  #previous: Promise<void> = Promise.resolve();
  #expires: number;
  #requiresGruu = true;
  #usesOutbound = true;
  #pending = 0;
  /** Request-URI; null: the domain */
  #registrar: string | null = null;

  constructor(core: AgentCore, digest: DigestAccount, identity: Identity) {
    this.#core = core;
    this.#digest = digest;
    this.#identity = identity;
    this.#expires = identity.options.expires;
  }

  /** a binding may be in the making */
  get isPending(): boolean {
    return this.#pending > 0;
  }

  /** RFC 3261 section 8.1.3.4: where a redirection sent us is the Request-URI from then on; null for the domain again. */
  redirect(registrar: string | null): void {
    this.#registrar = registrar;
  }

  /** @throws LinkError `link.*`, of them {@link RegisterRefusal} for an answer */
  async register(): Promise<Binding> {
    for (let tries = 1; ; tries++) {
      const sentAt = Date.now();
      const outcome = await this.#send(this.#expires);
      const { response } = outcome;
      if (response.status >= 200 && response.status < 300) return this.#bound(response, sentAt);
      if (tries === MAX_TRIES || !this.#adapts(response)) throw refusal(outcome);
    }
  }

  async unregister(): Promise<void> {
    await this.#send(0);
  }

  /** RFC 3261 section 10.2: never a second REGISTER before the first is answered. */
  #send(expires: number): Promise<Outcome> {
    this.#pending += 1;
    const outcome = this.#previous.then(() => {
      const plan = this.#plan(expires);
      return exchange(this.#core, this.#digest, plan, (credentials) => this.#core.compose(plan, this.#nextCseq(), credentials));
    });
    const done = (): void => {
      this.#pending -= 1;
    };
    this.#previous = outcome.then(done, done);
    return outcome;
  }

  #plan(expires: number): RequestPlan {
    const identity = this.#identity;
    const { address, userAgent } = identity.options;
    const regId = this.#usesOutbound ? ';reg-id=1' : '';
    const name = identity.options.deviceName?.() ?? '';
    checkValue(name, 'device name');
    const fields: Header[] = [
      {
        name: 'Contact',
        value: `${name === '' ? '' : `${quote(name)} `}<${identity.contactUri}>${identity.instanceParameter}${regId}${identity.serviceParameter};expires=${expires}`,
      },
      { name: 'Supported', value: this.#usesOutbound ? 'path, gruu, outbound' : 'path, gruu' },
      ...(this.#requiresGruu ? [{ name: 'Require', value: 'gruu' }] : []),
      { name: 'Allow', value: ALLOW },
      { name: 'User-Agent', value: userAgent },
    ];
    return {
      method: 'REGISTER',
      uri: this.#registrar ?? `sip:${identity.domain}`,
      from: `<${address}>`,
      fromTag: this.#fromTag,
      to: `<${address}>`,
      toTag: null,
      callId: this.#callId,
      routes: [],
      headers: fields,
      contentType: null,
      body: NO_BYTES,
    };
  }

  /** cpm.md section 15.2: what another try can mend. @returns true when there is something new to try */
  #adapts(response: SipResponse): boolean {
    if (response.status === 420 && this.#requiresGruu && hasToken(response, 'Unsupported', 'gruu')) {
      this.#requiresGruu = false;
      return true;
    }
    if (response.status === 439 && this.#usesOutbound) {
      this.#usesOutbound = false;
      return true;
    }
    if (response.status === 423) {
      const minimum = Number.parseInt(header(response, 'Min-Expires') ?? '', 10);
      if (!(minimum > this.#expires && minimum <= MAX_EXPIRES)) return false;
      this.#expires = minimum;
      return true;
    }
    return false;
  }

  #bound(response: SipResponse, sentAt: number): Binding {
    const listed = headers(response, 'Contact')
      .map(tryNameAddr)
      .filter((contact) => contact !== null && this.#isOwn(contact));
    // a registrar without outbound keeps the binding of a flow that broke beside that of its follower
    const own = listed.find((contact) => contact !== null && this.#isHere(contact)) ?? listed[0] ?? null;
    const granted = own === null ? null : (paramValue(own.parameters, 'expires') ?? header(response, 'Expires'));
    const seconds = granted === null ? this.#expires : Number.parseInt(granted, 10);
    if (own === null || !(seconds > 0)) {
      // cpm.md section 3.1; the person can change nothing about it, and the next answer may be a better one
      throw new RegisterRefusal('link.server', 'the answer does not list this device', response);
    }
    const addresses = readAddresses(response, 'P-Associated-URI').map(({ uri }) => uri);
    const identity = this.#identity;
    identity.serviceRoutes = headers(response, 'Service-Route').slice(0, 20);
    identity.binding = {
      expiresAt: sentAt + Math.min(seconds, MAX_EXPIRES) * 1000,
      publicGruu: gruu(own, 'pub-gruu'),
      temporaryGruu: gruu(own, 'temp-gruu'),
      addresses: addresses.length > 0 ? addresses : [identity.options.address],
      localHost: identity.local.host,
    };
    this.#startKeepAlive(response);
    return identity.binding;
  }

  #isOwn(contact: NameAddr): boolean {
    const instance = paramValue(contact.parameters, '+sip.instance');
    if (instance !== null) return instance.toLowerCase() === `<${this.#identity.options.instanceUrn}>`.toLowerCase();
    return this.#isHere(contact);
  }

  /** its address is that of this flow */
  #isHere(contact: NameAddr): boolean {
    const theirs = trySipUri(contact.uri);
    const ours = trySipUri(this.#identity.contactUri);
    return theirs !== null && ours !== null && sameSipUri(theirs, ours);
  }

  /** RFC 5626 section 4.4 and RFC 6223: who names an interval, or supports outbound, answers pings. */
  #startKeepAlive(response: SipResponse): void {
    const via = headers(response, 'Via')[0] ?? '';
    const named = header(response, 'Flow-Timer') ?? /;\s*keep\s*=\s*([0-9]+)/i.exec(via)?.[1];
    const seconds = Number.parseInt(named ?? '', 10);
    const isPromised = seconds > 0 || hasToken(response, 'Require', 'outbound') || hasToken(response, 'Supported', 'outbound');
    this.#core.flow?.keepAlive(seconds > 0 && seconds < MAX_EXPIRES ? seconds : undefined, isPromised);
  }
}

/** cpm.md section 3.1: 600 s before the end, or at half of an interval of 1200 s and less. @returns milliseconds from now */
export function refreshDelay(binding: Binding, now: number): number {
  const left = Math.max(0, binding.expiresAt - now);
  return left <= 1_200_000 ? left / 2 : left - 600_000;
}

function gruu(contact: NameAddr, name: string): string | null {
  const value = paramValue(contact.parameters, name);
  return value !== null && /^sips?:[^\s<>"]+$/i.test(value) ? value : null;
}

function tryNameAddr(value: string): NameAddr | null {
  try {
    return decodeNameAddr(value);
  } catch {
    return null;
  }
}

function refusal({ response, hasAnsweredChallenge }: Outcome): RegisterRefusal {
  const { status, reason } = response;
  const isUnprovable = (status === 401 || status === 407) && !hasAnsweredChallenge;
  const detail = `${status} ${reason}${isUnprovable ? ', which asks for a proof that this client does not know' : ''}`;
  return new RegisterRefusal(refusalCode(response, hasAnsweredChallenge), detail, response);
}

/** Column REGISTER of cpm.md section 15.2. What the person can do nothing about is tried again. */
function refusalCode(response: SipResponse, hasAnsweredChallenge: boolean): ErrorCode {
  const { status } = response;
  if (status === 401 || status === 407) {
    if (!hasAnsweredChallenge) return 'link.refused';
    // a server that never takes its own nonces says nothing about the password
    const challenges = headers(response, status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate');
    return challenges.some((challenge) => /\bstale\s*=\s*"?true\b/i.test(challenge)) ? 'link.server' : 'link.credentials';
  }
  if (status === 404 || status === 410 || status === 604) return 'link.unknown-account';
  if (status === 408) return 'link.timeout';
  if (status === 430) return 'link.lost';
  return status < 400 || (status >= 500 && status < 600) ? 'link.server' : 'link.refused';
}

/** RFC 3261 section 20.33: seconds, then perhaps a comment and parameters. */
/** Retry-After as a server said it, ms */
export function retryAfterOf(response: SipResponse): number | null {
  const seconds = /^\s*([0-9]{1,10})/.exec(header(response, 'Retry-After') ?? '')?.[1];
  return seconds === undefined ? null : Number(seconds) * 1000;
}
