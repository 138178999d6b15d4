import { ParleyError } from '../../base/errors.ts';
import type { ImapToken } from './command.ts';

/** What FETCH asks for (RFC 3501 section 6.4.5, RFC 7162). */
export type FetchItem = { readonly kind: 'value'; readonly name: FetchValue } | SectionItem;

export type FetchValue = 'FLAGS' | 'UID' | 'INTERNALDATE' | 'RFC822.SIZE' | 'ENVELOPE' | 'BODY' | 'BODYSTRUCTURE' | 'MODSEQ';

export interface SectionItem {
  readonly kind: 'section';
  /** as the answer names it, without the end of a partial one: `BODY[1.2]<0>` */
  readonly label: string;
  /** reading it leaves \Seen as it is */
  readonly isPeek: boolean;
  /** part numbers, none for the whole message */
  readonly path: readonly number[];
  readonly text: 'ALL' | 'HEADER' | 'FIELDS' | 'FIELDS.NOT' | 'TEXT' | 'MIME';
  /** names for FIELDS and FIELDS.NOT, lower case */
  readonly fields: readonly string[];
  readonly partial: { readonly from: number; readonly octets: number } | null;
}

const VALUES: readonly string[] = ['FLAGS', 'UID', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY', 'BODYSTRUCTURE', 'MODSEQ'];
const FAST = ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE'];
const MACROS: Readonly<Record<string, readonly string[]>> = { FAST, ALL: [...FAST, 'ENVELOPE'], FULL: [...FAST, 'ENVELOPE', 'BODY'] };
const OLD: Readonly<Record<string, string>> = { RFC822: 'BODY[]', 'RFC822.HEADER': 'BODY.PEEK[HEADER]', 'RFC822.TEXT': 'BODY[TEXT]' };
const SECTION = /^BODY(\.PEEK)?\[([^\]]*)\](?:<(\d{1,15})\.(\d{1,15})>)?$/i;
const MAX_ITEMS = 100;
const MAX_PARTS = 10;

/** @throws ParleyError `imap.malformed` */
export function decodeFetchItems(token: ImapToken | undefined): FetchItem[] {
  const tokens = token?.kind === 'list' ? token.items : token === undefined ? [] : [token];
  if (tokens.length === 0 || tokens.length > MAX_ITEMS) throw new ParleyError('imap.malformed', 'what is to be fetched');
  return tokens.flatMap((each) => {
    if (each.kind !== 'atom') throw new ParleyError('imap.malformed', 'what is to be fetched');
    return (MACROS[each.text.toUpperCase()] ?? [each.text]).map(itemOf);
  });
}

function itemOf(text: string): FetchItem {
  const name = text.toUpperCase();
  if (VALUES.includes(name)) return { kind: 'value', name: name as FetchValue };
  const old = OLD[name];
  if (old !== undefined) return { ...sectionOf(old), label: name };
  return sectionOf(text);
}

function sectionOf(text: string): SectionItem {
  const match = SECTION.exec(text);
  if (match === null) throw new ParleyError('imap.malformed', `FETCH ${JSON.stringify(text.slice(0, 60))}`);
  const [, peek, section = '', from, octets] = match;
  const { path, rest } = pathIn(section);
  const partial = from === undefined ? null : { from: Number(from), octets: Number(octets) };
  const label = `BODY[${section}]${partial === null ? '' : `<${partial.from}>`}`;
  return { kind: 'section', label, isPeek: peek !== undefined, path, partial, ...textOf(rest, path.length > 0) };
}

function pathIn(section: string): { readonly path: number[]; readonly rest: string } {
  const path: number[] = [];
  let rest = section;
  for (let match = /^([1-9]\d{0,3})(?:\.|$)/.exec(rest); match !== null; match = /^([1-9]\d{0,3})(?:\.|$)/.exec(rest)) {
    path.push(Number(match[1]));
    rest = rest.slice(match[0].length);
  }
  if (path.length > MAX_PARTS) throw new ParleyError('imap.malformed', 'a section too deep');
  return { path, rest };
}

function textOf(rest: string, isPart: boolean): Pick<SectionItem, 'text' | 'fields'> {
  const upper = rest.toUpperCase();
  if (upper === '') return { text: 'ALL', fields: [] };
  if (upper === 'HEADER' || upper === 'TEXT' || (upper === 'MIME' && isPart))
    return { text: upper as 'HEADER' | 'TEXT' | 'MIME', fields: [] };
  const match = /^HEADER\.FIELDS(\.NOT)? \(([^()]*)\)$/i.exec(rest);
  if (match === null) throw new ParleyError('imap.malformed', `section ${JSON.stringify(rest.slice(0, 60))}`);
  const fields = (match[2] ?? '').split(' ').map((field) => field.replace(/^"|"$/g, '').toLowerCase());
  return { text: match[1] === undefined ? 'FIELDS' : 'FIELDS.NOT', fields: fields.filter((field) => field !== '') };
}
