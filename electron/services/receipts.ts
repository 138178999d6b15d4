import { encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { formatDateTime, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import { acceptContactInstance, FILE_TRANSFER, PAGER_MODE } from '../../shared/protocol/cpm/names.ts';
import { encodeImdn, IMDN_TYPE } from '../../shared/protocol/imdn/imdn.ts';
import type { OutgoingRequest } from '../sip/port.ts';
import type { OutboxItem } from '../store/port.ts';
import type { Link, ServiceContext } from './context.ts';
import type { Attempt } from './outbox.ts';
import { attemptFromAnswer, originatorHeaders } from './standalone.ts';

type NotificationItem = Extract<OutboxItem, { kind: 'notification' }>;

/**
 * A disposition notification as a MESSAGE (RFC 5438 section 8, cpm.md section 6): to the author, and to the very device that sent the message when
 * its request told its instance.
 */
export function notificationMessage(context: ServiceContext, item: NotificationItem): OutgoingRequest {
  const { address } = context.account;
  const headers = originatorHeaders(item.service === 'msg' ? PAGER_MODE : FILE_TRANSFER, address, item);
  if (item.originInstance) headers.push({ name: 'Accept-Contact', value: acceptContactInstance(item.originInstance) });
  return {
    target: item.peer,
    headers,
    contactParameters: null,
    contentType: 'message/cpim',
    body: encodeCpim(
      makeCpim({
        from: address,
        to: item.peer,
        dateTime: formatDateTime(item.createdAt),
        imdnMessageId: item.imdnId,
        contentType: IMDN_TYPE,
        contentDisposition: 'notification',
        content: encodeImdn({
          messageId: item.about,
          dateTime: item.aboutDateTime,
          recipientUri: address,
          originalRecipientUri: address,
          disposition: item.disposition === 'displayed' ? 'display' : 'delivery',
          status: item.disposition,
        }),
      }),
    ),
  };
}

/** A notification that the author's side refuses for good is dropped: there is nobody to tell. */
export async function sendNotification(context: ServiceContext, item: NotificationItem, link: Link): Promise<Attempt> {
  return attemptFromAnswer(await link.agent.message(notificationMessage(context, item)));
}
