import type { ProxyAddress, SipTransport } from '../../shared/model/account.ts';
import { headers, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../shared/protocol/sip/name-addr.ts';
import { paramValue } from '../../shared/protocol/sip/params.ts';
import { decodeSipUri, encodeSipUri } from '../../shared/protocol/sip/uri.ts';

/**
 * The Request-URI to which a 3xx sends a MESSAGE or an INVITE, by the best Contact (RFC 3261 section 8.1.3.4); the way there stays the route set of the
 * registration. Null when there is none, or it is where we were already.
 */
export function redirectedTarget(response: SipResponse, target: string): string | null {
  if (![300, 301, 302, 305].includes(response.status)) return null;
  const contacts = headers(response, 'Contact').slice(0, MAX_CONTACTS).flatMap(readContact);
  const [best] = contacts.filter(({ uri }) => uri.scheme === 'sip' && uri.user !== null).sort((one, other) => other.q - one.q);
  const next = best === undefined ? null : encodeSipUri({ ...best.uri, password: null, headers: null });
  return next === target ? null : next;
}

/** Where a 3xx sends a REGISTER. */
export interface Redirection {
  /** Request-URI of the next REGISTER */
  readonly registrar: string;
  readonly location: ProxyAddress;
}

/** Contacts of one answer that are looked at */
const MAX_CONTACTS = 10;

/**
 * The best Contact of a 300, 301, 302 or 305 that can be followed (RFC 3261 sections 8.1.3.4 and 21.3), by `q`: over the transport that the
 * account has and no other, so that nobody is led from TLS to a connection without. Null when there is none.
 */
export function redirectionOf(response: SipResponse, transport: SipTransport): Redirection | null {
  if (![300, 301, 302, 305].includes(response.status)) return null;
  const contacts = headers(response, 'Contact').slice(0, MAX_CONTACTS).flatMap(readContact);
  const usable = contacts.filter(({ uri }) => fits(uri, transport)).sort((one, other) => other.q - one.q);
  const uri = usable[0]?.uri;
  if (uri === undefined) return null;
  return {
    // RFC 3261 section 10.2: a registrar has no user part
    registrar: encodeSipUri({ ...uri, user: null, password: null, parameters: [], headers: null }),
    location: { host: uri.host.replace(/^\[(.*)\]$/, '$1'), port: uri.port },
  };
}

type Uri = ReturnType<typeof decodeSipUri>;

function readContact(value: string): { readonly uri: Uri; readonly q: number }[] {
  try {
    const { uri, parameters } = decodeNameAddr(value);
    const q = Number(paramValue(parameters, 'q') ?? 1);
    return [{ uri: decodeSipUri(uri), q: q >= 0 && q <= 1 ? q : 0 }];
  } catch {
    return [];
  }
}

/** `sips` over TCP means TLS; a URI without a transport leaves it to us (RFC 3263 section 4.1). */
function fits(uri: Uri, transport: SipTransport): boolean {
  const named = paramValue(uri.parameters, 'transport')?.toLowerCase() ?? null;
  if (uri.scheme === 'sips' && transport === 'tcp') return false;
  if (named === null) return true;
  if (transport === 'tcp') return named === 'tcp';
  if (transport === 'tls') return named === 'tls' || (named === 'tcp' && uri.scheme === 'sips');
  return named === 'wss' || named === 'ws';
}
