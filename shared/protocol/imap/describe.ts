import { encodeWords } from '../mime/encoded-word.ts';
import { type MimeHeader, mimeHeader } from '../mime/headers.ts';
import { decodeMailboxes } from '../mime/mail-headers.ts';
import { encodeString } from './command.ts';
import type { PartStructure } from './structure.ts';

/** ENVELOPE (RFC 3501 section 7.4.2), one character an octet. */
export function describeEnvelope(headers: readonly MimeHeader[]): string {
  const text = (name: string): string => nstring(mimeHeader(headers, name));
  const from = addresses(headers, 'From');
  const orFrom = (name: string): string => {
    const own = addresses(headers, name);
    return own === 'NIL' ? from : own;
  };
  const fields = [
    text('Date'),
    text('Subject'),
    from,
    orFrom('Sender'),
    orFrom('Reply-To'),
    addresses(headers, 'To'),
    addresses(headers, 'Cc'),
    addresses(headers, 'Bcc'),
    text('In-Reply-To'),
    text('Message-ID'),
  ];
  return `(${fields.join(' ')})`;
}

/** BODYSTRUCTURE, or BODY without what only that has. */
export function describeStructure(part: PartStructure, isExtended: boolean): string {
  const [type = '', subtype = ''] = part.type.split('/');
  const disposition =
    part.disposition === null ? 'NIL' : `(${encodeString(part.disposition.type)} ${parameters(part.disposition.parameters)})`;
  if (type === 'multipart') {
    const parts = part.parts.map((each) => describeStructure(each, isExtended)).join('');
    return `(${parts} ${encodeString(subtype)}${isExtended ? ` ${parameters(part.parameters)} ${disposition} NIL NIL` : ''})`;
  }
  const fields = [
    encodeString(type),
    encodeString(subtype),
    parameters(part.parameters),
    nstring(part.id),
    nstring(part.description),
    encodeString(part.encoding),
    String(part.end - part.bodyAt),
  ];
  const [inner] = part.parts;
  if (inner !== undefined) fields.push(describeEnvelope(inner.envelope ?? []), describeStructure(inner, isExtended), String(part.lines));
  else if (type === 'text') fields.push(String(part.lines));
  if (isExtended) fields.push('NIL', disposition, 'NIL', 'NIL');
  return `(${fields.join(' ')})`;
}

function nstring(text: string | null): string {
  return text === null ? 'NIL' : encodeString(text);
}

function parameters(pairs: readonly (readonly [string, string])[]): string {
  return pairs.length === 0 ? 'NIL' : `(${pairs.flat().map(encodeString).join(' ')})`;
}

function addresses(headers: readonly MimeHeader[], name: string): string {
  const mailboxes = decodeMailboxes(mimeHeader(headers, name) ?? '');
  if (mailboxes.length === 0) return 'NIL';
  const each = mailboxes.map(
    (mailbox) =>
      `(${nstring(mailbox.name === '' ? null : encodeWords(mailbox.name))} NIL ${encodeString(mailbox.local)} ${encodeString(mailbox.domain)})`,
  );
  return `(${each.join('')})`;
}
