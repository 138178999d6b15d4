import { ParleyError } from '../../base/errors.ts';
import type { FileHash, FileRange, FileSelector } from './file-selector.ts';
import {
  type Direction,
  EMPTY_MSRP_MEDIA,
  type MsrpMedia,
  type MsrpPlace,
  peerFingerprint,
  type Setup,
  transportProblem,
} from './msrp-media.ts';
import type { Media, Origin, SessionDescription } from './sdp.ts';

/** An `o=` of a new session; the time makes it unique, as RFC 4566 section 5.2 recommends. */
export function makeOrigin(address: string, now: number, user = '-'): Origin {
  return { user, id: String(now), version: String(now), address };
}

/** One file as an m-line offers it. */
export interface FileToOffer {
  /** a session of its own for each file */
  readonly place: MsrpPlace;
  /** `recvonly` asks for the file; the default is a push */
  readonly direction?: 'sendonly' | 'recvonly' | undefined;
  /** a push says name, type and size, a pull what is known: null where it is not */
  readonly name: string | null;
  readonly type: string | null;
  readonly size: number | null;
  /** over the whole file */
  readonly hashes: readonly FileHash[];
  /** at least 32 random token characters, new for each offer (RFC 5547 section 8.1) */
  readonly transferId: string;
  readonly disposition?: 'attachment' | 'render' | undefined;
  readonly title?: string | undefined;
  /** Content-ID of the thumbnail's part, without brackets */
  readonly icon?: string | undefined;
  readonly date?: string | undefined;
  /** resume; absent means the whole file */
  readonly range?: FileRange | undefined;
  /** octets; absent for no limit */
  readonly maxSize?: number | undefined;
}

export interface FileOfferToSend extends FileToOffer {
  readonly origin: Origin;
}

/** The m-line that pushes a file or asks for one (RFC 5547 section 8.2, cpm.md table 10.2). */
export function makeFileMedia(file: FileToOffer): MsrpMedia {
  const { place, direction = 'sendonly' } = file;
  return {
    ...EMPTY_MSRP_MEDIA,
    protocol: place.protocol,
    port: place.port,
    title: file.title ?? null,
    direction,
    acceptTypes: file.type === null ? ['*'] : ['message/cpim', bareType(file.type)],
    acceptWrappedTypes: ['*'],
    maxSize: file.maxSize ?? null,
    path: place.path,
    setup: 'actpass',
    fingerprint: place.fingerprint ?? null,
    fileSelector: { name: file.name, type: file.type, size: file.size, hashes: file.hashes },
    fileTransferId: file.transferId,
    fileDisposition: direction === 'recvonly' ? null : (file.disposition ?? 'attachment'),
    fileDate: file.date ?? null,
    fileIcon: file.icon ?? null,
    fileRange: file.range ?? null,
  };
}

/** The offer of one file. */
export function makeFileOffer(file: FileOfferToSend): SessionDescription {
  return { origin: file.origin, name: '-', address: file.place.address, media: [makeFileMedia(file)] };
}

/** A line whose file is over: port 0, its selector and id stay (F12-11, F17-04). */
export function closedFileMedia({ protocol, direction, path, fileSelector, fileTransferId }: MsrpMedia): MsrpMedia {
  return { ...EMPTY_MSRP_MEDIA, protocol, direction, acceptTypes: ['message/cpim'], path, fileSelector, fileTransferId };
}

export interface FileAnswerToSend {
  readonly origin: Origin;
  /** `c=` of the session */
  readonly address: string;
  /** by m-line: {@link takenLine}, or what was answered before and stays; every other medium is refused */
  readonly lines: ReadonlyMap<number, Media>;
}

/** The answer to an offer of files: as many media, in the same order (RFC 5547 section 8.3). */
export function makeFileAnswer(offer: SessionDescription, { origin, address, lines }: FileAnswerToSend): SessionDescription {
  const media = offer.media.map((offered, index): Media => {
    const line = lines.get(index) ?? refusedLine(offered);
    return line.kind === 'msrp' && line.address === address ? { ...line, address: null } : line;
  });
  return { origin, name: '-', address, media };
}

