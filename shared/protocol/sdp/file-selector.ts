import { fromBinaryString, fromUtf8, toBinaryString, utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { decodeContentType } from '../mime/content-type.ts';

/** What an `a=file-selector` says of a file (RFC 5547 section 6); null or empty: not said. */
export interface FileSelector {
  /** percent-encoding undone; hostile until cleaned */
  readonly name: string | null;
  /** media type, with parameters when it has some: `text/plain;charset="UTF-8"` */
  readonly type: string | null;
  /** octets */
  readonly size: number | null;
  readonly hashes: readonly FileHash[];
  /** the attribute's value as it came, so that an answer mirrors it octet by octet. When present it is what is encoded */
  readonly received?: string;
}

/** Over the whole file, even with a range. */
export interface FileHash {
  /** lower case: `sha-1`, `sha-256` */
  readonly algorithm: string;
  /** lower-case hexadecimal digits without colons */
  readonly hex: string;
}

/** Octets count from 1, both ends belong to the range; `stop` null is `*`. */
export interface FileRange {
  readonly start: number;
  readonly stop: number | null;
}

const MAX_HASHES = 8;
const SELECTOR = /([A-Za-z-]+):(?:"([^"]*)"|((?:[^ "]|"[^"]*")*))/y;

/** Selectors it does not know are skipped. @throws ParleyError `sdp.malformed` */
export function decodeFileSelector(value: string): FileSelector {
  let name: string | null = null;
  let type: string | null = null;
  let size: number | null = null;
  const hashes: FileHash[] = [];
  SELECTOR.lastIndex = 0;
  while (SELECTOR.lastIndex < value.length) {
    if (value[SELECTOR.lastIndex] === ' ') {
      SELECTOR.lastIndex++;
      continue;
    }
    const match = SELECTOR.exec(value);
    if (match === null) throw malformed(value);
    const [, key, quoted, bare = ''] = match;
    switch (key) {
      case 'name':
        name = percentDecode(quoted ?? bare);
        break;
      case 'type':
        type = readType(bare);
        break;
      case 'size':
        size = decodeCount(bare);
        break;
      case 'hash':
        if (hashes.length === MAX_HASHES) throw malformed(value);
        hashes.push(readHash(bare));
        break;
    }
  }
  return { name, type, size, hashes, received: value };
}

export function encodeFileSelector(selector: FileSelector): string {
  if (selector.received !== undefined) return selector.received;
  const parts: string[] = [];
  if (selector.name !== null) parts.push(`name:"${percentEncode(selector.name)}"`);
  if (selector.type !== null) parts.push(`type:${writeType(selector.type)}`);
  if (selector.size !== null) parts.push(`size:${selector.size}`);
  for (const { algorithm, hex } of selector.hashes) {
    parts.push(`hash:${algorithm}:${(hex.toUpperCase().match(/../g) ?? []).join(':')}`);
  }
  return parts.join(' ');
}

/** Lower-case hexadecimal digits of the hash by that algorithm. */
export function selectorHash(selector: FileSelector, algorithm: 'sha-1' | 'sha-256'): string | null {
  return selector.hashes.find((hash) => hash.algorithm === algorithm)?.hex ?? null;
}

/** `1-5000`, `4097-*`. @throws ParleyError `sdp.malformed` */
export function decodeFileRange(value: string): FileRange {
  const match = /^(\d+)-(\d+|\*)$/.exec(value);
  if (match === null) throw malformed(value);
  const start = decodeCount(match[1] ?? '');
  const stop = match[2] === '*' ? null : decodeCount(match[2] ?? '');
  if (start < 1 || (stop !== null && stop < start)) throw malformed(value);
  return { start, stop };
}

export function encodeFileRange(range: FileRange): string {
  return `${range.start}-${range.stop ?? '*'}`;
}

/** A whole number that a double holds exactly. @throws ParleyError `sdp.malformed` */
export function decodeCount(digits: string): number {
  const count = /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!Number.isSafeInteger(count)) throw malformed(digits);
  return count;
}

/** What the grammar forbids, and whatever a peer may take for a path, a blank or a line end. UTF-8 stays as it is. */
function percentEncode(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is encoded
  return name.replace(/[\u0000-\u0020"%/\\\u007f\u2028\u2029]/g, (character) => {
    let text = '';
    for (const octet of utf8(character)) text += `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
    return text;
  });
}

function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  const binary = toBinaryString(utf8(text)).replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return fromUtf8(fromBinaryString(binary));
}

function readType(text: string): string {
  try {
    decodeContentType(text);
  } catch (cause) {
    throw new ParleyError('sdp.malformed', `file type ${JSON.stringify(text.slice(0, 80))}`, { cause });
  }
  return text;
}

/** Parameters stand in quotes without blanks, their values encoded like a file name (RFC 5547 section 6). */
function writeType(type: string): string {
  const { type: media, parameters } = decodeContentType(type);
  return [media, ...[...parameters].map(([name, value]) => `${name}="${percentEncode(value)}"`)].join(';');
}

function readHash(text: string): FileHash {
  const match = /^([!#-'*+\-.0-9A-Z^-~]+):((?:[0-9A-Fa-f]{2}:)*[0-9A-Fa-f]{2})$/.exec(text);
  if (match === null || text.length > 512) throw malformed(text);
  return { algorithm: (match[1] ?? '').toLowerCase(), hex: (match[2] ?? '').replaceAll(':', '').toLowerCase() };
}

function malformed(text: string): ParleyError {
  return new ParleyError('sdp.malformed', `file attribute ${JSON.stringify(text.slice(0, 80))}`);
}
