import { canonicalAddress } from '../../shared/model/address.ts';
import { STORE_AND_FORWARD } from '../../shared/protocol/cpm/names.ts';
import { header, headers, type SipMessage } from '../../shared/protocol/sip/message.ts';
import { decodeNameAddr, encodeNameAddr } from '../../shared/protocol/sip/name-addr.ts';
import { paramValue } from '../../shared/protocol/sip/params.ts';
import { trySipUri } from '../../shared/protocol/sip/uri.ts';

export interface Address {
  /** without quotes, '' when there is none */
  readonly displayName: string;
  /** bare; '' when the value could not be read */
  readonly uri: string;
  /** display name and `<uri>`, without header parameters */
  readonly nameAddr: string;
  readonly tag: string | null;
}

/** Reads From, To, Contact and the like, and never throws: what cannot be read is empty. */
export function readAddress(value: string): Address {
  try {
    const address = decodeNameAddr(value);
    const tag = paramValue(address.parameters, 'tag');
    return {
      displayName: address.displayName ?? '',
      uri: address.uri,
      nameAddr: encodeNameAddr({ ...address, parameters: [] }),
      tag: tag === '' ? null : tag,
    };
  } catch {
    return { displayName: '', uri: '', nameAddr: '', tag: null };
  }
}

/** All readable addresses of a list header. */
export function readAddresses(message: SipMessage, name: string): Address[] {
  return headers(message, name)
    .map(readAddress)
    .filter((address) => address.uri !== '');
}

/** Whom a function of the network speaks for that hands on what it had stored (cpm.md section 2.7); null where none does. */
export function referredAuthor(request: SipMessage): Address | null {
  const isStored = readAddresses(request, 'P-Asserted-Identity').some(({ uri }) => trySipUri(uri)?.user === STORE_AND_FORWARD);
  const author = isStored ? readAddress(header(request, 'Referred-By') ?? '') : null;
  return author !== null && author.uri !== '' ? author : null;
}

/** By whom a request is counted: whom the network asserts, else whoever it says it is from. */
export function sourceOf(request: SipMessage): string {
  const asserted = headers(request, 'P-Asserted-Identity')[0];
  const { uri } = referredAuthor(request) ?? readAddress(asserted ?? header(request, 'From') ?? '');
  return canonicalAddress(uri) ?? uri.slice(0, 100);
}

/** Host and port as they stand in a URI or Via: IPv6 in brackets, without a zone. */
export function uriHost(host: string): string {
  return host.includes(':') ? `[${host.replace(/%.*$/, '')}]` : host;
}
