import { fromBinaryString, toBinaryString } from '../../base/bytes.ts';
import type { SectionItem } from './fetch-items.ts';
import type { PartStructure } from './structure.ts';

/** Octets of a message from `from` to before `to`. */
export interface OctetRange {
  readonly from: number;
  readonly to: number;
}

/** Where the octets of a section stand; null where the message has no such part. For FIELDS it is the header they are taken from, see {@link someFields}. */
export function sectionRange(root: PartStructure, { path, text }: Pick<SectionItem, 'path' | 'text'>): OctetRange | null {
  const part = partAt(root, path);
  if (part === null) return null;
  const isWhole = path.length === 0;
  switch (text) {
    case 'ALL':
      return isWhole ? { from: 0, to: part.end } : { from: part.bodyAt, to: part.end };
    case 'MIME':
      return { from: part.headerAt, to: part.bodyAt };
    default: {
      // HEADER and TEXT of a part are those of the message in it (RFC 3501 section 6.4.5)
      const message = isWhole ? part : part.type === 'message/rfc822' ? part.parts[0] : undefined;
      if (message === undefined) return null;
      return text === 'TEXT' ? { from: message.bodyAt, to: message.end } : { from: message.headerAt, to: message.bodyAt };
    }
  }
}

/** Lines of a header block whose names are among the fields, or are not; folded lines stay with theirs. With the closing empty line. */
export function someFields(header: Uint8Array, fields: readonly string[], isNot: boolean): Uint8Array {
  let kept = '';
  let isKept = false;
  for (const line of toBinaryString(header).split(/(?<=\n)/)) {
    if (/^\r?\n?$/.test(line)) break;
    if (!/^[ \t]/.test(line)) isKept = fields.includes((line.split(':', 1)[0] ?? '').trim().toLowerCase()) !== isNot;
    if (isKept) kept += line;
  }
  return fromBinaryString(`${kept}\r\n`);
}

function partAt(root: PartStructure, path: readonly number[]): PartStructure | null {
  let part = root;
  for (const [level, number] of path.entries()) {
    // the only part of a message that is none of several is its first
    if (level === 0 && part.parts.length === 0) return number === 1 && path.length === 1 ? part : null;
    const holder: PartStructure | undefined = part.type === 'message/rfc822' ? part.parts[0] : part;
    if (holder === undefined) return null;
    const isSingle = !holder.type.startsWith('multipart/');
    const next: PartStructure | undefined = isSingle ? (number === 1 && holder !== part ? holder : undefined) : holder.parts[number - 1];
    if (next === undefined) return null;
    part = next;
  }
  return part;
}
