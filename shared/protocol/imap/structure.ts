import { CR, concatBytes, LF, NO_BYTES } from '../../base/bytes.ts';
import { decodeContentDisposition } from '../mime/content-disposition.ts';
import { type ContentType, decodeContentType } from '../mime/content-type.ts';
import { decodeMimeHeaders, type MimeHeader, mimeHeader } from '../mime/headers.ts';

/** A part of a mail message and where it stands, in octets from the beginning of the message; plain data, so that it can be kept. */
export interface PartStructure {
  /** lower case: `text/plain` */
  readonly type: string;
  readonly parameters: readonly (readonly [string, string])[];
  readonly id: string | null;
  readonly description: string | null;
  /** lower case */
  readonly encoding: string;
  readonly disposition: { readonly type: string; readonly parameters: readonly (readonly [string, string])[] } | null;
  readonly headerAt: number;
  readonly bodyAt: number;
  readonly end: number;
  /** line ends of the body */
  readonly lines: number;
  /** of a multipart; of message/rfc822 the message in it */
  readonly parts: readonly PartStructure[];
  /** headers that ENVELOPE is made of: of a whole message alone */
  readonly envelope: readonly MimeHeader[] | null;
}

export const STRUCTURE_LIMITS = { maxParts: 200, maxDepth: 10, maxHeaderOctets: 65_536 } as const;
const HEADERS = { maxHeaders: 500, maxHeaderOctets: 65_536, malformed: 'imap.malformed', tooLarge: 'imap.too-large' } as const;
/** what is looked at of a line of a body: a boundary is no longer */
const LINE_HEAD = 200;
const DASH = 0x2d;
const ENVELOPE = ['date', 'subject', 'from', 'sender', 'reply-to', 'to', 'cc', 'bcc', 'in-reply-to', 'message-id'];

interface Open {
  state: 'header' | 'body';
  readonly isMessage: boolean;
  readonly headerAt: number;
  bodyAt: number;
  end: number;
  lines: number;
  header: Uint8Array[];
  headerOctets: number;
  fields: readonly MimeHeader[];
  contentType: ContentType;
  /** of a multipart whose end has not come */
  boundary: string | null;
  readonly parts: Open[];
}

const PLAIN: ContentType = { type: 'text/plain', parameters: new Map([['charset', 'us-ascii']]) };

/** Finds the parts of a mail message while its octets pass, in memory that does not grow with them. What breaks the rules of MIME is one part. */
export class StructureScanner {
  readonly #stack: Open[] = [open(0, true)];
  #parts = 1;
  /** of the line that is read: where it began, what was kept of it */
  #lineAt = 0;
  #line: Uint8Array = NO_BYTES;
  #at = 0;
  /** octets of the line end before */
  #lastEnd = 0;
  #last = 0;

  push(octets: Uint8Array): void {
    let from = 0;
    while (from < octets.length) {
      const lf = octets.indexOf(LF, from);
      const end = lf < 0 ? octets.length : lf + 1;
      this.#keep(octets.subarray(from, end));
      this.#at += end - from;
      from = end;
      if (lf >= 0) this.#endLine();
    }
  }

  end(): PartStructure {
    if (this.#line.length > 0) this.#endLine();
    while (this.#stack.length > 0) this.#close(this.#at);
    return structureOf(this.#root);
  }

  get #root(): Open {
    return this.#top;
  }

  readonly #top: Open = this.#stack[0] as Open;

  #keep(octets: Uint8Array): void {
    const limit = this.#current.state === 'header' ? STRUCTURE_LIMITS.maxHeaderOctets : LINE_HEAD;
    const room = limit - this.#line.length;
    this.#last = octets.at(-2) ?? (this.#line.at(-1) as number | undefined) ?? 0;
    if (room > 0) this.#line = this.#line.length === 0 ? octets.slice(0, room) : concatBytes([this.#line, octets.subarray(0, room)]);
  }

  get #current(): Open {
    return this.#stack.at(-1) as Open;
  }

  #endLine(): void {
    const line = this.#line;
    const lineAt = this.#lineAt;
    this.#line = NO_BYTES;
    this.#lineAt = this.#at;
    const isBoundary = line[0] === DASH && line[1] === DASH && this.#boundary(line, lineAt);
    this.#lastEnd = this.#last === CR ? 2 : 1;
    if (isBoundary) return;
    const current = this.#current;
    for (const each of this.#stack) if (each.state === 'body') each.lines++;
    if (current.state === 'body') return;
    if (line[0] === LF || (line[0] === CR && line[1] === LF)) {
      this.#endHeader();
      return;
    }
    current.headerOctets += line.length;
    if (current.headerOctets <= STRUCTURE_LIMITS.maxHeaderOctets) current.header.push(line);
  }

