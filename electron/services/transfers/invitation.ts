import { NO_BYTES } from '../../../shared/base/bytes.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { domainOf } from '../../../shared/model/address.ts';
import { CPIM_TYPE, decodeCpim, encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import {
  ALL_DISPOSITIONS,
  cpimDateTime,
  formatDateTime,
  type ImdnRequest,
  imdnRequest,
  makeCpim,
} from '../../../shared/protocol/cpim/cpim-message.ts';
import { FILE_TRANSFER } from '../../../shared/protocol/cpm/names.ts';
import { makeMultipart, type Part } from '../../../shared/protocol/multipart/multipart.ts';
import { makeFileOffer, makeOrigin } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpPlace } from '../../../shared/protocol/sdp/msrp-media.ts';
import { encodeSdp, SDP_TYPE, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { Header, IncomingInvite } from '../../sip/port.ts';
import type { StoredTransfer } from '../../store/port.ts';
import { findPart, offerOf } from '../session-body.ts';
import { originatorHeaders } from '../standalone.ts';

/** how long the other person has to answer, seconds; the network may end it sooner */
const INVITE_EXPIRES_S = 600;

/** Header fields of a file INVITE beyond SIP's own (seed 000 7.4.1, flow F11-01). */
export function fileInviteHeaders(address: string, transfer: StoredTransfer): Header[] {
  return [...originatorHeaders(FILE_TRANSFER, address, transfer), { name: 'Expires', value: String(INVITE_EXPIRES_S) }];
}

/**
 * @param place of the session made for this file
 * @param icon Content-ID of its thumbnail
 */
export function fileOffer(
  transfer: StoredTransfer,
  fileTransferId: string,
  place: MsrpPlace,
  now: number,
  icon?: string,
): SessionDescription {
  const hashes = [
    { algorithm: 'sha-1', hex: transfer.hash?.sha1 ?? null },
    { algorithm: 'sha-256', hex: transfer.hash?.sha256 ?? null },
  ];
  return makeFileOffer({
    origin: makeOrigin(place.address, now),
    place,
    name: transfer.name,
    type: transfer.type,
    size: transfer.size,
    hashes: hashes.filter((hash): hash is { algorithm: string; hex: string } => hash.hex !== null),
    transferId: fileTransferId,
    icon,
  });
}

/**
 * The offer and, beside it, the request for notifications: raw file octets have no CPIM header to carry it (cpm.md section 6).
 * Thumbnails make it a multipart/related (flow F11-01).
 * @param icons parts that the offer names
 */
export function encodeFileInvitation(
  offer: SessionDescription,
  transfer: StoredTransfer,
  address: string,
  sentAt: number,
  icons: readonly Part[] = [],
): { contentType: string; body: Uint8Array } {
  const request = makeCpim({
    from: address,
    to: transfer.peer,
    dateTime: formatDateTime(sentAt),
    imdnMessageId: transfer.imdnId,
    dispositions: ALL_DISPOSITIONS,
    contentType: 'text/plain',
    content: NO_BYTES,
  });
  const sdp = part(SDP_TYPE, encodeSdp(offer));
  const cpim = part(CPIM_TYPE, encodeCpim(request));
  if (icons.length === 0) return makeMultipart('multipart/mixed', [sdp, cpim]);
  const start = `<${contentId(address)}>`;
  const root: Part = { ...sdp, headers: [...sdp.headers, { name: 'Content-ID', value: start }] };
  const parameters = new Map([
    ['type', SDP_TYPE],
    ['start', start],
  ]);
  return makeMultipart('multipart/related', [root, ...icons, cpim], parameters);
}

/** A new one (RFC 2392), without brackets. @param address whose it is */
export function contentId(address: string): string {
  return `${randomToken(16)}@${domainOf(address) ?? 'parley.invalid'}`;
}

function part(contentType: string, body: Uint8Array): Part {
  return { headers: [{ name: 'Content-Type', value: contentType }], body };
}

export interface FileInvitation {
  /** octets of the session description */
  readonly sdp: Uint8Array;
  /** its imdn.Message-ID is null when the peer asked for no notification and named nothing */
  readonly request: ImdnRequest | null;
  readonly sentAt: number | null;
  readonly dateTime: string | null;
}

/** Finds the description and the CPIM part in the body of an incoming file INVITE; @throws Unacceptable; ParleyError `*.malformed` */
export function decodeFileInvitation(invite: IncomingInvite): FileInvitation {
  const { contentType, body } = invite;
  const sdp = offerOf(invite);
  // a file that is offered by nobody cannot be put before the person (cpm.md section 15.3)
  if (!sdp) throw new ParleyError('peer.malformed', 'no session description');
  const cpimPart = findPart(contentType, body, CPIM_TYPE);
  if (!cpimPart) return { sdp, request: null, sentAt: null, dateTime: null };
  const cpim = decodeCpim(cpimPart);
  const { text, time } = cpimDateTime(cpim);
  return { sdp, request: imdnRequest(cpim), sentAt: time, dateTime: text };
}
