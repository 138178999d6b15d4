import { decodeMsrpUri } from '../../../shared/protocol/msrp/uri.ts';
import type { MsrpMedia } from '../../../shared/protocol/sdp/msrp-media.ts';
import { pathTarget, sameEndpoint } from '../../../shared/protocol/sdp/msrp-target.ts';
import type { Media, SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { Way } from './description.ts';

/** Whether this network can be an end of that medium: TLS is between those who hold the keys. */
export function isLed(media: Media | undefined): media is MsrpMedia {
  return media?.kind === 'msrp' && media.port !== 0 && media.protocol === 'TCP/MSRP' && /^msrp:/i.test(media.path[0] ?? '');
}

export function wayTo(uri: string, setup: Way['setup']): Way {
  return { uri, port: decodeMsrpUri(uri).port as number, setup };
}

/** Where to connect in place of the path: with CEMA (RFC 6714) that is where c- and m-line say. */
export function viaOf(media: MsrpMedia, { address: ofSession }: SessionDescription): { host: string; port: number } | undefined {
  const address = media.address ?? ofSession;
  const target = pathTarget(media.path[0] ?? '');
  if (!media.cema || address === null || target === null || sameEndpoint(target, address, media.port)) return undefined;
  return { host: address, port: media.port };
}

/** Our side of a connection, of which we have offered one setup and the other side has answered another (RFC 6135 section 4.2). */
export function roleAnswered(offered: Way['setup'], answered: Way['setup']): 'active' | 'passive' {
  // who offered `active` or `passive` has chosen for both
  return offered === 'active' || (offered !== 'passive' && answered !== 'active') ? 'active' : 'passive';
}
