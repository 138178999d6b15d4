import { randomToken } from '../../shared/base/random.ts';
import type { ProxyAddress } from '../../shared/model/account.ts';
import { applicationFeature, contactFeature } from '../../shared/protocol/cpm/names.ts';
import { quote } from '../../shared/protocol/sip/text.ts';
import { trySipUri, unescapeUser } from '../../shared/protocol/sip/uri.ts';
import { uriHost } from './addresses.ts';
import type { RequestPlan } from './agent-core.ts';
import { checkUri, checkValue } from './own-headers.ts';
import type { Binding, Header, UserAgentOptions } from './port.ts';

const ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>';

/** Who this agent is on the network: own addresses before and after registration, contact, routes. */
export class Identity {
  readonly options: UserAgentOptions;
  readonly #user: string;
  binding: Binding | null = null;
  serviceRoutes: readonly string[] = [];
  /** the server that this agent is connected to, as a name: the configured one, or where that one sent us */
  nextHop: ProxyAddress;
  local: { readonly host: string; readonly port: number } = { host: '0.0.0.0', port: 5060 };

  /** @throws ParleyError `request.invalid` for options that cannot be written into a header */
  constructor(options: UserAgentOptions) {
    checkUri(options.address, 'address');
    checkValue(options.displayName, 'display name');
    checkValue(options.userAgent, 'User-Agent');
    checkValue(options.user, 'user name');
    checkUri(options.instanceUrn, 'instance');
    for (const name of [...options.services, ...(options.applications ?? [])]) checkUri(`urn:${name}`, 'service');
    this.options = options;
    this.nextHop = options.outboundProxy;
    this.#user = /^sips?:([^@]*)@/i.exec(options.address)?.[1] ?? 'me';
  }

  get domain(): string {
    return trySipUri(this.options.address)?.host ?? this.options.outboundProxy.host;
  }

  /** the address of this end of the flow as a URI, as the registrar knows it */
  get contactUri(): string {
    return this.#contactUri(this.#user);
  }

  get instanceParameter(): string {
    return `;+sip.instance="<${this.options.instanceUrn}>"`;
  }

  /** `+g.3gpp.icsi-ref` and `+g.3gpp.iari-ref` of all that this device can do (RFC 3840, cpm.md section 2.2); '' without any */
  get serviceParameter(): string {
    const { services, applications = [] } = this.options;
    const features = [services.length > 0 && contactFeature(services), applications.length > 0 && applicationFeature(applications)];
    return features.map((feature) => (feature === false ? '' : `;${feature}`)).join('');
  }

  /** Contact of an answer that tells who we are */
  get capabilityContact(): string {
    return `<${this.binding?.publicGruu ?? this.contactUri}>${this.instanceParameter}${this.serviceParameter}`;
  }

  /**
   * Contact of a request or 2xx: the public GRUU when there is one. An anonymous one has the temporary GRUU and not the instance,
   * which would give the device away (RFC 5627 section 4.3).
   */
  contact(parameters: string, isAnonymous: boolean): string {
    checkValue(parameters, 'Contact parameters');
    const more = parameters === '' || parameters.startsWith(';') ? parameters : `;${parameters}`;
    if (isAnonymous) return `<${this.binding?.temporaryGruu ?? this.#contactUri('anonymous')}>${more}`;
    return `<${this.binding?.publicGruu ?? this.contactUri}>${this.instanceParameter}${more}`;
  }

  /** RFC 3608 section 5: the outbound proxy, then Service-Route in its order */
  get routes(): readonly string[] {
    const { host, port } = this.nextHop;
    const at = port === null ? '' : `:${port}`;
    return [`<sip:${uriHost(host)}${at};transport=${this.#transport};lr>`, ...this.serviceRoutes];
  }

  /** What every request outside of a dialog has in common. @throws ParleyError `request.invalid` */
  plan(method: string, target: string, headers: readonly Header[]): Omit<RequestPlan, 'headers' | 'contentType' | 'body'> {
    checkUri(target, 'target');
    const { displayName, address } = this.options;
    const own = displayName === '' ? `<${address}>` : `${quote(displayName)} <${address}>`;
    return {
      method,
      uri: target,
      from: asksForAnonymity(headers) ? ANONYMOUS : own,
      fromTag: randomToken(16),
      to: `<${target}>`,
      toTag: null,
      callId: randomToken(24),
      routes: this.routes,
    };
  }

  isOwnUser(user: string): boolean {
    const uris = [this.options.address, ...(this.binding?.addresses ?? []), this.binding?.publicGruu, this.binding?.temporaryGruu];
    const users = uris.map((uri) => (typeof uri === 'string' ? trySipUri(uri)?.user : null));
    return [this.#user, 'anonymous', ...users].some((own) => typeof own === 'string' && unescapeUser(own) === user);
  }

  #contactUri(user: string): string {
    return `sip:${user}@${uriHost(this.local.host)}:${this.local.port};transport=${this.#transport}`;
  }

  /** as a URI names it; RFC 7118 section 5.2 has one word for both kinds of WebSocket */
  get #transport(): string {
    const { transport } = this.options;
    return transport === 'wss' ? 'ws' : transport;
  }
}

/** seed 004: `Privacy: id` */
export function asksForAnonymity(headers: readonly Header[]): boolean {
  return headers.some(
    ({ name, value }) =>
      name.toLowerCase() === 'privacy' &&
      value
        .toLowerCase()
        .split(/[;,\s]+/)
        .includes('id'),
  );
}