export interface FileTaken {
  readonly place: MsrpPlace;
  /** see {@link setupRole} */
  readonly setup: 'active' | 'passive';
  /** octets, absent for no limit */
  readonly maxSize?: number | undefined;
  /** all that is known of a file that was asked for; what was pushed is mirrored */
  readonly selector?: FileSelector | undefined;
}

/** A file that is taken, or given: selector, id and range are mirrored; icon, disposition and date are not (cpm.md table 10.2). */
export function takenLine(offered: MsrpMedia, { place, setup, maxSize, selector }: FileTaken): MsrpMedia {
  const type = offered.fileSelector?.type ?? null;
  const gives = offered.direction === 'recvonly';
  return {
    ...mirrored(offered),
    protocol: place.protocol,
    port: place.port,
    address: place.address,
    acceptTypes: gives ? ['message/cpim'] : type === null ? ['*'] : ['message/cpim', bareType(type)],
    acceptWrappedTypes: ['*'],
    maxSize: maxSize ?? null,
    path: place.path,
    setup,
    fingerprint: place.fingerprint ?? null,
    fileSelector: selector ?? offered.fileSelector,
    fileRange: offered.fileRange,
  };
}

/** A medium that is not taken gets port 0 and keeps its place, a file its selector and id. */
export function refusedLine(offered: Media): Media {
  return offered.kind === 'other' ? { ...offered, port: 0 } : mirrored(offered);
}

function mirrored(offered: MsrpMedia): MsrpMedia {
  return {
    ...EMPTY_MSRP_MEDIA,
    protocol: offered.protocol,
    direction: offered.direction && REVERSE[offered.direction],
    acceptTypes: ['message/cpim'],
    fileSelector: offered.fileSelector,
    fileTransferId: offered.fileTransferId,
  };
}

const REVERSE: Readonly<Record<Direction, Direction>> = {
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  sendrecv: 'sendrecv',
  inactive: 'inactive',
};

/** Our side of the connection for the `a=setup` of an offer; `preferred` where the offer leaves the choice (RFC 6135 section 4.2, cpm.md section 13). */
export function setupRole(offered: Setup | null, preferred: 'active' | 'passive' = 'passive'): 'active' | 'passive' {
  switch (offered) {
    case 'passive':
      return 'active';
    case 'actpass':
      return preferred;
    default:
      return 'passive';
  }
}

/** Which side to take where an offer leaves the choice: over TLS a relay is listening there, and nobody here. */
export function preferredRole(remotePath: readonly string[]): 'active' | 'passive' {
  return /^msrps:/i.test(remotePath[0] ?? '') ? 'active' : 'passive';
}

/** Whether a list of accept-types takes that type; parameters do not count (cpm.md section 12, 8). */
export function acceptsType(acceptTypes: readonly string[], type: string): boolean {
  const wanted = bareType(type);
  const family = `${wanted.split('/', 1)[0]}/*`;
  return acceptTypes.some((accepted) => {
    const bare = bareType(accepted);
    return bare === '*' || bare === wanted || bare === family;
  });
}

export interface FileAnswer {
  readonly remotePath: readonly string[];
  /** our side of the connection */
  readonly role: 'active' | 'passive';
  /** see {@link peerFingerprint} */
  readonly fingerprint: string | null;
  /** of a push. `raw`: the octets under the file's own type; `cpim`: wrapped in message/cpim (cpm.md section 10.2) */
  readonly form: 'raw' | 'cpim';
  /** octets of a whole message with its wrapper */
  readonly maxSize: number | null;
  /** what the other side says of the file; of a pull it is what comes */
  readonly selector: FileSelector | null;
}

/**
 * What the answer to our {@link makeFileOffer} says.
 * @throws ParleyError `peer.declined` (port 0), `peer.unsupported` (type, range or transport), `peer.malformed`
 */
export function readFileAnswer(offer: SessionDescription, answer: SessionDescription): FileAnswer {
  const [offered] = offer.media;
  if (offered?.kind !== 'msrp') throw new TypeError('not an offer of MSRP');
  if (answer.media.length !== offer.media.length) throw otherMedia();
  return readFileMediaAnswer(offered, answer.media[0]);
}

