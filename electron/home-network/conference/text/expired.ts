import { NO_BYTES } from '../../../../shared/base/bytes.ts';
import { randomToken } from '../../../../shared/base/random.ts';
import { decodeCpim, encodeCpim } from '../../../../shared/protocol/cpim/cpim.ts';
import { cpimDateTime, formatDateTime, imdnRequest, makeCpim } from '../../../../shared/protocol/cpim/cpim-message.ts';
import { encodeImdn, IMDN_TYPE } from '../../../../shared/protocol/imdn/imdn.ts';
import type { NewEntry } from './database.ts';
import type { TextMember } from './port.ts';

/** What the author is told of a member who has not got it (cpm.md section 16.2); null where he did not ask. */
export function expiryNotice(
  head: Uint8Array,
  missed: TextMember,
  author: TextMember,
  now: number,
): (Pick<NewEntry, 'contentType' | 'head' | 'content' | 'size'> & { readonly messageId: string }) | null {
  const about = decodeCpim(head);
  const { messageId, dispositions } = imdnRequest(about);
  if (messageId === null || !dispositions.has('negative-delivery')) return null;
  const recipientUri = missed.entity;
  const dateTime = cpimDateTime(about).text ?? formatDateTime(now);
  const content = encodeImdn({
    ...{ messageId, dateTime, recipientUri, originalRecipientUri: recipientUri },
    ...{ disposition: 'delivery', status: 'failed' },
  });
  const notice = makeCpim({
    ...{ from: missed.entity, fromName: missed.displayName, to: author.entity, dateTime: formatDateTime(now) },
    ...{ imdnMessageId: randomToken(24), contentType: IMDN_TYPE, contentDisposition: 'notification', content },
  });
  const written = encodeCpim({ ...notice, content: NO_BYTES });
  return { messageId, contentType: IMDN_TYPE, head: written, content, size: written.length + content.length };
}
