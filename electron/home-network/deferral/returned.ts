import type { Part } from '../../../shared/protocol/multipart/multipart.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';
import { decodeNameAddr } from '../../../shared/protocol/sip/name-addr.ts';
import { addressOfRecord, trySipUri } from '../../../shared/protocol/sip/uri.ts';
import type { Directory } from '../directory.ts';
import { failureNotice } from '../failure-notice.ts';
import { isPrivate } from '../relay-headers.ts';
import type { HomeUser } from '../settings.ts';
import type { StoredItem } from './database.ts';

/**
 * What its author is told of an item that nobody gets (R-PF-30), and in whose name: the recipient's, or the group's that it was sent to. Null
 * where he did not ask, or did not say who he is.
 */
export function returned(
  { fields, body, owner }: Pick<StoredItem, 'fields' | 'body' | 'owner'>,
  parts: readonly Part[],
  directory: Directory,
  author: HomeUser,
  now: number,
): { readonly from: string; readonly notice: SipRequest } | null {
  const recipient = directory.addressOf({ user: owner });
  const request: SipRequest = { kind: 'request', method: 'MESSAGE', uri: recipient, headers: fields, body };
  if (isPrivate(request)) return null;
  const to = trySipUri(decodeNameAddr(header(request, 'To') ?? '').uri);
  const from = to === null ? recipient : addressOfRecord(to);
  const notice = failureNotice(request, parts, from, directory.addressOf(author), recipient, now);
  return notice === null ? null : { from, notice };
}
