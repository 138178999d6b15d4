import { EMPTY_MSRP_MEDIA, type MsrpPlace } from './msrp-media.ts';
import type { Origin, SessionDescription } from './sdp.ts';

/** The offer in which waiting messages are fetched, whatever they hold (seed 004 7.2.6.2 sel(d), all(c); cpm.md section 13, F20-01). */
export function makeDeferredOffer({ origin, place }: { readonly origin: Origin; readonly place: MsrpPlace }): SessionDescription {
  const media = {
    ...EMPTY_MSRP_MEDIA,
    protocol: place.protocol,
    port: place.port,
    direction: 'recvonly',
    acceptTypes: ['message/cpim', '*'],
    acceptWrappedTypes: ['*'],
    path: place.path,
    setup: 'actpass',
    fingerprint: place.fingerprint ?? null,
  } as const;
  return { origin, name: '-', address: place.address, media: [media] };
}