/**
 * What the answer says of one m-line of ours, from {@link makeFileMedia}.
 * @throws ParleyError `peer.declined` (port 0), `peer.unsupported` (type, range, direction or transport), `peer.malformed`
 */
export function readFileMediaAnswer(offered: MsrpMedia, answered: Media | undefined): FileAnswer {
  if (offered.fileSelector === null) throw new TypeError('not an offer of a file');
  const media = answeredLine(offered, answered);
  if (media.fileTransferId !== null && media.fileTransferId !== offered.fileTransferId) {
    throw new ParleyError('peer.malformed', 'another file-transfer-id in the answer');
  }
  // who does not know ranges would take a part for the whole
  const { start, stop } = offered.fileRange ?? { start: 1, stop: null };
  if (!sameRange(media.fileRange ?? { start: 1, stop: null }, { start, stop }, offered.fileSelector.size)) {
    throw new ParleyError('peer.unsupported', 'another file-range in the answer');
  }
  const isPush = offered.direction === 'sendonly';
  if (media.direction === 'inactive' || media.direction === offered.direction) {
    throw new ParleyError('peer.unsupported', `${media.direction} in the answer`);
  }
  const type = offered.fileSelector.type ?? 'application/octet-stream';
  const raw = acceptsType(media.acceptTypes, type);
  if (isPush && !raw && !acceptsWrapped(media, type))
    throw new ParleyError('peer.unsupported', `accept-types ${media.acceptTypes.join(' ').slice(0, 200)}`);
  return {
    remotePath: media.path,
    role: media.setup === 'active' ? 'passive' : 'active',
    fingerprint: peerFingerprint(media),
    form: raw ? 'raw' : 'cpim',
    maxSize: media.maxSize,
    selector: media.fileSelector,
  };
}

/**
 * The only medium of an offer of ours and of its answer.
 * The transport may be another one: who is behind a relay is reached over TLS, whatever was offered (RFC 4976 section 11). But what was
 * offered over TLS from end to end is not taken over TCP.
 * @throws ParleyError `peer.declined` (port 0), `peer.unsupported` (transport, no fingerprint), `peer.malformed`
 */
export function answeredMedia(offer: SessionDescription, answer: SessionDescription): { offered: MsrpMedia; media: MsrpMedia } {
  const [offered] = offer.media;
  const [media] = answer.media;
  if (offered?.kind !== 'msrp') throw new TypeError('not an offer of MSRP');
  if (answer.media.length !== offer.media.length) throw otherMedia();
  return { offered, media: answeredLine(offered, media) };
}

function answeredLine(offered: MsrpMedia, media: Media | undefined): MsrpMedia {
  if (media?.kind !== 'msrp') throw otherMedia();
  if (media.port === 0) throw new ParleyError('peer.declined', 'port 0');
  if (media.path.length === 0) throw new ParleyError('peer.malformed', 'no path in the answer');
  const problem = transportProblem(media);
  if (problem === 'fingerprint') throw new ParleyError('peer.unsupported', 'no fingerprint that can be checked');
  const isOther = media.protocol !== offered.protocol && (peerFingerprint(offered) ?? peerFingerprint(media)) !== null;
  if (problem !== null || isOther) throw new ParleyError('peer.unsupported', `transport ${media.protocol}`);
  return media;
}

function otherMedia(): ParleyError {
  return new ParleyError('peer.malformed', 'the answer has other media than the offer');
}

/** Whether a `message/cpim` with that inside may go to whoever described this medium (cpm.md section 12, 8). */
export function acceptsWrapped(
  { acceptTypes, acceptWrappedTypes }: Pick<MsrpMedia, 'acceptTypes' | 'acceptWrappedTypes'>,
  type: string,
): boolean {
  return acceptsType(acceptTypes, 'message/cpim') && acceptsType([...acceptWrappedTypes, ...acceptTypes], type);
}

function sameRange(a: FileRange, b: FileRange, size: number | null): boolean {
  return a.start === b.start && (a.stop ?? size) === (b.stop ?? size);
}

export function bareType(type: string): string {
  return (type.split(';', 1)[0] ?? '').trim().toLowerCase();
}
