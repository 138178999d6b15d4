import { NO_BYTES } from '../../../shared/base/bytes.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { CPIM_TYPE, type CpimMessage, encodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { acceptContact, FILE_TRANSFER, LARGE_MESSAGE, preferredService } from '../../../shared/protocol/cpm/names.ts';
import { makeMultipart } from '../../../shared/protocol/multipart/multipart.ts';
import { makeFileOffer, makeOrigin } from '../../../shared/protocol/sdp/file-offer.ts';
import type { FileHash } from '../../../shared/protocol/sdp/file-selector.ts';
import { makeLargeMessageOffer } from '../../../shared/protocol/sdp/large-message-offer.ts';
import type { MsrpPlace } from '../../../shared/protocol/sdp/msrp-media.ts';
import { encodeSdp, SDP_TYPE } from '../../../shared/protocol/sdp/sdp.ts';
import type { SipHeader, SipRequest } from '../../../shared/protocol/sip/message.ts';

/** of a MESSAGE, and what an INVITE says in its own words; how long a MESSAGE may be kept is not how long a session may ring */
const OF_THE_MESSAGE = new Set(['Accept-Contact', 'P-Preferred-Service', 'P-Asserted-Service', 'Content-Type', 'Expires']);

export interface FileToCarry {
  readonly name: string | null;
  readonly contentType: string;
  readonly size: number;
  readonly hashes: readonly FileHash[];
}

interface Place {
  /** of this network's MSRP */
  readonly host: string;
  readonly now: number;
}

/** The INVITE that takes the place of a MESSAGE whose text is too long for one. @param size octets of the message/cpim */
export function largeInvitation(message: SipRequest, size: number, { host, now }: Place): SipRequest {
  const offer = makeLargeMessageOffer({ origin: makeOrigin(host, now), place: placeAt(host), size });
  return invitation(message, LARGE_MESSAGE, SDP_TYPE, encodeSdp(offer));
}

/** The INVITE that offers a file in the place of a MESSAGE that named it. @param cpim of that MESSAGE: what its author wants to hear */
export function fileInvitation(message: SipRequest, cpim: CpimMessage, file: FileToCarry, { host, now }: Place): SipRequest {
  const { name, contentType, size, hashes } = file;
  const offer = makeFileOffer({
    ...{ origin: makeOrigin(host, now), place: placeAt(host), name, type: contentType, size, hashes },
    transferId: randomToken(32),
  });
  const wishes = encodeCpim({ ...cpim, contentHeaders: [{ name: 'Content-Type', value: 'text/plain' }], content: NO_BYTES });
  const { contentType: type, body } = makeMultipart('multipart/mixed', [
    { headers: [{ name: 'Content-Type', value: SDP_TYPE }], body: encodeSdp(offer) },
    { headers: [{ name: 'Content-Type', value: CPIM_TYPE }], body: wishes },
  ]);
  return invitation(message, FILE_TRANSFER, type, body);
}

function invitation(
  { uri, headers }: SipRequest,
  service: typeof LARGE_MESSAGE | typeof FILE_TRANSFER,
  contentType: string,
  body: Uint8Array,
): SipRequest {
  const own: SipHeader[] = [
    { name: 'Accept-Contact', value: acceptContact(service) },
    { name: 'P-Preferred-Service', value: preferredService(service) },
  ];
  const rest = headers.filter(({ name }) => !OF_THE_MESSAGE.has(name));
  return { kind: 'request', method: 'INVITE', uri, headers: [...own, ...rest, { name: 'Content-Type', value: contentType }], body };
}

/** Each recipient's copy leads to a session of its own in place of this. */
function placeAt(host: string): MsrpPlace {
  const name = host.includes(':') ? `[${host}]` : host;
  return { protocol: 'TCP/MSRP', address: host, port: 9, path: [`msrp://${name}:9/${randomToken(16)};tcp`] };
}
