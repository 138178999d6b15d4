import { ParleyError } from '../../base/errors.ts';
import { acceptsType, acceptsWrapped, answeredMedia, preferredRole, setupRole } from './file-offer.ts';
import { EMPTY_MSRP_MEDIA, type MsrpMedia, type MsrpPlace, peerFingerprint, transportProblem } from './msrp-media.ts';
import { type Endpoint, pathTarget, reaches, sameEndpoint } from './msrp-target.ts';
import type { Media, Origin, SessionDescription } from './sdp.ts';

const CPIM = 'message/cpim';
const COMPOSING = 'application/im-iscomposing+xml';
const ACCEPT_TYPES = [CPIM, COMPOSING];
const ACCEPT_WRAPPED_TYPES = ['text/plain', 'message/imdn+xml'];
/** in a group whatever is said has an author, and so stands in message/cpim (F07-01, F07-15) */
const GROUP_TYPES = { acceptTypes: [CPIM], acceptWrappedTypes: [...ACCEPT_WRAPPED_TYPES, COMPOSING] };

/** Our end of a chat session. */
export interface ChatEnd {
  readonly origin: Origin;
  /** where this session is reached */
  readonly place: MsrpPlace;
  /** octets of one message with its wrapper; absent: nothing is said */
  readonly maxSize?: number | undefined;
  /** the other end is the focus of a group */
  readonly isGroup?: boolean | undefined;
}

/** What the other end of a session said of itself, as far as it matters for what goes there. */
export interface ChatMedia {
  readonly mediaIndex: number;
  readonly remotePath: readonly string[];
  /** our side of the connection (RFC 6135 section 4.2) */
  readonly role: 'active' | 'passive';
  /** where to connect instead of the first URI of the path (RFC 6714 section 4.2) */
  readonly via: Endpoint | undefined;
  /** see {@link peerFingerprint} */
  readonly fingerprint: string | null;
  /** takes a text in message/cpim */
  readonly takesText: boolean;
  /** takes a notification in message/cpim; a direction binds content only (RFC 4975 section 8.9) */
  readonly takesNotifications: boolean;
  /** how it takes isComposing; null: not at all */
  readonly composing: 'raw' | 'wrapped' | null;
  /** octets of one message with its wrapper, null: no limit */
  readonly maxSize: number | null;
}

/** The offer that starts a 1-1 chat (cpm.md sections 7, 13, F05-01). @param cema false where an offer with it was refused (cpm.md section 15.2) */
export function makeChatOffer(end: ChatEnd, cema = true): SessionDescription {
  const media: MsrpMedia = { ...chatMedia(end), direction: 'sendrecv', setup: 'actpass', cema };
  return { origin: end.origin, name: '-', address: end.place.address, media: [media] };
}

/**
 * What the answer to our {@link makeChatOffer} says.
 * @throws ParleyError `peer.declined` (port 0), `peer.unsupported` (transport or types), `peer.malformed`
 */
export function readChatAnswer(offer: SessionDescription, answer: SessionDescription): ChatMedia {
  const { offered, media } = answeredMedia(offer, answer);
  // an answer with actpass is no answer; RFC 4145 section 4.1 leaves its receiver the one that offered, which connects
  const role = media.setup === 'active' ? 'passive' : 'active';
  return readMedia(media, answer.address, 0, role, offered.cema);
}

/** Why an offer of MSRP gets 488: `code` and `text` are for its Warning (RFC 3261 section 20.43). */
export interface ChatRefusal {
  readonly code: number;
  readonly text: string;
}

export type ChatOfferReading =
  | { readonly media: ChatMedia; readonly refusal: null }
  | { readonly media: null; readonly refusal: ChatRefusal };

/** The first MSRP medium that can be taken. @param ownAddress decides who connects where the offer leaves the choice */
export function readChatOffer(offer: SessionDescription, ownAddress: string): ChatOfferReading {
  let refusal: ChatRefusal = { code: 304, text: 'No MSRP medium' };
  for (const [index, media] of offer.media.entries()) {
    if (media.kind !== 'msrp' || media.port === 0) continue;
    const why = refusalOf(media, offer.address);
    if (why === null) {
      const role = setupRole(
        media.setup,
        isPrivate(ownAddress) && !isPrivate(media.address ?? offer.address ?? '') ? 'active' : preferredRole(media.path),
      );
      return { media: readMedia(media, offer.address, index, role, true), refusal: null };
    }
    refusal = why;
  }
  return { media: null, refusal };
}

/** The answer that takes that medium of an offer; every other one gets port 0 and keeps its place (RFC 3264 section 6). */
export function makeChatAnswer(offer: SessionDescription, taken: ChatMedia, end: ChatEnd): SessionDescription {
  const media = offer.media.map((each, at): Media => {
    if (each.kind !== 'msrp') return { ...each, port: 0 };
    if (at !== taken.mediaIndex) return { ...EMPTY_MSRP_MEDIA, protocol: each.protocol };
    return {
      ...chatMedia(end),
      direction: each.direction === 'sendonly' ? 'recvonly' : each.direction === 'recvonly' ? 'sendonly' : each.direction,
      setup: taken.role,
      cema: each.cema,
      fileSelector: each.fileSelector,
    };
  });
  return { origin: end.origin, name: '-', address: end.place.address, media };
}

function chatMedia({ place: { protocol, port, path, fingerprint }, maxSize, isGroup }: ChatEnd): MsrpMedia {
  return {
    ...EMPTY_MSRP_MEDIA,
    protocol,
    port,
    ...(isGroup ? GROUP_TYPES : { acceptTypes: ACCEPT_TYPES, acceptWrappedTypes: ACCEPT_WRAPPED_TYPES }),
    maxSize: maxSize ?? null,
    path,
    fingerprint: fingerprint ?? null,
  };
}

function readMedia(
  media: MsrpMedia,
  sessionAddress: string | null,
  mediaIndex: number,
  role: 'active' | 'passive',
  cema: boolean,
): ChatMedia {
  const target = pathTarget(media.path[0] ?? '');
  if (target === null) throw new ParleyError('peer.malformed', 'no MSRP URI in the path');
  const address = media.address ?? sessionAddress;
  const isElsewhere = cema && media.cema && address !== null && !sameEndpoint(target, address, media.port);
  return {
    mediaIndex,
    remotePath: media.path,
    role,
    via: isElsewhere ? { host: address, port: media.port } : undefined,
    fingerprint: peerFingerprint(media),
    takesText: media.direction !== 'sendonly' && media.direction !== 'inactive' && acceptsWrapped(media, 'text/plain'),
    takesNotifications: acceptsWrapped(media, 'message/imdn+xml'),
    composing: acceptsType(media.acceptTypes, COMPOSING) ? 'raw' : acceptsWrapped(media, COMPOSING) ? 'wrapped' : null,
    maxSize: media.maxSize,
  };
}

function refusalOf(media: MsrpMedia, sessionAddress: string | null): ChatRefusal | null {
  const problem = transportProblem(media);
  if (problem === 'transport') return { code: 302, text: 'Transport and MSRP path differ' };
  if (problem === 'fingerprint') return { code: 399, text: 'No fingerprint that can be checked' };
  const target = pathTarget(media.path[0] ?? '');
  if (target === null) return { code: 399, text: 'No MSRP path' };
  // who connects by itself need not be reached
  if (media.cema || media.setup === 'active' || reaches(target, media.address ?? sessionAddress, media.port)) return null;
  return { code: 399, text: 'The address differs from the MSRP path' };
}

/** IPv4 that nobody outside can connect to (RFC 1918, RFC 6598); the own machine is no such case. */
function isPrivate(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(address);
}
