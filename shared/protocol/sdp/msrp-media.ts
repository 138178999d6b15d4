import { ParleyError } from '../../base/errors.ts';
import {
  decodeCount,
  decodeFileRange,
  decodeFileSelector,
  encodeFileRange,
  encodeFileSelector,
  type FileRange,
  type FileSelector,
} from './file-selector.ts';
import { isFingerprint } from './fingerprint.ts';

export type MsrpProtocol = 'TCP/MSRP' | 'TCP/TLS/MSRP';
/** Where a session is reached, as its description says it. */
export interface MsrpPlace {
  readonly protocol: MsrpProtocol;
  /** of the first URI of `path` (RFC 6714 section 4: else the connection is somebody else's) */
  readonly address: string;
  readonly port: number;
  /** the relays of this end, if any, and its own URI; leftmost first */
  readonly path: readonly string[];
  /** of the certificate that is shown there, where no relay stands before it (RFC 8122) */
  readonly fingerprint?: string | undefined;
}

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
export type Setup = 'active' | 'passive' | 'actpass' | 'holdconn';

/** `m=message` with MSRP (RFC 4975 section 8) and, for a file, the attributes of RFC 5547. Null or empty: the line is absent. */
export interface MsrpMedia {
  readonly kind: 'msrp';
  /** 0: refused or closed */
  readonly port: number;
  readonly protocol: MsrpProtocol;
  /** `c=` of this medium, when it has its own */
  readonly address: string | null;
  /** `i=` */
  readonly title: string | null;
  /** null: none given, which means sendrecv */
  readonly direction: Direction | null;
  /** media types, or `*` */
  readonly acceptTypes: readonly string[];
  readonly acceptWrappedTypes: readonly string[];
  /** octets of a whole message with its wrapper */
  readonly maxSize: number | null;
  /** URIs, leftmost first */
  readonly path: readonly string[];
  /** `a=msrp-cema` (RFC 6714) */
  readonly cema: boolean;
  /** RFC 6135, RFC 4145 */
  readonly setup: Setup | null;
  /** `sha-256 AB:CD…` (RFC 8122) */
  readonly fingerprint: string | null;
  readonly fileSelector: FileSelector | null;
  readonly fileTransferId: string | null;
  /** `attachment`, `render` */
  readonly fileDisposition: string | null;
  /** as on the wire: `creation:"Sun, 01 Mar 2026 08:12:40 +0100"` */
  readonly fileDate: string | null;
  /** Content-ID without `cid:` and brackets */
  readonly fileIcon: string | null;
  readonly fileRange: FileRange | null;
  /** `a=chatroom` (RFC 7701 section 8): what its focus lets do there, as written; the attribute may have none */
  readonly chatroom: readonly string[] | null;
}

/** An m-line with nothing said yet, to build one from. */
export const EMPTY_MSRP_MEDIA: MsrpMedia = {
  kind: 'msrp',
  port: 0,
  protocol: 'TCP/MSRP',
  address: null,
  title: null,
  direction: null,
  acceptTypes: [],
  acceptWrappedTypes: [],
  maxSize: null,
  path: [],
  cema: false,
  setup: null,
  fingerprint: null,
  fileSelector: null,
  fileTransferId: null,
  fileDisposition: null,
  fileDate: null,
  fileIcon: null,
  fileRange: null,
  chatroom: null,
};

/** What sdp-transform makes of the text, as far as it is read here: its own types leave optional what hostile input leaves out. */
export interface ParsedSection {
  readonly description?: string | number;
  readonly connection?: { readonly version: number; readonly ip: string | number };
  readonly direction?: string;
  readonly setup?: string;
  readonly fingerprint?: { readonly type: string | number; readonly hash: string | number };
  readonly invalid?: readonly { readonly value?: string | number }[];
}

/** Token of `a=chatroom`: nobody can be added to this group (cpm.md section 8.5). */
export const CLOSED_GROUP = 'org.3gpp.urn%3Aurn-7%3A3gpp-application.ims.iari.rcs.closedgroupchat';

/** Whether the focus says that nobody can be added. */
export function isClosedGroup({ chatroom }: Pick<MsrpMedia, 'chatroom'>): boolean {
  const plain = (token: string): string => token.toLowerCase().replaceAll('%3a', ':');
  return chatroom?.some((token) => plain(token) === plain(CLOSED_GROUP)) ?? false;
}

const SETUPS: readonly string[] = ['active', 'passive', 'actpass', 'holdconn'] satisfies Setup[];

export function isMsrp(protocol: string): protocol is MsrpProtocol {
  return protocol === 'TCP/MSRP' || protocol === 'TCP/TLS/MSRP';
}

/**
 * Why nobody can be reached there: m-line and path must agree, as a URI of `msrps` is what TLS is for and nothing else (RFC 4975 section
 * 14.1); an end that is reached over TLS without a relay must say by which certificate it is known (section 14.4).
 */
