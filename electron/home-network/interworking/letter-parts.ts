import { CPIM_TYPE, contentHeader, cpimContent, decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { RESOURCE_LISTS_TYPE } from '../../../shared/protocol/lists/resource-lists.ts';
import { mediaType } from '../../../shared/protocol/mime/content-type.ts';
import { mimeHeader } from '../../../shared/protocol/mime/headers.ts';
import { leafParts, partContent } from '../../../shared/protocol/multipart/multipart.ts';
import type { LetterPart } from './gateway.ts';

/** What a person wrote, out of the envelopes of CPM. @throws ParleyError `cpim.*`, `multipart.*` for what cannot be read */
export function letterParts(type: string, octets: Uint8Array): LetterPart[] {
  if (mediaType(type) === CPIM_TYPE) {
    const message = decodeCpim(octets);
    return letterParts(contentHeader(message, 'Content-Type') ?? 'text/plain', cpimContent(message));
  }
  if (!mediaType(type).startsWith('multipart/')) return [{ type, octets }];
  return leafParts(octets, type).flatMap((part) => {
    const inner = { type: mimeHeader(part.headers, 'Content-Type') ?? 'text/plain', octets: partContent(part) };
    // who else got it is said to CPM clients alone (RFC 5365 section 7.3)
    if (mediaType(inner.type) === RESOURCE_LISTS_TYPE) return [];
    return mediaType(inner.type) === CPIM_TYPE ? letterParts(inner.type, inner.octets) : [inner];
  });
}
