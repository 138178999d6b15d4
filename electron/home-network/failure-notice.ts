import { randomToken, randomUuid } from '../../shared/base/random.ts';
import { CPIM_TYPE, decodeCpim, encodeCpim } from '../../shared/protocol/cpim/cpim.ts';
import { cpimDateTime, formatDateTime, imdnRequest, makeCpim } from '../../shared/protocol/cpim/cpim-message.ts';
import { encodeImdn, IMDN_TYPE, type LeftBy } from '../../shared/protocol/imdn/imdn.ts';
import { mimeHeader } from '../../shared/protocol/mime/headers.ts';
import { type Part, partContentType } from '../../shared/protocol/multipart/multipart.ts';
import { header, type SipHeader, type SipRequest } from '../../shared/protocol/sip/message.ts';

/** What a sender wants to hear of a message that a recipient of his list or group does not get; null where he did not ask. */
export function failureNotice(
  request: SipRequest,
  parts: readonly Part[],
  from: string,
  sender: string,
  recipient: string,
  now: number,
): SipRequest | null {
  return deliveryNotice(request, parts, { from, sender, recipient, now, status: 'failed' });
}

/**
 * What says that another service has a message: delivered, because a gateway is the end of SIP and nobody else will say so (RFC 5438 section
 * 12.1), and by which service. Null where its author did not ask.
 */
export function interworkedNotice(
  request: SipRequest,
  parts: readonly Part[],
  from: string,
  sender: string,
  recipient: string,
  now: number,
  leftBy: LeftBy,
): SipRequest | null {
  return deliveryNotice(request, parts, { from, sender, recipient, now, status: 'delivered', leftBy });
}

interface Notice {
  readonly from: string;
  readonly sender: string;
  readonly recipient: string;
  readonly now: number;
  readonly status: 'failed' | 'delivered';
  readonly leftBy?: LeftBy;
}

function deliveryNotice(request: SipRequest, parts: readonly Part[], about: Notice): SipRequest | null {
  const { from, sender, recipient, now, status, leftBy } = about;
  const message = cpimIn(request, parts);
  if (message === null) return null;
  const { messageId, dispositions } = imdnRequest(message);
  if (messageId === null || !dispositions.has(status === 'failed' ? 'negative-delivery' : 'positive-delivery')) return null;
  const notice = makeCpim({
    from,
    to: sender,
    dateTime: formatDateTime(now),
    imdnMessageId: randomToken(24),
    contentType: IMDN_TYPE,
    contentDisposition: 'notification',
    content: encodeImdn({
      messageId,
      dateTime: cpimDateTime(message).text ?? formatDateTime(now),
      recipientUri: recipient,
      originalRecipientUri: recipient,
      disposition: 'delivery',
      status,
      leftBy,
    }),
  });
  const fields: SipHeader[] = [
    { name: 'Max-Forwards', value: '70' },
    { name: 'From', value: `<${from}>;tag=${randomToken(10)}` },
    { name: 'To', value: `<${sender}>` },
    { name: 'Call-ID', value: randomUuid() },
    { name: 'CSeq', value: '1 MESSAGE' },
    { name: 'P-Asserted-Identity', value: `<${from}>` },
    ...['Conversation-ID', 'Contribution-ID'].flatMap((name) => {
      const value = header(request, name);
      return value === null ? [] : [{ name, value }];
    }),
    { name: 'Content-Type', value: CPIM_TYPE },
  ];
  return { kind: 'request', method: 'MESSAGE', uri: sender, headers: fields, body: encodeCpim(notice) };
}

function cpimIn(request: SipRequest, parts: readonly Part[]) {
  try {
    const part = parts.find((each) => partContentType(each).type === CPIM_TYPE);
    if (part !== undefined) return decodeCpim(part.body);
    const isCpim = (mimeHeader(request.headers, 'Content-Type') ?? '').trim().toLowerCase().startsWith(CPIM_TYPE);
    return isCpim ? decodeCpim(request.body) : null;
  } catch {
    // what nobody can read here is the recipients' to judge
    return null;
  }
}
