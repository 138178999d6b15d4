import { NO_BYTES } from '../../shared/base/bytes.ts';
import { headers, type SipHeader, type SipMessage, type SipRequest } from '../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../shared/protocol/sip/name-addr.ts';
import type { Flow } from './flow.ts';
import type { HomeUser } from './settings.ts';

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
  /** by the CSeq number the device gave its INVITE */
  readonly acks: Map<number, PendingAck>;
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
