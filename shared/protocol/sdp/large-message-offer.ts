import { ParleyError } from '../../base/errors.ts';
import { acceptsWrapped, answeredMedia } from './file-offer.ts';
import { EMPTY_MSRP_MEDIA } from './msrp-media.ts';
import type { Origin, SessionDescription } from './sdp.ts';

/** where nobody listens: who offers `setup:active` is the one to connect (RFC 6135 section 4.2.2) */
const NO_PORT = 9;

export interface LargeMessageOffer {
  readonly origin: Origin;
  readonly address: string;
  /** own MSRP URI with port 9 */
  readonly path: string;
  /** octets of the whole message/cpim */
  readonly size: number;
}

/**
 * The offer that brings one large message (seed 004 7.2.2(12), cpm.md section 5, F04-01). The size is borrowed from files; there is no
 * file-transfer-id.
 */
export function makeLargeMessageOffer({ origin, address, path, size }: LargeMessageOffer): SessionDescription {
  const media = {
    ...EMPTY_MSRP_MEDIA,
    port: NO_PORT,
    direction: 'sendonly',
    acceptTypes: ['message/cpim'],
    acceptWrappedTypes: ['text/plain', 'message/imdn+xml'],
    path: [path],
    setup: 'active',
    fileSelector: { name: null, type: null, size, hashes: [] },
  } as const;
  return { origin, name: '-', address, media: [media] };
}

/**
 * Where the answer to our {@link makeLargeMessageOffer} wants it. Whatever its setup says: we are the end that connects.
 * @throws ParleyError `peer.declined` (port 0), `peer.unsupported` (type or transport), `peer.too-large`, `peer.malformed`
 */
export function readLargeMessageAnswer(offer: SessionDescription, answer: SessionDescription): { readonly remotePath: readonly string[] } {
  const { offered, media } = answeredMedia(offer, answer);
  const size = offered.fileSelector?.size ?? 0;
  if (media.maxSize !== null && media.maxSize < size) throw new ParleyError('peer.too-large', `${size} octets, max-size ${media.maxSize}`);
  if (!acceptsWrapped(media, 'text/plain')) {
    throw new ParleyError('peer.unsupported', `accept-types ${media.acceptTypes.join(' ').slice(0, 200)}`);
  }
  return { remotePath: media.path };
}
