import { utf8 } from '../../base/bytes.ts';
import { type ErrorCode, ParleyError } from '../../base/errors.ts';
import { decodeWords, encodeWords } from './encoded-word.ts';
import type { MimeHeader } from './headers.ts';

/** A mailbox of RFC 5322 section 3.4: `"Alice" <alice@home1.example>`. */
export interface Mailbox {
  /** '' for none */
  readonly name: string;
  /** without quotes */
  readonly local: string;
  readonly domain: string;
}

/** characters of a line to keep to, and the most there may be, without the line end (RFC 5322 section 2.1.1) */
const LINE = 78;
const LONGEST_LINE = 998;
const NAME = /^[!-9;-~]{1,100}$/;
const DOT_ATOM = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*$/;
const DOMAIN = /^(?:[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]{1,255}|\[[!-Z^-~]{1,255}\])$/;
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DATE =
  /^(?:[A-Za-z]{3},?\s*)?(\d{1,2})[\s-]+([A-Za-z]{3})[\s-]+(\d{4})\s+(\d{1,2}):(\d\d)(?::(\d\d))?\s*(?:([+-])(\d\d)(\d\d)|([A-Za-z]{1,5}))?/;
const MAX_ADDRESSES = 1000;

/**
 * A header block of a mail message with its closing empty line: ASCII, folded at its spaces (RFC 5322 section 2.2.3). Values come with their
 * non-ASCII text encoded already, see `encodeWords`.
 * @throws ParleyError `malformed` for what no header could carry
 */
export function encodeMailHeaders(headers: readonly MimeHeader[], malformed: ErrorCode): Uint8Array {
  return utf8(`${headers.map((header) => `${fold(header, malformed)}\r\n`).join('')}\r\n`);
}

function fold({ name, value }: MimeHeader, malformed: ErrorCode): string {
  if (!NAME.test(name)) throw new ParleyError(malformed, `header name ${JSON.stringify(name.slice(0, 80))}`);
  if (!/^[\t -~]*$/.test(value)) throw new ParleyError(malformed, `${name} is not of ASCII alone`);
  const lines: string[] = [];
  let line = `${name}:`;
  for (const word of value.split(' ')) {
    // a line of white space alone is none that may be written
    if (line.length + 1 + word.length > LINE && line.trim() !== '' && line !== `${name}:` && word !== '') {
      lines.push(line);
      line = '';
    }
    line += ` ${word}`;
  }
  lines.push(line.trimEnd());
  if (lines.some((each) => each.length > LONGEST_LINE)) throw new ParleyError(malformed, `${name} cannot be folded`);
  return lines.join('\r\n');
}

/** Milliseconds since the epoch as `Fri, 20 Nov 2026 16:27:37 +0000`. */
export function formatMailDate(time: number): string {
  const date = new Date(time);
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${String(date.getUTCFullYear()).padStart(4, '0')}`;
  return `${day} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`;
}

/** The reverse, also for the date-time of IMAP (RFC 3501 section 9) and without seconds; null for what is no date. Zones by name count as UTC. */
export function parseMailDate(text: string): number | null {
  const match = DATE.exec(text.slice(0, 100).trim());
  if (match === null) return null;
  const [, day, name = '', year, hour, minute, second = '0', sign, zoneHours = '0', zoneMinutes = '0'] = match;
  const month = MONTHS.findIndex((each) => each.toLowerCase() === name.toLowerCase());
  const time = Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second));
  if (month < 0 || new Date(time).getUTCDate() !== Number(day)) return null;
  const offset = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000;
  return sign === '-' ? time + offset : time - offset;
}

/** @throws ParleyError `malformed` for an address that no mailbox could have */
export function encodeMailbox({ name, local, domain }: Mailbox, malformed: ErrorCode): string {
  if (!/^[ -~]{1,900}$/.test(local) || !DOMAIN.test(domain)) throw new ParleyError(malformed, 'an address that no mailbox can have');
  const address = `${DOT_ATOM.test(local) ? local : quoted(local)}@${domain}`;
  if (name === '') return `<${address}>`;
  const isPlain = /^[ -~]*$/.test(name) && !name.includes('=?') && name.length <= 200;
  return `${isPlain ? quoted(name) : encodeWords(name)} <${address}>`;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * The mailboxes of From, To and their like, in one pass; those of groups in their place, comments left out. What cannot be read is left out too: a
 * header of mail that somebody else wrote is never a reason to lose the mail.
 */
export function decodeMailboxes(text: string): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  const scan = new AddressScanner(text);
  while (!scan.isAtEnd && mailboxes.length < MAX_ADDRESSES) {
    const mailbox = scan.next();
    if (mailbox !== null) mailboxes.push(mailbox);
  }
  return mailboxes;
}

/** Walks over a list of addresses; each call of `next` ends behind a comma, the semicolon of a group or the colon behind its name. */
class AddressScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.slice(0, 100_000);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  next(): Mailbox | null {
    let phrase = '';
    let bracketed: string | null = null;
    while (!this.isAtEnd) {
      const character = this.#text[this.#at] as string;
      if (character === ',' || character === ';' || character === ':') {
        this.#at++;
        // what stood before a colon was the name of a group
        if (character === ':') return null;
        break;
      }
      if (character === '(') this.#comment();
      else if (character === '"') phrase += this.#quoted();
      else if (character === '<') bracketed = this.#bracketed();
      else {
        phrase += character;
        this.#at++;
      }
    }
    if (bracketed === null) return addressOf(phrase.replace(/\s+/g, ''), '');
    // a route before the address (RFC 5322 section 4.4) is not looked at
    const colon = bracketed.startsWith('@') ? bracketed.indexOf(':') : -1;
    return addressOf(bracketed.slice(colon + 1), decodeWords(phrase.trim().replace(/\s+/g, ' ')));
  }

  #comment(): void {
    let depth = 0;
    for (; !this.isAtEnd; this.#at++) {
      const character = this.#text[this.#at];
      if (character === '\\') this.#at++;
      else if (character === '(') depth++;
      else if (character === ')' && --depth === 0) break;
    }
    this.#at++;
  }

  #quoted(): string {
    let content = '';
    for (this.#at++; !this.isAtEnd; this.#at++) {
      const character = this.#text[this.#at] as string;
      if (character === '"') break;
      if (character === '\\') this.#at++;
      content += this.#text[this.#at] ?? '';
    }
    this.#at++;
    return content;
  }

  #bracketed(): string {
    let content = '';
    this.#at++;
    while (!this.isAtEnd && this.#text[this.#at] !== '>') {
      const character = this.#text[this.#at] as string;
      if (character === '"') content += this.#quoted();
      else {
        content += character;
        this.#at++;
      }
    }
    this.#at++;
    return content.trim();
  }
}

function addressOf(address: string, name: string): Mailbox | null {
  const at = address.lastIndexOf('@');
  return at > 0 && at < address.length - 1 ? { name, local: address.slice(0, at), domain: address.slice(at + 1) } : null;
}
