import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { CPIM_TYPE, contentHeader, cpimContent, decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { cpimDateTime } from '../../../shared/protocol/cpim/cpim-message.ts';
import { decodeFileTransferInfo } from '../../../shared/protocol/cpm-objects/descriptions.ts';
import type { StoredObject } from '../../../shared/protocol/cpm-objects/stored-object.ts';
import { decodeImdn, IMDN_TYPE } from '../../../shared/protocol/imdn/imdn.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { decodeSdp } from '../../../shared/protocol/sdp/sdp.ts';

interface Content {
  readonly type: string;
  readonly octets: Uint8Array;
  /** ms since the epoch */
  readonly time: number | null;
}

/** The name of the first file that such a description tells of; '' where it has none. @throws ParleyError `xml.*` */
export function fileNameIn(description: Uint8Array): string {
  const sdp = decodeFileTransferInfo(description).files[0]?.sdp ?? '';
  try {
    const media = decodeSdp(sdp).media.find((each) => each.kind === 'msrp' && each.fileSelector !== null);
    return (media?.kind === 'msrp' ? media.fileSelector?.name : null) ?? '';
  } catch {
    return '';
  }
}

/** The text in a stored message with its own id and time; null for what is none. */
export function textOf(
  object: StoredObject,
): { readonly imdnId: string; readonly contributionId: string; readonly text: string; readonly sentAt: number } | null {
  const content = contentOf(object);
  const { imdnMessageId, contributionId, date } = object.headers;
  if (content?.type !== 'text/plain' || imdnMessageId === null) return null;
  const sentAt = content.time ?? date;
  return sentAt === null
    ? null
    : { imdnId: imdnMessageId, contributionId: contributionId ?? imdnMessageId, text: fromUtf8(content.octets), sentAt };
}

export function isNotification(object: StoredObject): boolean {
  return contentOf(object)?.type === IMDN_TYPE;
}

/** What a notification says of a message; null for what is none, or says that it failed. */
export function noteOf(object: StoredObject): { readonly messageId: string; readonly reached: 'delivered' | 'displayed' } | null {
  const content = contentOf(object);
  if (content?.type !== IMDN_TYPE) return null;
  try {
    const { messageId, status } = decodeImdn(content.octets);
    return status === 'delivered' || status === 'displayed' ? { messageId, reached: status } : null;
  } catch {
    return null;
  }
}

function contentOf(object: StoredObject): Content | null {
  if (object.kind !== 'message') return null;
  const { contentType, content } = object;
  if (mediaType(contentType) !== CPIM_TYPE) return { type: mediaType(contentType), octets: content, time: null };
  try {
    const cpim = decodeCpim(content);
    return { type: mediaType(contentHeader(cpim, 'Content-Type') ?? ''), octets: cpimContent(cpim), time: cpimDateTime(cpim).time };
  } catch {
    return null;
  }
}
