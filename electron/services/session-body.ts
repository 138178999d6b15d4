import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { RESOURCE_LISTS_TYPE } from '../../shared/protocol/lists/resource-lists.ts';
import { handlingOf } from '../../shared/protocol/mime/content-disposition.ts';
import { decodeContentType, mediaType } from '../../shared/protocol/mime/content-type.ts';
import { mimeHeader } from '../../shared/protocol/mime/headers.ts';
import { leafParts, type Part, partContent, partContentType } from '../../shared/protocol/multipart/multipart.ts';
import { SDP_TYPE } from '../../shared/protocol/sdp/sdp.ts';
import type { Header, IncomingInvite } from '../sip/port.ts';

/** what the body of an INVITE may be */
const TAKEN = [SDP_TYPE, 'message/cpim', 'multipart/mixed', 'multipart/related', 'multipart/alternative'];

/** An INVITE that is answered with that status: it is no use to anybody (cpm.md section 15.3). */
export class Unacceptable extends ParleyError {
  readonly status: number;
  readonly headers: readonly Header[];

  constructor(status: number, headers: readonly Header[], text: string) {
    super('peer.unsupported', text);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * The session description that an INVITE brings; null where it offers nothing. A body of another type that may be left out (RFC 3261
 * section 20.11, `handling=optional`) is as none. Parts of a multipart may be left out unless they say otherwise: peers put much there.
 * @throws Unacceptable 415 for what must be understood and is not, 406 where no answer with a description would be taken (RFC 4475 section 3.3.15)
 */
export function offerOf({ headers, contentType, body }: Pick<IncomingInvite, 'headers' | 'contentType' | 'body'>): Uint8Array | null {
  const accepted = headers.filter(({ name }) => name.toLowerCase() === 'accept').map(({ value }) => value);
  if (accepted.length > 0 && !accepted.some((list) => /(?:^|,)\s*(?:\*\/\*|application\/(?:\*|sdp))\s*(?:[;,]|$)/i.test(list)))
    throw new Unacceptable(406, [], `only ${accepted.join(', ').slice(0, 200)} would be taken`);
  if (body.length === 0) return null;
  const type = mediaType(contentType);
  if (!TAKEN.includes(type)) {
    if (handlingOf(mimeHeader(headers, 'Content-Disposition')) === 'optional') return null;
    throw notTaken(type);
  }
  if (type.startsWith('multipart/')) checkParts(contentType, body);
  return findPart(contentType, body, SDP_TYPE);
}

/** The first part of that type in the body of an INVITE, or the body itself; null when there is none. @throws ParleyError `multipart.*` */
export function findPart(contentType: string, body: Uint8Array, type: string): Uint8Array | null {
  const [found] = findParts(contentType, body, type);
  return found ? partContent(found) : null;
}

/** All parts of that type in the body of an INVITE, or the body itself as one. @throws ParleyError `multipart.*` */
export function findParts(contentType: string, body: Uint8Array, type: string): Part[] {
  if (body.length === 0) return [];
  const outer = decodeContentType(contentType).type;
  if (outer === type) return [{ headers: [{ name: 'Content-Type', value: contentType }], body }];
  if (!outer.startsWith('multipart/')) return [];
  return leafParts(body, contentType).filter((candidate) => partContentType(candidate).type === type);
}

/** @throws Unacceptable 415 when it is no multipart, or has a part that nobody here understands and that must be */
function checkParts(contentType: string, body: Uint8Array): void {
  let parts: readonly Part[];
  try {
    parts = leafParts(body, contentType);
  } catch (thrown) {
    throw notTaken(toCodedError(thrown).detail);
  }
  for (const part of parts) {
    const { type } = partContentType(part);
    const isKnown = TAKEN.includes(type) || type === RESOURCE_LISTS_TYPE || type.startsWith('image/');
    if (!isKnown && handlingOf(mimeHeader(part.headers, 'Content-Disposition')) === 'required') throw notTaken(type);
  }
}

function notTaken(what: string): Unacceptable {
  return new Unacceptable(415, [{ name: 'Accept', value: TAKEN.join(', ') }], `cannot take ${what}`);
}
