import { ParleyError } from '../../../shared/base/errors.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { FILE_TRANSFER, serviceOf } from '../../../shared/protocol/cpm/names.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { decodeMultipart, type Part } from '../../../shared/protocol/multipart/multipart.ts';
import { decodeSdp } from '../../../shared/protocol/sdp/sdp.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { descriptionIn } from '../media/description.ts';
import { isLed } from '../media/led-media.ts';
import { checkSizes, type MediaPolicy } from '../media/policy.ts';
import type { Content } from './collection.ts';
import { CPIM_HEAD } from './spool.ts';

/** What says which notifications are wanted: parts beside the description, or the head of the message itself. */
export async function wishesIn(request: SipRequest, { octets, contentType }: Content): Promise<readonly Part[]> {
  if (mediaType(contentType) === CPIM_TYPE) {
    return [{ headers: [{ name: 'Content-Type', value: CPIM_TYPE }], body: await octets.head(CPIM_HEAD) }];
  }
  const type = header(request, 'Content-Type') ?? '';
  return /^\s*multipart\//i.test(type) ? decodeMultipart(request.body, type).parts : [];
}

/** The one medium of an INVITE that this network can be the end of. @throws ParleyError for what cannot be taken */
export function takeable(request: SipRequest, policy: MediaPolicy) {
  const described = descriptionIn(request);
  if (described === null) throw new ParleyError('sdp.malformed', 'no offer');
  const description = decodeSdp(described.sdp);
  // one file an INVITE (cpm.md section 10.1, NOTE)
  const mediaIndex = description.media.findIndex(isLed);
  const media = description.media[mediaIndex];
  if (!isLed(media)) throw new ParleyError('peer.unsupported', 'no MSRP that ends here');
  if (media.direction === 'recvonly' || media.direction === 'inactive') throw new ParleyError('peer.unsupported', 'nothing is sent');
  if ((media.fileRange?.start ?? 1) !== 1) throw new ParleyError('peer.unsupported', 'a part of a file');
  const isFile = serviceOf(request.headers) === FILE_TRANSFER;
  if (isFile && (media.fileSelector?.size ?? null) === null) throw new ParleyError('peer.unsupported', 'a file without its size');
  checkSizes(description, policy);
  return { description, mediaIndex };
}
