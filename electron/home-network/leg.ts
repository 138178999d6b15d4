import { NO_BYTES } from '../../shared/base/bytes.ts';
import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { header, headers, type SipHeader, type SipMessage, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../shared/protocol/sip/name-addr.ts';
import { paramValue } from '../../shared/protocol/sip/params.ts';
import type { Binding } from './bindings.ts';
import type { Flow } from './flow.ts';
import { withoutTag } from './relay-headers.ts';
import type { ServerTransaction } from './server-transaction.ts';
import type { HomeUser } from './settings.ts';

/** Max-Forwards of a request that begins here */
export const FRESH: SipHeader = { name: 'Max-Forwards', value: '70' };

/** How an INVITE of one leg is acknowledged on the other one. */
export interface PendingAck {
  /** CSeq number of the INVITE on the other leg */
  readonly sequence: number;
  /** our ACK there once it went out: sent again when its 2xx comes again */
  octets: Uint8Array | null;
}

/** One dialog between this network and a device (RFC 3261 section 12); a session has two. */
export interface Leg {
  flow: Flow;
  readonly user: HomeUser;
  readonly callId: string;
  readonly localTag: string;
  /** null until the device has answered */
  remoteTag: string | null;
  /** From (ours) and To (theirs) of our requests, without tags */
  readonly localAddress: string;
  readonly remoteAddress: string;
  localSequence: number;
  remoteSequence: number;
  remoteTarget: string;
  routes: readonly string[];
  /** value of the Record-Route that our INVITE had, which comes back in its answers; null: none */
  readonly recordRoute: string | null;
  /** by the CSeq number the device gave its INVITE */
  readonly acks: Map<number, PendingAck>;
}

/** The dialog that an INVITE of a device makes with this network. */
export function legFrom(invite: ServerTransaction, user: HomeUser): Leg {
  const { request, essentials, flow } = invite;
  return {
    flow,
    user,
    callId: essentials.callId,
    localTag: invite.toTag,
    remoteTag: essentials.fromTag,
    localAddress: withoutTag(header(request, 'To') ?? ''),
    remoteAddress: withoutTag(header(request, 'From') ?? ''),
    localSequence: 0,
    remoteSequence: essentials.sequence,
    remoteTarget: contactUri(request) ?? essentials.from.uri,
    routes: headers(request, 'Record-Route'),
    recordRoute: null,
    acks: new Map(),
  };
}

/** The dialog that an INVITE to a device will make. @param recordRoute of that INVITE */
export function legTo(device: Binding, { headers }: Pick<SipRequest, 'headers'>, recordRoute: string | null): Leg {
  return {
    flow: device.flow,
    user: device.user,
    callId: randomUuid(),
    localTag: randomToken(10),
    remoteTag: null,
    localAddress: withoutTag(header({ headers }, 'From') ?? ''),
    remoteAddress: withoutTag(header({ headers }, 'To') ?? ''),
    localSequence: 1,
    remoteSequence: -1,
    remoteTarget: device.contact.uri,
    routes: device.path,
    recordRoute,
    acks: new Map(),
  };
}

/** The fields of a request of ours inside that dialog; `sequence` null takes the next number. */
export function dialogRequest(
  leg: Leg,
  method: string,
  maxForwards: SipHeader,
  sequence: number | null,
  rest: readonly SipHeader[],
  body: Uint8Array = NO_BYTES,
): SipRequest {
  if (sequence === null) leg.localSequence += 1;
  const to = leg.remoteTag === null ? leg.remoteAddress : `${leg.remoteAddress};tag=${leg.remoteTag}`;
  return {
    kind: 'request',
    method,
    uri: leg.remoteTarget,
    headers: [
      maxForwards,
      ...leg.routes.map((value) => ({ name: 'Route', value })),
      { name: 'From', value: `${leg.localAddress};tag=${leg.localTag}` },
      { name: 'To', value: to },
      { name: 'Call-ID', value: leg.callId },
      { name: 'CSeq', value: `${sequence ?? leg.localSequence} ${method}` },
      ...rest,
    ],
    body,
  };
}

/** The dialog is made by the 2xx: tag, target and routes (RFC 3261 section 12.1.2). */
export function met(leg: Leg, response: SipResponse): void {
  leg.remoteTag = paramValue(decodeNameAddr(header(response, 'To') ?? '').parameters, 'tag');
  leg.remoteTarget = contactUri(response) ?? leg.remoteTarget;
  leg.routes = headers(response, 'Record-Route')
    .filter((value) => value !== leg.recordRoute)
    .reverse();
}

export function reason(value: string): SipHeader {
  return { name: 'Reason', value };
}

/** The URI of Contact, where the device wants its next requests (RFC 3261 section 12.2). */
export function contactUri(message: SipMessage): string | null {
  const value = headers(message, 'Contact')[0];
  return value === undefined ? null : decodeNameAddr(value).uri;
}

/** Remembers few: one INVITE at a time is open in a dialog. */
export function expectAck(leg: Leg, received: number, sent: number): PendingAck {
  const pending: PendingAck = { sequence: sent, octets: null };
  leg.acks.set(received, pending);
  for (const old of leg.acks.keys()) {
    if (leg.acks.size <= 4) break;
    leg.acks.delete(old);
  }
  return pending;
}
