import { CR, fromBinaryString, fromUtf8, LF, toBinaryString, utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';

/** A piece of an IMAP command (RFC 3501 section 9). */
export type ImapToken =
  | { readonly kind: 'atom'; readonly text: string }
  /** quoted or a literal: never a keyword */
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly ImapToken[] };

export interface ImapCommand {
  readonly tag: string;
  /** upper case; `UID FETCH` and its like in one */
  readonly name: string;
  readonly parameters: readonly ImapToken[];
}

/** The literal that a line announces at its end. */
export interface AnnouncedLiteral {
  readonly octets: number;
  /** its sender waits for `+` (RFC 7888) */
  readonly isAwaited: boolean;
}

export const COMMAND_LIMITS = { maxOctets: 65_536, maxDepth: 8, maxTokens: 2000 } as const;

const TAG = /^[!#$&',\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]{1,64}$/;
const ANNOUNCED = /\{(\d{1,15})(\+?)\}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const CONTROL = /^[\u0000-\u001f\u007f]$/;

/** What the end of a line without its CRLF announces; null where it announces nothing. */
export function announcedLiteral(line: string): AnnouncedLiteral | null {
  const match = ANNOUNCED.exec(line.slice(-20));
  return match === null ? null : { octets: Number(match[1]), isAwaited: match[2] === '' };
}

/**
 * Reads one command with its literals in their place and without its last CRLF.
 * @throws ParleyError `imap.malformed`, `imap.too-large`
 */
export function decodeCommand(octets: Uint8Array): ImapCommand {
  if (octets.length > COMMAND_LIMITS.maxOctets) throw new ParleyError('imap.too-large', `a command of ${octets.length} octets`);
  const reader = new TokenReader(octets);
  const tag = reader.word();
  if (!TAG.test(tag)) throw new ParleyError('imap.malformed', 'no tag');
  const first = reader.word().toUpperCase();
  const second = first === 'UID' ? reader.word().toUpperCase() : null;
  const name = second === null ? first : `UID ${second}`;
  if (!/^[A-Z0-9]{1,20}( [A-Z]{1,20})?$/.test(name)) throw new ParleyError('imap.malformed', 'no command');
  return { tag, name, parameters: reader.rest() };
}

/** The text of an atom or string; null for a list, or for none. */
export function tokenText(token: ImapToken | undefined): string | null {
  return token === undefined || token.kind === 'list' ? null : token.text;
}

/** A string as a quoted one, or as a literal where that cannot carry it. */
export function encodeString(text: string): string {
  if (/^[\t -~]{0,1000}$/.test(text)) return `"${text.replace(/["\\]/g, '\\$&')}"`;
  const octets = utf8(text);
  return `{${octets.length}}\r\n${toBinaryString(octets)}`;
}

/** Octets one by one; everything is read as ISO 8859-1, and strings are given out as UTF-8. */
class TokenReader {
  readonly #text: string;
  #at = 0;
  #tokens = 0;

  constructor(octets: Uint8Array) {
    this.#text = toBinaryString(octets);
  }

  /** Up to the next space. */
  word(): string {
    const space = this.#text.indexOf(' ', this.#at);
    const end = space < 0 ? this.#text.length : space;
    const word = this.#text.slice(this.#at, end);
    this.#at = Math.min(end + 1, this.#text.length);
    return word.length > 100 ? '' : word;
  }

  rest(): ImapToken[] {
    const tokens = this.#list(0);
    if (this.#at < this.#text.length) throw new ParleyError('imap.malformed', 'a bracket too many');
    return tokens;
  }

  #list(depth: number): ImapToken[] {
    if (depth > COMMAND_LIMITS.maxDepth) throw new ParleyError('imap.too-large', 'lists in lists');
    const tokens: ImapToken[] = [];
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at] as string;
      if (character === ')') break;
      if (character === ' ') {
        this.#at++;
        continue;
      }
      if (++this.#tokens > COMMAND_LIMITS.maxTokens) throw new ParleyError('imap.too-large', `more than ${COMMAND_LIMITS.maxTokens} words`);
      tokens.push(this.#token(character, depth));
    }
    return tokens;
  }

  #token(character: string, depth: number): ImapToken {
    if (character === '"') return { kind: 'string', text: this.#quoted() };
    if (character === '{') return { kind: 'string', text: this.#literal() };
    if (character !== '(') return { kind: 'atom', text: this.#atom() };
    this.#at++;
    const items = this.#list(depth + 1);
    if (this.#text[this.#at] !== ')') throw new ParleyError('imap.malformed', 'a bracket is missing');
    this.#at++;
    return { kind: 'list', items };
  }

  #quoted(): string {
    let content = '';
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      let character = this.#text[this.#at] as string;
      if (character === '"') {
        this.#at++;
        return fromUtf8(fromBinaryString(content));
      }
      if (character === '\\') character = this.#text[++this.#at] ?? '';
      if (CONTROL.test(character) && character !== '\t') break;
      content += character;
    }
    throw new ParleyError('imap.malformed', 'a quoted string without an end');
  }

  #literal(): string {
    const head = /^\{(\d{1,9})\+?\}\r\n/.exec(this.#text.slice(this.#at, this.#at + 20));
    const from = this.#at + (head?.[0].length ?? 0);
    const end = from + Number(head?.[1] ?? 0);
    if (head === null || end > this.#text.length) throw new ParleyError('imap.malformed', 'a literal without its octets');
    this.#at = end;
    return fromUtf8(fromBinaryString(this.#text.slice(from, end)));
  }

  /** What is in the brackets of a section belongs to its atom: `BODY[HEADER.FIELDS (From "To")]<0.100>`. */
  #atom(): string {
    const from = this.#at;
    let isSection = false;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at] as string;
      if (character === '[') isSection = true;
      else if (character === ']') isSection = false;
      else if (!isSection && (character === ' ' || character === '(' || character === ')')) break;
      const code = character.charCodeAt(0);
      if (code === CR || code === LF || CONTROL.test(character)) throw new ParleyError('imap.malformed', 'a control character');
    }
    return fromUtf8(fromBinaryString(this.#text.slice(from, this.#at)));
  }
}
