import type { FileHash, FileRange } from './file-selector.ts';
import { type MsrpMedia, peerFingerprint, type Setup, transportProblem } from './msrp-media.ts';
import { pathTarget, reaches } from './msrp-target.ts';
import type { SessionDescription } from './sdp.ts';

/** A file that somebody wants to push, or asks for. Everything in it is hostile. */
export interface FileOffer {
  readonly mediaIndex: number;
  /** `recvonly`: whoever offers wants to have it (RFC 5547 section 8.2.2) */
  readonly pull: boolean;
  readonly name: string | null;
  /** lower case, without parameters */
  readonly type: string | null;
  readonly size: number | null;
  readonly hashes: readonly FileHash[];
  readonly transferId: string | null;
  readonly disposition: 'attachment' | 'render';
  readonly date: string | null;
  readonly icon: string | null;
  readonly title: string | null;
  /** null: the whole file */
  readonly range: FileRange | null;
  readonly remotePath: readonly string[];
  readonly setup: Setup | null;
  /** see {@link peerFingerprint} */
  readonly fingerprint: string | null;
  /** what may come to a pull, and how much */
  readonly acceptTypes: readonly string[];
  readonly acceptWrappedTypes: readonly string[];
  readonly maxSize: number | null;
}

/** Why an offer gets 488: `code` and `text` are for its Warning (RFC 3261 section 20.43). */
export interface FileRefusal {
  readonly reason: 'no-media' | 'no-selector' | 'no-path' | 'no-direction' | 'transport' | 'fingerprint' | 'cema';
  readonly status: 488;
  readonly code: number;
  readonly text: string;
}

export interface FileOfferReading {
  /** one for each m-line that can be taken, in their order */
  readonly offers: readonly FileOffer[];
  /** why the first m-line cannot be taken, when none can */
  readonly refusal: FileRefusal | null;
}

const REFUSALS: Readonly<Record<FileRefusal['reason'], { readonly code: number; readonly text: string }>> = {
  'no-media': { code: 304, text: 'No MSRP medium' },
  'no-selector': { code: 399, text: 'No file-selector' },
  'no-path': { code: 399, text: 'No MSRP path' },
  'no-direction': { code: 399, text: 'The file goes neither way' },
  transport: { code: 302, text: 'Transport and MSRP path differ' },
  fingerprint: { code: 399, text: 'No fingerprint that can be checked' },
  cema: { code: 399, text: 'The address differs from the MSRP path' },
};

/** The files of an offer, each in an m-line of its own (RFC 5547 section 8.3, RFC 6714 section 4.3). */
export function readFileOffer(description: SessionDescription): FileOfferReading {
  const offers: FileOffer[] = [];
  let first: FileRefusal['reason'] | null = null;
  for (const [mediaIndex, media] of description.media.entries()) {
    if (media.kind !== 'msrp' || media.port === 0) continue;
    const reason = refusalReason(media, description.address);
    if (reason === null) offers.push(readMedia(mediaIndex, media));
    else first ??= reason;
  }
  const reason = first ?? 'no-media';
  return { offers, refusal: offers.length > 0 ? null : { reason, status: 488, ...REFUSALS[reason] } };
}

function readMedia(mediaIndex: number, media: MsrpMedia): FileOffer {
  const { fileSelector: selector } = media;
  return {
    mediaIndex,
    pull: media.direction === 'recvonly',
    name: selector?.name ?? null,
    type: selector?.type?.split(';', 1)[0]?.toLowerCase() ?? null,
    size: selector?.size ?? null,
    hashes: selector?.hashes ?? [],
    transferId: media.fileTransferId,
    disposition: media.fileDisposition === 'attachment' ? 'attachment' : 'render',
    date: media.fileDate,
    icon: media.fileIcon,
    title: media.title,
    range: media.fileRange,
    remotePath: media.path,
    setup: media.setup,
    fingerprint: peerFingerprint(media),
    acceptTypes: media.acceptTypes,
    acceptWrappedTypes: media.acceptWrappedTypes,
    maxSize: media.maxSize,
  };
}

function refusalReason(media: MsrpMedia, sessionAddress: string | null): FileRefusal['reason'] | null {
  if (media.fileSelector === null) return 'no-selector';
  if (media.direction === 'inactive') return 'no-direction';
  const [uri] = media.path;
  if (uri === undefined) return 'no-path';
  const problem = transportProblem(media);
  if (problem !== null) return problem;
  const target = pathTarget(uri);
  if (target === null) return 'no-path';
  return media.cema || reaches(target, media.address ?? sessionAddress, media.port) ? null : 'cema';
}
