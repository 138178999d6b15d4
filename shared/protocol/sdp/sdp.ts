import { parse } from 'sdp-transform';
import { fromUtf8, utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { decodeMsrpMedia, encodeMsrpMedia, isMsrp, type MsrpMedia, type ParsedSection } from './msrp-media.ts';

export const SDP_TYPE = 'application/sdp';

/** A session description (RFC 4566, RFC 8866) as far as MSRP needs it. Addresses are without brackets. */
export interface SessionDescription {
  readonly origin: Origin;
  /** `s=` */
  readonly name: string;
  /** `c=` of the session; null when each medium has its own */
  readonly address: string | null;
  readonly media: readonly Media[];
}

/** `id` and `version` are decimal digits; they may be larger than a double holds, so they stay text. */
export interface Origin {
  readonly user: string;
  readonly id: string;
  readonly version: string;
  readonly address: string;
}

export type Media = MsrpMedia | OtherMedia;

/** A medium Parley does not speak: kept so that an answer has the same number and order of m-lines. */
export interface OtherMedia {
  readonly kind: 'other';
  readonly type: string;
  readonly port: number;
  readonly protocol: string;
  readonly formats: string;
}

export interface SdpLimits {
  readonly maxOctets: number;
  readonly maxLineLength: number;
  /** an attribute costs sdp-transform dozens of regular expressions */
  readonly maxLines: number;
  readonly maxMedia: number;
}

export const SDP_LIMITS: SdpLimits = { maxOctets: 65_536, maxLineLength: 8192, maxLines: 1000, maxMedia: 32 };

interface ParsedMedia extends ParsedSection {
  readonly type?: string | number;
  readonly port?: string | number;
  readonly protocol?: string | number;
  readonly payloads?: string | number;
}

interface ParsedSession extends ParsedSection {
  readonly version?: number;
  readonly origin?: {
    readonly username: string | number;
    readonly sessionId: string | number;
    readonly sessionVersion: string | number;
    readonly address: string | number;
  };
  readonly name?: string | number;
  readonly media: readonly ParsedMedia[];
}

/** @throws ParleyError `sdp.malformed`, `sdp.too-large` */
export function decodeSdp(octets: Uint8Array | string, limits: Partial<SdpLimits> = {}): SessionDescription {
  const { maxOctets, maxLineLength, maxLines, maxMedia } = { ...SDP_LIMITS, ...limits };
  if (octets.length > maxOctets) throw new ParleyError('sdp.too-large', `${octets.length} octets`);
  // To a regular expression of JavaScript these two end a line; to SDP they are characters like any other.
  const text = (typeof octets === 'string' ? octets : fromUtf8(octets)).replaceAll('\u2028', '%E2%80%A8').replaceAll('\u2029', '%E2%80%A9');
  const lines = text.split(/\r\n|[\r\n]/);
  if (lines.length > maxLines) throw new ParleyError('sdp.too-large', `${lines.length} lines`);
  if (lines.some((line) => line.length > maxLineLength)) throw new ParleyError('sdp.too-large', 'a line');

  const parsed = parse(text) as ParsedSession;
  const { origin } = parsed;
  if (parsed.version !== 0 || origin === undefined) throw new ParleyError('sdp.malformed', 'no v= or o= line');
  if (parsed.media.length > maxMedia) throw new ParleyError('sdp.too-large', `${parsed.media.length} media`);
  return {
    origin: {
      user: String(origin.username),
      id: digits(origin.sessionId),
      version: digits(origin.sessionVersion),
      address: String(origin.address),
    },
    name: String(parsed.name ?? '-'),
    address: sectionAddress(parsed),
    media: parsed.media.map((media) => decodeMedia(media, parsed)),
  };
}

/**
 * The lines in the order of the standard and of cpm.md's examples. Written here and not by sdp-transform: that one sorts
 * attributes by its own table, and rounds a version above 2^53.
 * @throws ParleyError `sdp.malformed` for a line break in a value
 */
export function encodeSdp(description: SessionDescription): Uint8Array {
  const { origin } = description;
  const lines = [
    'v=0',
    `o=${origin.user} ${origin.id} ${origin.version} ${networkAddress(origin.address)}`,
    `s=${description.name}`,
    ...(description.address === null ? [] : [`c=${networkAddress(description.address)}`]),
    't=0 0',
  ];
  for (const media of description.media) {
    if (media.kind === 'msrp') lines.push(...encodeMsrpMedia(media, networkAddress));
    else lines.push(`m=${media.type} ${media.port} ${media.protocol}${media.formats === '' ? '' : ` ${media.formats}`}`);
  }
  const broken = lines.find((line) => /[\r\n\0]/.test(line));
  if (broken !== undefined) throw new ParleyError('sdp.malformed', `line break in ${JSON.stringify(broken.slice(0, 80))}`);
  return utf8(`${lines.join('\r\n')}\r\n`);
}

/** `o=` for a changed description: the version rises by one (RFC 3264 section 8). */
export function nextVersion(origin: Origin): Origin {
  return { ...origin, version: String(BigInt(origin.version) + 1n) };
}

function decodeMedia(media: ParsedMedia, session: ParsedSession): Media {
  const type = String(media.type ?? '');
  const protocol = String(media.protocol ?? '');
  const port = Number(media.port === '' ? Number.NaN : media.port);
  if (type === '' || protocol === '' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ParleyError('sdp.malformed', 'm= line');
  }
  if (type === 'message' && isMsrp(protocol)) {
    return decodeMsrpMedia({ port, protocol, address: sectionAddress(media) }, media, session);
  }
  return { kind: 'other', type, port, protocol, formats: String(media.payloads ?? '') };
}

function sectionAddress(section: ParsedSection): string | null {
  return section.connection === undefined ? null : String(section.connection.ip);
}

function networkAddress(address: string): string {
  return `IN IP${address.includes(':') ? 6 : 4} ${address}`;
}

function digits(value: string | number): string {
  if (!/^\d{1,40}$/.test(String(value))) throw new ParleyError('sdp.malformed', 'o= line');
  return String(value);
}
