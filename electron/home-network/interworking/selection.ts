import { canonicalAddress } from '../../../shared/model/address.ts';
import { trySipUri, unescapeUser } from '../../../shared/protocol/sip/uri.ts';
import type { Ruling } from '../rules/rules.ts';

/** R-PF-44: what reaches no device of a user leaves by a gateway, if he wants that and policy does not say otherwise. */
export function leavesAtRecipient(ruling: Ruling, isReachable: boolean, hasGateway: boolean): boolean {
  return hasGateway && !isReachable && ruling.interworking === 'undeliverable' && ruling.available !== 'refuse';
}

/** R-PF-45: what goes to somebody who is no user of CPM leaves by a gateway, if policy says so. */
export function leavesAtSender(ruling: Ruling, isUser: boolean, hasGateway: boolean): boolean {
  return hasGateway && !isUser && ruling.interworkOriginating;
}

/** By which name a gateway would know the target: a number with its `+`, or the user part of an address of this network; null for neither. */
export function gatewayName(uri: string, isOurs: (host: string) => boolean): string | null {
  const canonical = canonicalAddress(uri);
  if (canonical?.startsWith('tel:')) return canonical.slice('tel:'.length);
  const sip = trySipUri(uri);
  return sip !== null && sip.user !== null && isOurs(sip.host) ? unescapeUser(sip.user) : null;
}
