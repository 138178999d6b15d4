import { domainOf } from '../../../shared/model/address.ts';
import { acceptContact, contactFeature, DEFERRED, DEFERRED_HANDLING } from '../../../shared/protocol/cpm/names.ts';
import { DEFERRED_NOTIFICATION_TYPES } from '../../../shared/protocol/deferred-info/notification.ts';
import { type DeferredChoice, encodeDeferredRequest } from '../../../shared/protocol/lists/deferred-request.ts';
import { SDP_TYPE } from '../../../shared/protocol/sdp/sdp.ts';
import type { Header, OutgoingRequest, SubscriptionRequest } from '../../sip/port.ts';
import { RECIPIENT_LIST_INVITE, withList } from '../recipient-body.ts';

/** seconds */
const SUBSCRIPTION_EXPIRES = 3600;

/** Where the home network handles what waits for this person (seed 004 7.2.6.2, R-DEF-21). */
export function handlingAddress(address: string): string {
  return `sip:${DEFERRED_HANDLING}@${domainOf(address)}`;
}

/** F19-01 */
export function watchRequest(address: string): SubscriptionRequest {
  return {
    target: handlingAddress(address),
    event: 'deferred-messages',
    accept: DEFERRED_NOTIFICATION_TYPES,
    expires: SUBSCRIPTION_EXPIRES,
    contactParameters: '',
    headers: headersOf(address),
  };
}

/** F20-01: an order for each of those; F20-14: no choices, which means everything (R-DEF-03). */
export function fetchRequest(address: string, sdp: Uint8Array, choices: readonly DeferredChoice[]): OutgoingRequest {
  const isList = choices.length > 0;
  const offer = { type: SDP_TYPE, body: sdp };
  return {
    target: handlingAddress(address),
    headers: [...headersOf(address), ...(isList ? [{ name: 'Require', value: RECIPIENT_LIST_INVITE }] : [])],
    contactParameters: contactFeature([DEFERRED]),
    ...(isList ? withList(offer, encodeDeferredRequest(choices)) : { contentType: SDP_TYPE, body: sdp }),
  };
}

function headersOf(address: string): Header[] {
  return [
    { name: 'Accept-Contact', value: acceptContact(DEFERRED) },
    { name: 'P-Preferred-Identity', value: `<${address}>` },
  ];
}
