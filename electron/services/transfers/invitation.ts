import { NO_BYTES } from '../../../shared/base/bytes.ts';
import { CPIM_TYPE, decodeCpim, encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { ALL_DISPOSITIONS, cpimDateTime, formatDateTime, imdnRequest, makeCpim } from '../../../shared/protocol/cpim/cpim-message.ts';
import { decodeContentType } from '../../../shared/protocol/mime/content-type.ts';
import { decodeMultipart, encodeMultipart } from '../../../shared/protocol/multipart/multipart.ts';
import { makeFileOffer } from '../../../shared/protocol/sdp/file-offer.ts';
import { encodeSdp } from '../../../shared/protocol/sdp/sdp.ts';
import type { Header } from '../../sip/port.ts';
import type { StoredTransfer } from '../../store/port.ts';
import { originatorHeaders } from '../standalone.ts';

export const FILE_SERVICE = 'oma.cpm.filetransfer';

/** how long the other person has to answer, seconds; the network may end it sooner */
const INVITE_EXPIRES_S = 600;

/** Header fields of a file INVITE beyond SIP's own (seed 000 7.4.1, flow F11-01). */
export function fileInviteHeaders(address: string, transfer: StoredTransfer): Header[] {
  return [
    ...originatorHeaders(FILE_SERVICE, address),
    { name: 'Conversation-ID', value: transfer.cpmConversationId },
    { name: 'Contribution-ID', value: transfer.contributionId },
    { name: 'Expires', value: String(INVITE_EXPIRES_S) },
  ];
}

/** The offer and, beside it, the request for notifications: raw file octets have no CPIM header to carry it (cpm.md section 6). */
export function encodeFileInvitation(
  transfer: StoredTransfer & { readonly fileTransferId: string },
  address: string,
  sessionUri: string,
  localHost: string,
  sentAt: number,
): { contentType: string; body: Uint8Array } {
  const offer = makeFileOffer({
    user: address.replace(/^[a-z]+:/, '').replace(/@.*$/, ''),
    host: localHost,
    path: sessionUri,
    file: {
      name: transfer.name,
      type: transfer.type,
      size: transfer.size,
      sha1: transfer.hash?.sha1 ?? null,
      sha256: transfer.hash?.sha256 ?? null,
    },
    fileTransferId: transfer.fileTransferId,
  });
  const request = makeCpim({
    from: address,
    to: transfer.peer,
    dateTime: formatDateTime(sentAt),
    imdnMessageId: transfer.imdnId,
    dispositions: ALL_DISPOSITIONS,
    contentType: 'text/plain',
    content: NO_BYTES,
  });
  return encodeMultipart('mixed', [
    { contentType: 'application/sdp', body: encodeSdp(offer) },
    { contentType: CPIM_TYPE, body: encodeCpim(request) },
  ]);
}

export interface FileInvitation {
  /** octets of the session description */
  readonly sdp: Uint8Array;
  /** imdn.Message-ID, null when the peer asked for no notification and named nothing */
  readonly imdnId: string | null;
  readonly sentAt: number | null;
  readonly dateTime: string | null;
  readonly dispositions: ReadonlySet<string>;
}

/** Finds the description and the CPIM part in the body of an incoming file INVITE; null when there is no description. */
export function decodeFileInvitation(contentTypeText: string, body: Uint8Array): FileInvitation | null {
  const contentType = decodeContentType(contentTypeText);
  if (contentType.type === 'application/sdp') {
    return { sdp: body, imdnId: null, sentAt: null, dateTime: null, dispositions: new Set() };
  }
  if (!contentType.type.startsWith('multipart/')) return null;
  const { parts } = decodeMultipart(contentTypeText, body);
  const partOf = (type: string) => parts.find((part) => decodeContentType(part.contentType).type === type)?.body;
  const sdp = partOf('application/sdp');
  if (!sdp) return null;
  const cpimPart = partOf(CPIM_TYPE);
  const cpim = cpimPart ? decodeCpim(cpimPart) : null;
  const request = cpim ? imdnRequest(cpim) : null;
  const dateTime = cpim ? cpimDateTime(cpim) : null;
  return {
    sdp,
    imdnId: request?.messageId ?? null,
    sentAt: dateTime?.time ?? null,
    dateTime: dateTime?.text ?? null,
    dispositions: request?.dispositions ?? new Set(),
  };
}