export function transportProblem(media: Pick<MsrpMedia, 'protocol' | 'path' | 'fingerprint'>): 'transport' | 'fingerprint' | null {
  const { protocol, path, fingerprint } = media;
  if (/^msrps:/i.test(path[0] ?? '') !== (protocol === 'TCP/TLS/MSRP')) return 'transport';
  return isDirectTls(media) && !(fingerprint !== null && isFingerprint(fingerprint)) ? 'fingerprint' : null;
}

/** By which certificate the other end of the connection is known; null: it needs none (TCP), or it is a relay, which proves its name. */
export function peerFingerprint(media: Pick<MsrpMedia, 'protocol' | 'path' | 'fingerprint'>): string | null {
  return isDirectTls(media) ? media.fingerprint : null;
}

function isDirectTls({ protocol, path }: Pick<MsrpMedia, 'protocol' | 'path'>): boolean {
  return protocol === 'TCP/TLS/MSRP' && path.length === 1;
}

/** Attributes of the session stand in where the medium has none (RFC 4566 section 5.13). @throws ParleyError `sdp.malformed` */
export function decodeMsrpMedia(
  line: Pick<MsrpMedia, 'port' | 'protocol' | 'address'>,
  section: ParsedSection,
  session: ParsedSection,
): MsrpMedia {
  const attributes = new Map<string, string>();
  for (const { value } of section.invalid ?? []) {
    const text = String(value ?? '');
    const colon = text.indexOf(':');
    const name = (colon < 0 ? text : text.slice(0, colon)).toLowerCase();
    if (!attributes.has(name)) attributes.set(name, colon < 0 ? '' : text.slice(colon + 1));
  }
  const list = (name: string): string[] => (attributes.get(name) ?? '').split(' ').filter((item) => item !== '');
  const optional = <T>(name: string, read: (value: string) => T): T | null => {
    const value = attributes.get(name);
    return value === undefined ? null : read(value);
  };
  // ABNF: letters of either case (RFC 4145 section 4)
  const setup = (section.setup ?? session.setup)?.toLowerCase() ?? null;
  if (setup !== null && !SETUPS.includes(setup)) throw new ParleyError('sdp.malformed', `setup ${JSON.stringify(setup)}`);
  const fingerprint = section.fingerprint ?? session.fingerprint;
  return {
    kind: 'msrp',
    ...line,
    title: section.description === undefined ? null : String(section.description),
    direction: (section.direction ?? session.direction ?? null) as Direction | null,
    acceptTypes: list('accept-types'),
    acceptWrappedTypes: list('accept-wrapped-types'),
    maxSize: optional('max-size', decodeCount),
    path: list('path'),
    cema: attributes.has('msrp-cema'),
    setup: setup as Setup | null,
    fingerprint: fingerprint === undefined ? null : `${fingerprint.type} ${fingerprint.hash}`,
    fileSelector: optional('file-selector', decodeFileSelector),
    fileTransferId: optional('file-transfer-id', String),
    fileDisposition: optional('file-disposition', String),
    fileDate: optional('file-date', String),
    fileIcon: optional('file-icon', (value) => value.replace(/^cid:/i, '')),
    fileRange: optional('file-range', decodeFileRange),
    chatroom: attributes.has('chatroom') ? list('chatroom') : null,
  };
}

/** The lines in the order of cpm.md's F11-01. */
export function encodeMsrpMedia(media: MsrpMedia, networkAddress: (address: string) => string): string[] {
  const lines = [`m=message ${media.port} ${media.protocol} *`];
  if (media.title !== null) lines.push(`i=${media.title}`);
  if (media.address !== null) lines.push(`c=${networkAddress(media.address)}`);
  const add = (name: string, value: string | number | null): void => {
    if (value !== null) lines.push(value === '' ? `a=${name}` : `a=${name}:${value}`);
  };
  if (media.direction !== null) lines.push(`a=${media.direction}`);
  if (media.acceptTypes.length > 0) add('accept-types', media.acceptTypes.join(' '));
  if (media.acceptWrappedTypes.length > 0) add('accept-wrapped-types', media.acceptWrappedTypes.join(' '));
  add('max-size', media.maxSize);
  if (media.path.length > 0) add('path', media.path.join(' '));
  add('setup', media.setup);
  if (media.cema) add('msrp-cema', '');
  add('fingerprint', media.fingerprint);
  add('chatroom', media.chatroom?.join(' ') ?? null);
  add('file-selector', media.fileSelector && encodeFileSelector(media.fileSelector));
  add('file-transfer-id', media.fileTransferId);
  add('file-disposition', media.fileDisposition);
  add('file-date', media.fileDate);
  add('file-icon', media.fileIcon && `cid:${media.fileIcon}`);
  add('file-range', media.fileRange && encodeFileRange(media.fileRange));
  return lines;
}
