import { ParleyError } from '../../../shared/base/errors.ts';
import { CPIM_TYPE } from '../../../shared/protocol/cpim/cpim.ts';
import { makeFileAnswer, makeOrigin, setupRole } from '../../../shared/protocol/sdp/file-offer.ts';
import {
  CLOSED_GROUP,
  EMPTY_MSRP_MEDIA,
  type MsrpMedia,
  type MsrpPlace,
  peerFingerprint,
  type Setup,
  transportProblem,
} from '../../../shared/protocol/sdp/msrp-media.ts';
import { decodeSdp, encodeSdp, type Media, type SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { SipMessage } from '../../../shared/protocol/sip/message.ts';
import { chunkSizeFor } from '../../msrp/chunk-size.ts';
import { descriptionIn } from '../media/description.ts';
import { roleAnswered, viaOf, wayTo } from '../media/led-media.ts';
import type { SeatMedia } from './text/port.ts';

/** This network's end of a session in a group. */
export interface GroupEnd {
  /** address of the network */
  readonly host: string;
  /** where the seat is reached */
  readonly place: Pick<MsrpPlace, 'protocol' | 'port' | 'path' | 'fingerprint'>;
  /** the mark of a group to which nobody can be added (cpm.md section 8.5) */
  readonly isClosed: boolean;
  readonly now: number;
}

/** What a device offers, and which line of it is the group's. */
export interface Offered {
  readonly description: SessionDescription;
  readonly mediaIndex: number;
  /** our side of the connection */
  readonly role: 'active' | 'passive';
  readonly media: SeatMedia;
}

/** @throws ParleyError `sdp.malformed`, `peer.unsupported` where there is no MSRP for messages that this network can be the end of */
export function readOffer(request: SipMessage): Offered {
  const description = described(request);
  const mediaIndex = description.media.findIndex((each) => isReached(each) && each.fileSelector === null);
  const media = description.media[mediaIndex];
  if (!isReached(media)) throw new ParleyError('peer.unsupported', 'no MSRP that ends here');
  const role = setupRole(media.setup, 'passive');
  return { description, mediaIndex, role, media: seatMedia(media, description, role, request) };
}

/** The answer of F07-02; whatever else was offered gets port 0. */
export function encodeAnswer({ description, mediaIndex, role }: Offered, end: GroupEnd): Uint8Array {
  const lines = new Map([[mediaIndex, lineOf(end, role)]]);
  return encodeSdp(makeFileAnswer(description, { origin: makeOrigin(end.host, end.now), address: end.host, lines }));
}

/** The offer of F08-02. */
export function encodeOffer(end: GroupEnd): Uint8Array {
  return encodeSdp({ origin: makeOrigin(end.host, end.now), name: '-', address: end.host, media: [lineOf(end, 'actpass')] });
}

/** Where a seat is reached that is offered: over TCP, which every device takes. */
export function offeredPlace(localUri: string): GroupEnd['place'] {
  return { protocol: 'TCP/MSRP', port: wayTo(localUri, 'actpass').port, path: [localUri] };
}

/** What a device answers to {@link encodeOffer}. @throws ParleyError `sdp.malformed`, `peer.declined` */
export function readAnswer(response: SipMessage): SeatMedia {
  const description = described(response);
  const media = description.media[0];
  // TLS from end to end was not offered; a relay may be reached over it
  if (!isReached(media) || peerFingerprint(media) !== null) throw new ParleyError('peer.declined', 'no MSRP in the answer');
  return seatMedia(media, description, roleAnswered('actpass', media.setup), response);
}

function described(message: SipMessage): SessionDescription {
  const found = descriptionIn(message);
  if (found === null) throw new ParleyError('sdp.malformed', 'no session description');
  return decodeSdp(found.sdp);
}

/** A group's sessions end at this network, over TLS as well and through the relays of the other end. */
function isReached(media: Media | undefined): media is MsrpMedia {
  return media?.kind === 'msrp' && media.port !== 0 && /^msrps?:/i.test(media.path[0] ?? '') && transportProblem(media) === null;
}

function lineOf({ place, isClosed }: GroupEnd, setup: Setup): MsrpMedia {
  return {
    ...EMPTY_MSRP_MEDIA,
    protocol: place.protocol,
    port: place.port,
    direction: 'sendrecv',
    acceptTypes: [CPIM_TYPE],
    acceptWrappedTypes: ['*'],
    path: place.path,
    fingerprint: place.fingerprint ?? null,
    setup,
    chatroom: isClosed ? [CLOSED_GROUP] : null,
  };
}

function seatMedia(media: MsrpMedia, description: SessionDescription, role: 'active' | 'passive', { headers }: SipMessage): SeatMedia {
  const { acceptTypes, acceptWrappedTypes, direction, maxSize, path } = media;
  return {
    ...{
      role,
      remotePath: path,
      via: viaOf(media, description),
      fingerprint: peerFingerprint(media),
      acceptTypes,
      acceptWrappedTypes,
      maxSize,
    },
    chunkSize: chunkSizeFor(headers),
    maySpeak: direction !== 'recvonly' && direction !== 'inactive',
    mayHear: direction !== 'sendonly' && direction !== 'inactive',
  };
}