  /** @returns whether the line belongs to a multipart that is open; the innermost is asked first */
  #boundary(line: Uint8Array, lineAt: number): boolean {
    const text = String.fromCharCode(...line).trimEnd();
    for (let level = this.#stack.length - 1; level >= 0; level--) {
      const { boundary } = this.#stack[level] as Open;
      if (boundary === null || (text !== `--${boundary}` && text !== `--${boundary}--`)) continue;
      const end = Math.max(lineAt - this.#lastEnd, 0);
      while (this.#stack.length > level + 1) this.#close(end);
      const multipart = this.#stack[level] as Open;
      if (text.length > boundary.length + 2) multipart.boundary = null;
      else this.#begin(multipart, false);
      return true;
    }
    return false;
  }

  #begin(parent: Open, isMessage: boolean): void {
    const part = open(this.#at, isMessage);
    this.#parts++;
    parent.parts.push(part);
    this.#stack.push(part);
  }

  #endHeader(): void {
    const current = this.#current;
    current.state = 'body';
    current.bodyAt = this.#at;
    current.fields = fieldsIn(current.header);
    current.header = [];
    current.contentType = contentTypeIn(current.fields);
    if (this.#parts >= STRUCTURE_LIMITS.maxParts || this.#stack.length > STRUCTURE_LIMITS.maxDepth) return;
    const { type, parameters } = current.contentType;
    if (type.startsWith('multipart/')) current.boundary = parameters.get('boundary') || null;
    else if (type === 'message/rfc822') this.#begin(current, true);
  }

  #close(end: number): void {
    const current = this.#stack.pop() as Open;
    if (current.state === 'header') {
      current.fields = fieldsIn(current.header);
      current.contentType = contentTypeIn(current.fields);
      current.bodyAt = Math.max(end, current.headerAt);
    }
    current.end = Math.max(end, current.bodyAt);
  }
}

function open(headerAt: number, isMessage: boolean): Open {
  return {
    state: 'header',
    isMessage,
    headerAt,
    bodyAt: headerAt,
    end: headerAt,
    lines: 0,
    header: [],
    headerOctets: 0,
    fields: [],
    contentType: PLAIN,
    boundary: null,
    parts: [],
  };
}

function fieldsIn(lines: readonly Uint8Array[]): readonly MimeHeader[] {
  try {
    return decodeMimeHeaders(concatBytes(lines), 0, HEADERS).headers;
  } catch {
    return [];
  }
}

function contentTypeIn(fields: readonly MimeHeader[]): ContentType {
  const value = mimeHeader(fields, 'Content-Type');
  try {
    return value === null ? PLAIN : decodeContentType(value);
  } catch {
    return PLAIN;
  }
}

function structureOf(part: Open): PartStructure {
  const { fields, contentType } = part;
  // a multipart without a part is none that could be described
  const isEmpty = contentType.type.startsWith('multipart/') && part.parts.length === 0;
  const isBroken = contentType.type === 'message/rfc822' && part.parts.length === 0;
  return {
    type: isEmpty || isBroken ? 'application/octet-stream' : contentType.type,
    parameters: [...contentType.parameters],
    id: mimeHeader(fields, 'Content-ID'),
    description: mimeHeader(fields, 'Content-Description'),
    encoding: mimeHeader(fields, 'Content-Transfer-Encoding')?.toLowerCase() || '7bit',
    disposition: dispositionIn(fields),
    headerAt: part.headerAt,
    bodyAt: part.bodyAt,
    end: part.end,
    lines: part.lines,
    parts: part.parts.map(structureOf),
    envelope: part.isMessage ? fields.filter(({ name }) => ENVELOPE.includes(name.toLowerCase())) : null,
  };
}

function dispositionIn(fields: readonly MimeHeader[]): PartStructure['disposition'] {
  const value = mimeHeader(fields, 'Content-Disposition');
  try {
    if (value === null) return null;
    const { type, parameters } = decodeContentDisposition(value);
    return { type, parameters: [...parameters] };
  } catch {
    return null;
  }
}
