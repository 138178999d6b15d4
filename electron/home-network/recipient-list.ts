import {
  decodeResourceLists,
  encodeResourceLists,
  type ListEntry,
  RECIPIENT_LIST,
  RECIPIENT_LIST_HISTORY,
  RESOURCE_LISTS_TYPE,
} from '../../shared/protocol/lists/resource-lists.ts';
import { decodeContentDisposition } from '../../shared/protocol/mime/content-disposition.ts';
import { mimeHeader } from '../../shared/protocol/mime/headers.ts';
import { decodeMultipart, makeMultipart, type Part, partContent, partContentType } from '../../shared/protocol/multipart/multipart.ts';

/** A body without the list that it came with. */
export interface Addressed {
  readonly entries: readonly ListEntry[];
  readonly rest: readonly Part[];
}

/** Null where there is no list for a server (RFC 5365 section 7, RFC 5366). @throws ParleyError `multipart.*`, `xml.*` */
export function readRecipientList(contentType: string, body: Uint8Array): Addressed | null {
  const found = recipientListIn(contentType, body);
  return found === null ? null : { entries: decodeResourceLists(found.list).entries, rest: found.rest };
}

/** The octets of such a list, and the parts beside it. @throws ParleyError `multipart.*` */
export function recipientListIn(
  contentType: string,
  body: Uint8Array,
): { readonly list: Uint8Array; readonly rest: readonly Part[] } | null {
  if (!/^\s*multipart\/mixed/i.test(contentType)) return null;
  const { parts } = decodeMultipart(body, contentType);
  const list = parts.find(isRecipientList);
  return list === undefined ? null : { list: partContent(list), rest: parts.filter((part) => part !== list) };
}

/**
 * What each recipient gets: the message, and who else has it, where there is anybody to tell of (RFC 5364 section 6): blind copies are
 * left out, anonymous ones are counted.
 */
export function bodyForRecipients({ entries, rest }: Addressed): { readonly contentType: string; readonly body: Uint8Array } {
  const history = historyOf(entries);
  const [only] = rest;
  if (history.length < 2 && rest.length === 1 && only !== undefined) {
    return { contentType: mimeHeader(only.headers, 'Content-Type') ?? 'text/plain', body: only.body };
  }
  const about: Part = {
    headers: [
      { name: 'Content-Type', value: RESOURCE_LISTS_TYPE },
      { name: 'Content-Disposition', value: `${RECIPIENT_LIST_HISTORY};handling=optional` },
    ],
    body: encodeResourceLists(history),
  };
  return makeMultipart('multipart/mixed', [...rest, ...(history.length < 2 ? [] : [about])]);
}

function historyOf(entries: readonly ListEntry[]): ListEntry[] {
  const visible = entries.filter(({ copy }) => copy !== 'bcc');
  const named = visible.filter(({ isAnonymous }) => !isAnonymous).map((entry) => ({ ...entry, count: null }));
  const hidden = (['to', 'cc'] as const).flatMap((copy): ListEntry[] => {
    const count = visible.filter((entry) => entry.isAnonymous && (entry.copy ?? 'to') === copy).length;
    const nobody = { uri: 'sip:anonymous@anonymous.invalid', displayName: null, copy, isAnonymous: true, count };
    return count === 0 ? [] : [nobody];
  });
  return [...named, ...hidden];
}

function isRecipientList(part: Part): boolean {
  const disposition = mimeHeader(part.headers, 'Content-Disposition');
  const isList = partContentType(part).type === RESOURCE_LISTS_TYPE;
  return isList && disposition !== null && decodeContentDisposition(disposition).type === RECIPIENT_LIST;
}
