import { fromBinaryString } from '../../../../shared/base/bytes.ts';
import { describeEnvelope, describeStructure } from '../../../../shared/protocol/imap/describe.ts';
import type { FetchItem, SectionItem } from '../../../../shared/protocol/imap/fetch-items.ts';
import { type OctetRange, sectionRange, someFields } from '../../../../shared/protocol/imap/sections.ts';
import type { PartStructure } from '../../../../shared/protocol/imap/structure.ts';
import { formatMailDate } from '../../../../shared/protocol/mime/mail-headers.ts';
import type { Asked } from '../../databases/open.ts';
import { CHUNK, type MailCalls, type MessageRow } from '../storage/calls.ts';

/** Writes to the connection; resolves when there is room for more. */
export type Write = (text: string | Uint8Array) => Promise<void>;

/** header blocks are held for HEADER.FIELDS */
const LONGEST_HEADER = 1_048_576;

/** One `* n FETCH (…)` answer; octets of sections pass in pieces. */
export async function writeFetched(
  mail: Asked<MailCalls>,
  write: Write,
  sequence: number,
  row: MessageRow,
  items: readonly FetchItem[],
): Promise<void> {
  const needs = items.some((item) => item.kind === 'section' || ['ENVELOPE', 'BODY', 'BODYSTRUCTURE'].includes(item.name));
  const structure = needs ? await mail.structure(row.bodyId) : null;
  await write(`* ${sequence} FETCH (`);
  let separator = '';
  for (const item of items) {
    await write(separator);
    separator = ' ';
    if (item.kind === 'value') await write(`${item.name} ${valueFor(item.name, row, structure)}`);
    else await writeSection(mail, write, row, structure as PartStructure, item);
  }
  await write(')\r\n');
}

function valueFor(name: Extract<FetchItem, { kind: 'value' }>['name'], row: MessageRow, structure: PartStructure | null): string {
  switch (name) {
    case 'UID':
      return String(row.uid);
    case 'FLAGS':
      return `(${row.flags.join(' ')})`;
    case 'MODSEQ':
      return `(${row.modseq})`;
    case 'RFC822.SIZE':
      return String(row.octets);
    case 'INTERNALDATE':
      return `"${internalDate(row.received)}"`;
    case 'ENVELOPE':
      return describeEnvelope(structure?.envelope ?? []);
    default:
      return structure === null ? 'NIL' : describeStructure(structure, name === 'BODYSTRUCTURE');
  }
}

/** `20-Nov-2026 16:27:37 +0000` */
function internalDate(time: number): string {
  const [day = '', month = '', year = '', clock = '', zone = ''] = formatMailDate(time).split(', ')[1]?.split(' ') ?? [];
  return `${day}-${month}-${year} ${clock} ${zone}`;
}

async function writeSection(
  mail: Asked<MailCalls>,
  write: Write,
  row: MessageRow,
  structure: PartStructure,
  item: SectionItem,
): Promise<void> {
  const range = sectionRange(structure, item);
  if (range === null) {
    await write(`${item.label} NIL`);
    return;
  }
  if (item.text === 'FIELDS' || item.text === 'FIELDS.NOT') {
    const pieces: Uint8Array[] = [];
    const header = { from: range.from, to: Math.min(range.to, range.from + LONGEST_HEADER) };
    for await (const piece of octetsOf(mail, row.bodyId, header)) pieces.push(piece);
    const fields = someFields(Buffer.concat(pieces), item.fields, item.text === 'FIELDS.NOT');
    const { from, octets } = item.partial ?? { from: 0, octets: fields.length };
    const part = fields.subarray(from, from + octets);
    await write(`${item.label} {${part.length}}\r\n`);
    await write(part);
    return;
  }
  const from = Math.min(range.from + (item.partial?.from ?? 0), range.to);
  const to = item.partial === null ? range.to : Math.min(from + item.partial.octets, range.to);
  await write(`${item.label} {${to - from}}\r\n`);
  for await (const piece of octetsOf(mail, row.bodyId, { from, to })) await write(piece);
}

async function* octetsOf(mail: Asked<MailCalls>, bodyId: number, { from, to }: OctetRange): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to; ) {
    const piece = await mail.read(bodyId, at, Math.min(to - at, CHUNK));
    // the message was taken away meanwhile: its size has been told, so something has to stand there
    yield piece.length === 0 ? fromBinaryString(' '.repeat(Math.min(to - at, CHUNK))) : piece;
    at += piece.length || Math.min(to - at, CHUNK);
  }
}
