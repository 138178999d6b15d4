import { encodeResourceLists, listEntry, RECIPIENT_LIST, RESOURCE_LISTS_TYPE } from '../../shared/protocol/lists/resource-lists.ts';
import { makeMultipart } from '../../shared/protocol/multipart/multipart.ts';

/** option tags of RFC 5365 and RFC 5366 */
export const RECIPIENT_LIST_MESSAGE = 'recipient-list-message';
export const RECIPIENT_LIST_INVITE = 'recipient-list-invite';

/** A body with the list of those whom the server is to send it to (F03-01). */
export function withRecipients(inner: Inner, addresses: readonly string[]): Bodied {
  return withList(inner, encodeResourceLists(addresses.map((address) => listEntry(address))));
}

interface Inner {
  readonly type: string;
  readonly body: Uint8Array;
}

interface Bodied {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** A body with a list that is for the server beside it (RFC 5365, RFC 5366). */
export function withList(inner: Inner, list: Uint8Array): Bodied {
  return makeMultipart('multipart/mixed', [
    {
      headers: [
        { name: 'Content-Type', value: inner.type },
        { name: 'Content-Length', value: String(inner.body.length) },
      ],
      body: inner.body,
    },
    {
      headers: [
        { name: 'Content-Type', value: RESOURCE_LISTS_TYPE },
        { name: 'Content-Disposition', value: RECIPIENT_LIST },
      ],
      body: list,
    },
  ]);
}
