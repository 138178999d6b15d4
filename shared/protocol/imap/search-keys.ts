import { ParleyError } from '../../base/errors.ts';
import { parseMailDate } from '../mime/mail-headers.ts';
import { type ImapToken, tokenText } from './command.ts';
import { decodeSequenceSet } from './sequence-set.ts';

/** What SEARCH looks for (RFC 3501 section 6.4.4, RFC 7162); plain data, so that it can go to where the messages are. */
export type SearchKey =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly keys: readonly SearchKey[] }
  | { readonly kind: 'not'; readonly key: SearchKey }
  | { readonly kind: 'flag'; readonly flag: string; readonly isSet: boolean }
  /** `*` is Infinity */
  | { readonly kind: 'numbers' | 'uids'; readonly set: string }
  /** lower case; `name` '' for the whole header and body, ' ' for the body */
  | { readonly kind: 'text'; readonly name: string; readonly text: string }
  /** ms of the beginning of a day in UTC */
  | { readonly kind: 'received' | 'sent'; readonly when: 'before' | 'on' | 'since'; readonly day: number }
  | { readonly kind: 'larger' | 'smaller'; readonly octets: number }
  | { readonly kind: 'modseq'; readonly atLeast: number };

const FLAGS: Readonly<Record<string, readonly [string, boolean]>> = {
  ANSWERED: ['\\answered', true],
  DELETED: ['\\deleted', true],
  DRAFT: ['\\draft', true],
  FLAGGED: ['\\flagged', true],
  SEEN: ['\\seen', true],
  UNANSWERED: ['\\answered', false],
  UNDELETED: ['\\deleted', false],
  UNDRAFT: ['\\draft', false],
  UNFLAGGED: ['\\flagged', false],
  UNSEEN: ['\\seen', false],
  // \Recent is not kept: nothing is recent, everything is old
  OLD: ['\\recent', false],
  RECENT: ['\\recent', true],
  NEW: ['\\recent', true],
};
const FIELDS = ['BCC', 'CC', 'FROM', 'SUBJECT', 'TO'];
const MAX_KEYS = 500;
const MAX_DEPTH = 16;
const CHARSETS = ['UTF-8', 'US-ASCII'];

/** @throws ParleyError `imap.malformed`; `request.invalid` for a charset other than UTF-8 */
export function decodeSearch(tokens: readonly ImapToken[]): SearchKey {
  const hasCharset = tokenText(tokens[0])?.toUpperCase() === 'CHARSET';
  if (hasCharset && !CHARSETS.includes(tokenText(tokens[1])?.toUpperCase() ?? '')) throw new ParleyError('request.invalid', 'charset');
  return new SearchReader(hasCharset ? tokens.slice(2) : tokens, 0, { left: MAX_KEYS }).all();
}

class SearchReader {
  readonly #tokens: readonly ImapToken[];
  readonly #depth: number;
  readonly #budget: { left: number };
  #at = 0;

  constructor(tokens: readonly ImapToken[], depth: number, budget: { left: number }) {
    this.#tokens = tokens;
    this.#depth = depth;
    this.#budget = budget;
  }

  all(): SearchKey {
    const keys: SearchKey[] = [];
    while (this.#at < this.#tokens.length) keys.push(this.#key(this.#depth));
    if (keys.length === 0) throw new ParleyError('imap.malformed', 'nothing to search for');
    return keys.length === 1 ? (keys[0] as SearchKey) : { kind: 'and', keys };
  }

  #key(depth: number): SearchKey {
    if (depth > MAX_DEPTH || --this.#budget.left < 0) throw new ParleyError('imap.too-large', 'a search with too many conditions');
    const token = this.#tokens[this.#at++];
    if (token?.kind === 'list') return new SearchReader(token.items, depth + 1, this.#budget).all();
    if (token?.kind !== 'atom') throw new ParleyError('imap.malformed', 'a condition of SEARCH');
    const name = token.text.toUpperCase();
    const flag = FLAGS[name];
    if (flag !== undefined) return { kind: 'flag', flag: flag[0], isSet: flag[1] };
    if (FIELDS.includes(name)) return { kind: 'text', name: name.toLowerCase(), text: this.#text() };
    switch (name) {
      case 'ALL':
        return { kind: 'all' };
      case 'NOT':
        return { kind: 'not', key: this.#key(depth + 1) };
      case 'OR':
        return { kind: 'or', keys: [this.#key(depth + 1), this.#key(depth + 1)] };
      case 'KEYWORD':
      case 'UNKEYWORD':
        return { kind: 'flag', flag: this.#text(), isSet: name === 'KEYWORD' };
      case 'HEADER':
        return { kind: 'text', name: this.#text(), text: this.#text() };
      case 'TEXT':
        return { kind: 'text', name: '', text: this.#text() };
      case 'BODY':
        return { kind: 'text', name: ' ', text: this.#text() };
      case 'UID':
        return { kind: 'uids', set: checked(this.#text()) };
      case 'LARGER':
      case 'SMALLER':
        return { kind: name === 'LARGER' ? 'larger' : 'smaller', octets: this.#number() };
      case 'MODSEQ':
        return this.#modseq();
      default:
        return this.#dateOrSet(name, token.text);
    }
  }

  #dateOrSet(name: string, text: string): SearchKey {
    const date = /^(SENT)?(BEFORE|ON|SINCE)$/.exec(name);
    if (date === null) return { kind: 'numbers', set: checked(text) };
    const day = parseMailDate(`${this.#text()} 00:00`);
    if (day === null) throw new ParleyError('imap.malformed', 'a date');
    return { kind: date[1] === undefined ? 'received' : 'sent', when: date[2]?.toLowerCase() as 'before' | 'on' | 'since', day };
  }

  /** An entry name and type before the number say nothing here (RFC 7162 section 3.1.5). */
  #modseq(): SearchKey {
    if (this.#tokens[this.#at]?.kind === 'string') this.#at += 2;
    return { kind: 'modseq', atLeast: this.#number() };
  }

  #text(): string {
    const text = tokenText(this.#tokens[this.#at++]);
    if (text === null) throw new ParleyError('imap.malformed', 'a condition of SEARCH without its value');
    return text.toLowerCase();
  }

  #number(): number {
    const text = this.#text();
    if (!/^\d{1,15}$/.test(text)) throw new ParleyError('imap.malformed', 'a number');
    return Number(text);
  }
}

function checked(set: string): string {
  decodeSequenceSet(set, 1);
  return set;
}
