import { header, headers, type SipHeader, type SipMessage, type SipRequest } from '../../shared/protocol/sip/message.ts';
import { decodeNameAddr, encodeNameAddr, type NameAddr } from '../../shared/protocol/sip/name-addr.ts';
import { paramValue } from '../../shared/protocol/sip/params.ts';
import { trySipUri } from '../../shared/protocol/sip/uri.ts';
import type { Bindings } from './bindings.ts';
import type { Directory } from './directory.ts';
import type { Flow } from './flow.ts';
import type { HomeUser } from './settings.ts';

/** Fields of one hop or one leg: each side of the back-to-back agent makes its own. Everything else passes untouched, known or not. */
const OF_ONE_LEG = new Set([
  'Via',
  'Route',
  'Record-Route',
  'Path',
  'Service-Route',
  'From',
  'To',
  'Call-ID',
  'CSeq',
  'Max-Forwards',
  'Contact',
  'Content-Length',
  'Authorization',
  'Proxy-Authorization',
  'Proxy-Authenticate',
  'WWW-Authenticate',
  'Proxy-Require',
  'P-Preferred-Identity',
  'P-Asserted-Identity',
  'P-Preferred-Service',
  'P-Asserted-Service',
  'P-Called-Party-ID',
  'P-Access-Network-Info',
  // says of a copy that it is one: nobody but this network may
  'Message-Direction',
  'RSeq',
  'RAck',
]);

/** Option tags that cannot work across two dialogs with numbers of their own. */
const NOT_PASSED = new Set(['100rel', 'replaces', 'outbound', 'path']);

export interface Originator {
  readonly user: HomeUser;
  readonly flow: Flow;
}

/** What this network writes into requests and answers in the name of its users. */
export class RelayHeaders {
  readonly #directory: Directory;
  readonly #bindings: Bindings;
  readonly #ownUri: (user: string) => string;

  constructor(directory: Directory, bindings: Bindings, ownUri: (user: string) => string) {
    this.#directory = directory;
    this.#bindings = bindings;
    this.#ownUri = ownUri;
  }

  /** The fields that pass, in their order, with the sender's identity asserted (RFC 3325) unless he asked for privacy (RFC 3323). */
  passing(message: SipMessage, sender: HomeUser | null): SipHeader[] {
    const fields: SipHeader[] = [];
    for (const field of message.headers) {
      if (OF_ONE_LEG.has(field.name)) continue;
      if (field.name === 'Supported') {
        const tags = headers({ headers: [field] }, 'Supported').filter((tag) => !NOT_PASSED.has(tag.toLowerCase()));
        if (tags.length > 0) fields.push({ name: 'Supported', value: tags.join(', ') });
      } else {
        fields.push(field);
      }
    }
    if (sender === null) return fields;
    const service = header(message, 'P-Preferred-Service');
    const asserted: SipHeader[] = [];
    if (!isPrivate(message)) asserted.push({ name: 'P-Asserted-Identity', value: this.#directory.assertedIdentity(sender) });
    if (service !== null) asserted.push({ name: 'P-Asserted-Service', value: service });
    return [...asserted, ...fields];
  }

  /** The way back into a dialog leads through this network. */
  recordRoute(): SipHeader {
    return { name: 'Record-Route', value: `<${this.#ownUri('')};lr>` };
  }

  /**
   * Contact as the other side gets it: the GRUU of the device (RFC 5627), the temporary one for an anonymous sender, else an address of this network;
   * with the sender's feature tags. Null when the message has none.
   */
  contact(message: SipMessage, sender: Originator): SipHeader | null {
    const value = headers(message, 'Contact')[0];
    if (value === undefined) return null;
    const original = decodeNameAddr(value);
    const hidden = isPrivate(message);
    const parameters = original.parameters.filter(({ name }) => {
      const key = name.toLowerCase();
      return !NOT_IN_DIALOG.has(key) && !(hidden && key === '+sip.instance');
    });
    const uri = this.#contactUri(original, sender, hidden);
    return { name: 'Contact', value: encodeNameAddr({ displayName: hidden ? null : original.displayName, uri, parameters }) };
  }

  #contactUri(original: NameAddr, { user, flow }: Originator, hidden: boolean): string {
    const uri = trySipUri(original.uri);
    const isGruu = uri !== null && paramValue(uri.parameters, 'gr') !== null;
    if (isGruu && this.#bindings.resolve(uri)?.user === user && (!hidden || paramValue(uri.parameters, 'gr') === '')) return original.uri;
    const device = this.#bindings.device(original, user, flow);
    const gruu = device === null ? null : hidden ? this.#bindings.temporaryGruu(device) : this.#bindings.publicGruu(device);
    return gruu ?? this.#ownUri(hidden ? 'anonymous' : user.user);
  }
}

const NOT_IN_DIALOG = new Set(['expires', 'q', 'reg-id', 'pub-gruu', 'temp-gruu', 'ob']);

/** `Privacy: id`, or one of the wider ones, hides who it is (RFC 3325 section 9.3). */
export function isPrivate(message: SipMessage): boolean {
  const values = (header(message, 'Privacy') ?? '').toLowerCase().split(/[;,]/);
  return values.some((value) => value.trim() === 'id' || value.trim() === 'user' || value.trim() === 'header');
}

/** The address part of From or To, for the same field of the other leg: everything but its tag. */
export function withoutTag(value: string): string {
  const address = decodeNameAddr(value);
  return encodeNameAddr({ ...address, parameters: address.parameters.filter(({ name }) => name.toLowerCase() !== 'tag') });
}

/** Max-Forwards of the next leg (RFC 3261 section 16.6 step 3); 70 where the field was missing. */
export function nextMaxForwards(received: number | null): SipHeader {
  return { name: 'Max-Forwards', value: String(received === null ? 70 : Math.max(0, received - 1)) };
}

/** Option tags of a Require we must refuse before a request goes on. */
export function unpassable(request: SipRequest): string[] {
  return [...headers(request, 'Require').filter((tag) => NOT_PASSED.has(tag.toLowerCase())), ...headers(request, 'Proxy-Require')];
}
