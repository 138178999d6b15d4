import { ParleyError } from '../../base/errors.ts';
import { acceptsWrapped, answeredMedia, type FileAnswer } from './file-offer.ts';
import { EMPTY_MSRP_MEDIA, type MsrpPlace, peerFingerprint } from './msrp-media.ts';
import type { Origin, SessionDescription } from './sdp.ts';

export interface LargeMessageOffer {
  readonly origin: Origin;
  /** with port 9, unless a relay is at it: who offers `setup:active` is the one to connect (RFC 6135 section 4.2.2) */
  readonly place: MsrpPlace;
  /** octets of the whole message/cpim */
  readonly size: number;
}

/**
 * The offer that brings one large message (seed 004 7.2.2(12), cpm.md section 5, F04-01). The size is borrowed from files; there is no
 * file-transfer-id.
 */
export function makeLargeMessageOffer({ origin, place, size }: LargeMessageOffer): SessionDescription {
  const media = {
    ...EMPTY_MSRP_MEDIA,
    protocol: place.protocol,
    port: place.port,
    direction: 'sendonly',
    acceptTypes: ['message/cpim'],
    acceptWrappedTypes: ['text/plain', 'message/imdn+xml'],
    path: place.path,
    setup: 'active',
    fingerprint: place.fingerprint ?? null,
    fileSelector: { name: null, type: null, size, hashes: [] },
  } as const;
  return { origin, name: '-', address: place.address, media: [media] };
}

/**
 * Where the answer to our {@link makeLargeMessageOffer} wants it. Whatever its setup says: we are the end that connects.
 * @throws ParleyError `peer.declined` (port 0), `peer.unsupported` (type or transport), `peer.too-large`, `peer.malformed`
 */
export function readLargeMessageAnswer(
  offer: SessionDescription,
  answer: SessionDescription,
): Pick<FileAnswer, 'remotePath' | 'fingerprint'> {
  const { offered, media } = answeredMedia(offer, answer);
  const size = offered.fileSelector?.size ?? 0;
  if (media.maxSize !== null && media.maxSize < size) throw new ParleyError('peer.too-large', `${size} octets, max-size ${media.maxSize}`);
  if (!acceptsWrapped(media, 'text/plain')) {
    throw new ParleyError('peer.unsupported', `accept-types ${media.acceptTypes.join(' ').slice(0, 200)}`);
  }
  return { remotePath: media.path, fingerprint: peerFingerprint(media) };
}
