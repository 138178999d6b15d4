import { canonicalAddress } from '../../shared/model/address.ts';
import type { Report } from '../../shared/model/message.ts';
import { type CpimMessage, contentHeader, cpimContent, encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { formatDateTime, type ImdnRequest, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import { acceptContactInstance, FILE_TRANSFER, PAGER_MODE } from '../../shared/protocol/cpm/names.ts';
import { decodeImdn, encodeImdn, IMDN_TYPE, type Imdn } from '../../shared/protocol/imdn/imdn.ts';
import { decodeContentType } from '../../shared/protocol/mime/content-type.ts';
import { decodeMultipart, partContent, partContentType } from '../../shared/protocol/multipart/multipart.ts';
import type { OutgoingRequest } from '../sip/port.ts';
import type { Notify, OutboxItem } from '../store/port.ts';
import type { Link, ServiceContext } from './context.ts';
import type { Attempt } from './outbox.ts';
import { attemptFromAnswer, originatorHeaders } from './standalone.ts';

type NotificationItem = Extract<OutboxItem, { kind: 'notification' }>;

export const NOTHING_ASKED: Notify = {
  positiveDelivery: false,
  negativeDelivery: false,
  display: false,
  originInstance: null,
  dateTime: '',
};

/**
 * What its author wants to hear of a message: nothing where it has no id to be named by (RFC 5438 section 6).
 */
export function notifyOf(
  { settings }: ServiceContext,
  request: ImdnRequest | null,
  originInstance: string | null,
  dateTime: string,
): Notify {
  if (request === null || request.messageId === null) return { ...NOTHING_ASKED, originInstance, dateTime };
  const { dispositions, route, originalTo } = request;
  return {
    positiveDelivery: dispositions.has('positive-delivery'),
    negativeDelivery: dispositions.has('negative-delivery'),
    display: dispositions.has('display'),
    displayReports: settings.current.displayReports,
    originInstance,
    dateTime,
    route,
    originalTo,
  };
}

/**
 * The notifications in one CPIM message: one, or what a list server gathered (RFC 5438 section 8.3). Empty when it is something else.
 * @throws ParleyError `imdn.malformed`, `xml.*`, `multipart.*`
 */
export function notificationsIn(cpim: CpimMessage): Imdn[] {
  const header = contentHeader(cpim, 'Content-Type') ?? 'text/plain';
  const { type } = decodeContentType(header);
  if (type === IMDN_TYPE) return [decodeImdn(cpimContent(cpim))];
  if (!type.startsWith('multipart/')) return [];
  const parts = decodeMultipart(cpimContent(cpim), header).parts.filter((part) => partContentType(part).type === IMDN_TYPE);
  return parts.map((part) => decodeImdn(partContent(part)));
}

/** Books what others report on own messages, matched by the id of the message alone; what is not known here is passed over. */
export async function takeNotifications(
  { store, notices, clock }: ServiceContext,
  peer: string,
  notifications: readonly Imdn[],
): Promise<void> {
  const rows = notifications.flatMap((imdn) => [applied(imdn), leaving(imdn)]);
  for (const changed of await Promise.all(rows)) notices.changed(changed);

  function leaving({ messageId: imdnId, leftBy, status, disposition }: Imdn) {
    // `processed` alone says no more than that somebody else sees to it
    const by = leftBy ?? (status === 'processed' && disposition === 'processing' ? 'other' : null);
    return by && store.noteLeftBy({ peer, imdnId, leftBy: by, now: clock.now() });
  }

  function applied(imdn: Imdn) {
    const { messageId: imdnId, status, recipientUri } = imdn;
    const now = clock.now();
    if (status === 'delivered' || status === 'displayed' || status === 'failed') {
      return store.applyReceipt({ peer, recipient: canonicalAddress(recipientUri ?? ''), imdnId, event: status, now });
    }
    const report = reportOf(imdn);
    return report && store.noteReport({ peer, imdnId, about: imdn.disposition === 'display' ? 'display' : 'delivery', report, now });
  }
}

/** Of processing only that the network keeps it; what servers say beside that is said of delivery (cpm.md section 14.1). */
function reportOf({ status, disposition }: Imdn): Report | null {
  if (status === 'forbidden' || status === 'error') return status;
  return status === 'stored' && disposition === 'processing' ? 'stored' : null;
}

/**
 * A disposition notification as a MESSAGE (RFC 5438 section 8, cpm.md section 6): to the author by the way that the message asked for, and to the
 * very device that sent the message when its request told its instance.
 */
export function notificationMessage(context: ServiceContext, item: NotificationItem): OutgoingRequest {
  const { address } = context.account;
  const headers = originatorHeaders(item.service === 'msg' ? PAGER_MODE : FILE_TRANSFER, address, item);
  if (item.originInstance) headers.push({ name: 'Accept-Contact', value: acceptContactInstance(item.originInstance) });
  return {
    target: item.route[0] ?? item.peer,
    headers,
    contactParameters: null,
    contentType: 'message/cpim',
    body: encodeCpim(
      makeCpim({
        from: address,
        to: item.peer,
        dateTime: formatDateTime(item.createdAt),
        imdnMessageId: item.imdnId,
        route: item.route,
        contentType: IMDN_TYPE,
        contentDisposition: 'notification',
        content: encodeImdn({
          messageId: item.about,
          dateTime: item.aboutDateTime,
          recipientUri: address,
          originalRecipientUri: item.originalTo ?? address,
          disposition: item.disposition === 'displayed' ? 'display' : 'delivery',
          status: item.report ?? item.disposition,
        }),
      }),
    ),
  };
}

/** A notification that the author's side refuses for good is dropped: there is nobody to tell. */
export async function sendNotification(context: ServiceContext, item: NotificationItem, link: Link): Promise<Attempt> {
  return attemptFromAnswer(await link.agent.message(notificationMessage(context, item)));
}
