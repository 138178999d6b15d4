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
import { mimeHeader } from '../../../shared/protocol/mime/headers.ts';
import { makeMultipart, type Part, partContent } from '../../../shared/protocol/multipart/multipart.ts';
import { makeFileMedia } from '../../../shared/protocol/sdp/file-offer.ts';
import type { MsrpMedia, MsrpPlace } from '../../../shared/protocol/sdp/msrp-media.ts';
import { encodeSdp, SDP_TYPE, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { Header, IncomingInvite, SessionBody } from '../../sip/port.ts';
import type { StoredTransfer } from '../../store/port.ts';
import { findParts, offerOf } from '../session-body.ts';
import { originatorHeaders } from '../standalone.ts';

/** how long the other person has to answer, seconds; the network may end it sooner */
const INVITE_EXPIRES_S = 600;

/** Header fields of a file INVITE beyond SIP's own (seed 000 7.4.1, flow F11-01). */
export function fileInviteHeaders(address: string, transfer: StoredTransfer): Header[] {
  return [...originatorHeaders(FILE_TRANSFER, address, transfer), { name: 'Expires', value: String(INVITE_EXPIRES_S) }];
}

/** What an m-line says of a file beside the file itself. */
export interface LineToOffer {
  readonly fileTransferId: string;
  /** of the session made for this file */
  readonly place: MsrpPlace;
  /** octets that the receiver has; what is offered are those behind them (RFC 5547 section 8.4) */
  readonly start?: number | undefined;
  /** Content-ID of its thumbnail */
  readonly icon?: string | undefined;
  /** octets that we take at most */
  readonly maxSize?: number | undefined;
}

/** The m-line that offers the octets of a transfer, or asks for them: by the way they flow (table 10.2). */
export function fileMedia(transfer: StoredTransfer, { fileTransferId, start = 0, ...line }: LineToOffer): MsrpMedia {
  const { direction, pull, name, type, size, sizeKnown } = transfer;
  const hashes = [
    { algorithm: 'sha-1', hex: transfer.hash?.sha1 ?? null },
    { algorithm: 'sha-256', hex: transfer.hash?.sha256 ?? null },
  ];
  return makeFileMedia({
    ...line,
    direction: direction === 'out' ? 'sendonly' : 'recvonly',
    name: name === '' ? null : name,
    // of a file that was asked for without its type this says nothing
    type: type === '' || (pull && direction === 'in' && type === 'application/octet-stream') ? null : type,
    size: sizeKnown ? size : null,
    hashes: hashes.filter((hash): hash is { algorithm: string; hex: string } => hash.hex !== null),
    transferId: fileTransferId,
    range: start > 0 ? { start: start + 1, stop: size } : undefined,
  });
}

/** One file of an invitation that asks for notifications. */
export interface FileToNotify {
  readonly fileTransferId: string;
  readonly imdnId: string;
  /** ms since the epoch */
  readonly sentAt: number;
}

/**
 * The offer and, beside it, the requests for notifications: raw file octets have no CPIM header to carry them (cpm.md section 6). Where there are
 * several m-lines, also those of files before it, each request has the file-transfer-id of its own as Content-ID. Thumbnails make it a multipart/related (flow F11-01).
 * @param to whom it is for
 * @param icons parts that the offer names
 */
export function encodeFileInvitation(
  offer: SessionDescription,
  files: readonly FileToNotify[],
  { address, to }: { readonly address: string; readonly to: string },
  icons: readonly Part[] = [],
): SessionBody {
  const sdp = part(SDP_TYPE, encodeSdp(offer));
  const requests = files.map(({ fileTransferId, imdnId, sentAt }) => {
    const request = makeCpim({
      from: address,
      to,
      dateTime: formatDateTime(sentAt),
      imdnMessageId: imdnId,
      dispositions: ALL_DISPOSITIONS,
      contentType: 'text/plain',
      content: NO_BYTES,
    });
    const named = part(CPIM_TYPE, encodeCpim(request));
    return offer.media.length === 1
      ? named
      : { ...named, headers: [...named.headers, { name: 'Content-ID', value: `<${fileTransferId}>` }] };
  });
  if (icons.length === 0)
    return requests.length === 0 ? { contentType: SDP_TYPE, body: sdp.body } : makeMultipart('multipart/mixed', [sdp, ...requests]);
  const start = `<${contentId(address)}>`;
  const root: Part = { ...sdp, headers: [...sdp.headers, { name: 'Content-ID', value: start }] };
  const parameters = new Map([
    ['type', SDP_TYPE],
    ['start', start],
  ]);
  return makeMultipart('multipart/related', [root, ...icons, ...requests], parameters);
}

/** A new one (RFC 2392), without brackets. @param address whose it is */
export function contentId(address: string): string {
  return `${randomToken(16)}@${domainOf(address) ?? 'parley.invalid'}`;
}

function part(contentType: string, body: Uint8Array): Part {
  return { headers: [{ name: 'Content-Type', value: contentType }], body };
}

/** What the inviter wants to hear of one file. */
export interface FileRequest {
  /** null where it is the only one */
  readonly fileTransferId: string | null;
  /** its imdn.Message-ID is null when the peer asked for no notification and named nothing */
  readonly request: ImdnRequest;
  readonly sentAt: number | null;
  readonly dateTime: string | null;
}

export interface FileInvitation {
  /** octets of the session description */
  readonly sdp: Uint8Array;
  readonly requests: readonly FileRequest[];
}

/** Finds the description and the CPIM parts in the body of an incoming file INVITE; @throws Unacceptable; ParleyError `*.malformed` */
export function decodeFileInvitation(invite: Pick<IncomingInvite, 'headers' | 'contentType' | 'body'>): FileInvitation {
  const { contentType, body } = invite;
  const sdp = offerOf(invite);
  // a file that is offered by nobody cannot be put before the person (cpm.md section 15.3)
  if (!sdp) throw new ParleyError('peer.malformed', 'no session description');
  const requests = findParts(contentType, body, CPIM_TYPE).map((found) => {
    const cpim = decodeCpim(partContent(found));
    const { text, time } = cpimDateTime(cpim);
    const id = mimeHeader(found.headers, 'Content-ID');
    return { fileTransferId: id === null ? null : id.replace(/^<|>$/g, ''), request: imdnRequest(cpim), sentAt: time, dateTime: text };
  });
  return { sdp, requests };
}

/** What is asked for one of the files: the request that names it, or else the only one there is. @param isOnly whether the offer brings no other new file */
export function requestOf({ requests }: FileInvitation, fileTransferId: string | null, isOnly: boolean): FileRequest | null {
  const named = requests.find((request) => request.fileTransferId !== null && request.fileTransferId === fileTransferId);
  return named ?? (isOnly ? (requests[0] ?? null) : null);
}
