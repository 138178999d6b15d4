import { decodeWords, encodeWords } from '../mime/encoded-word.ts';
import { type MimeHeader, mimeHeader } from '../mime/headers.ts';
import { decodeMailboxes, encodeMailbox, formatMailDate, parseMailDate } from '../mime/mail-headers.ts';
import { type Correspondent, correspondentOf, mailboxOf } from './correspondent.ts';

/** What stands in the headers of every stored object (cpm.md section 16.7, R-PF-53). */
export interface ObjectHeaders {
  /** of the object itself, without brackets: the same object has the same; null for none */
  readonly messageId: string | null;
  readonly from: Correspondent | null;
  readonly to: readonly Correspondent[];
  /** ms since the epoch, whole seconds on the wire; null where it cannot be read */
  readonly date: number | null;
  readonly subject: string | null;
  readonly conversationId: string | null;
  readonly contributionId: string | null;
  readonly inReplyTo: string | null;
  readonly imdnMessageId: string | null;
  /** of the owner of the store; null where it does not say */
  readonly direction: 'sent' | 'received' | null;
  /** P-Asserted-Service: `urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg` */
  readonly service: string | null;
  readonly acceptContact: string | null;
}

export const NO_HEADERS: ObjectHeaders = {
  messageId: null,
  from: null,
  to: [],
  date: null,
  subject: null,
  conversationId: null,
  contributionId: null,
  inReplyTo: null,
  imdnMessageId: null,
  direction: null,
  service: null,
  acceptContact: null,
};

/** longer values of ids are no ids */
const LONGEST = 512;
const TEXTS = [
  ['conversationId', 'Conversation-ID'],
  ['contributionId', 'Contribution-ID'],
  ['inReplyTo', 'InReplyTo-Contribution-ID'],
  ['imdnMessageId', 'IMDN-Message-ID'],
  ['service', 'P-Asserted-Service'],
  ['acceptContact', 'Accept-Contact'],
] as const;

/** @throws ParleyError `multipart.malformed` for an address or id that no header can carry */
export function encodeObjectHeaders(headers: ObjectHeaders): MimeHeader[] {
  const fields: MimeHeader[] = [];
  const mailbox = (each: Correspondent): string => encodeMailbox(mailboxOf(each), 'multipart.malformed');
  if (headers.from !== null) fields.push({ name: 'From', value: mailbox(headers.from) });
  if (headers.to.length > 0) fields.push({ name: 'To', value: headers.to.map(mailbox).join(', ') });
  if (headers.date !== null) fields.push({ name: 'Date', value: formatMailDate(headers.date) });
  if (headers.subject !== null) fields.push({ name: 'Subject', value: encodeWords(headers.subject) });
  if (headers.messageId !== null) fields.push({ name: 'Message-ID', value: `<${headers.messageId}>` });
  for (const [key, name] of TEXTS) {
    const value = headers[key];
    if (value !== null) fields.push({ name, value });
  }
  if (headers.direction !== null) fields.push({ name: 'Message-Direction', value: headers.direction });
  return fields;
}

/** What is missing or cannot be read is null: the object itself may still be of use. */
export function decodeObjectHeaders(fields: readonly MimeHeader[]): ObjectHeaders {
  const text = (name: string): string | null => {
    const value = mimeHeader(fields, name)?.trim() ?? '';
    return value !== '' && value.length <= LONGEST ? value : null;
  };
  const people = (name: string): Correspondent[] => decodeMailboxes(mimeHeader(fields, name) ?? '').map(correspondentOf);
  const subject = mimeHeader(fields, 'Subject');
  const direction = text('Message-Direction')?.toLowerCase() ?? null;
  const ids = Object.fromEntries(TEXTS.map(([key, name]) => [key, text(name)]));
  return {
    ...NO_HEADERS,
    ...ids,
    messageId: text('Message-ID')?.replace(/^<|>$/g, '') ?? null,
    from: people('From')[0] ?? null,
    to: people('To'),
    date: parseMailDate(mimeHeader(fields, 'Date') ?? ''),
    subject: subject === null ? null : decodeWords(subject),
    direction: direction === 'sent' || direction === 'received' ? direction : null,
  };
}
