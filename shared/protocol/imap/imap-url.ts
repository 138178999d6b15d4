import { utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';

/** What an IMAP URL names (RFC 5092 section 5): a mailbox, a message in it, or a part of one. */
export interface ImapUrl {
  readonly user: string;
  readonly host: string;
  readonly port: number;
  /** levels of the mailbox's name, at least one */
  readonly folder: readonly string[];
  /** null: whichever the mailbox has */
  readonly uidValidity: number | null;
  /** null: the mailbox itself */
  readonly uid: number | null;
  /** `2`, `1.3`; null: the whole message */
  readonly section: string | null;
}

/** characters of a whole URL; with what stands around it, it has to fit into one SIP request */
export const LONGEST_IMAP_URL = 800;
const IMAP_PORT = 143;
const MOST_LEVELS = 10;
const HIGHEST = 4_294_967_295;
const SERVER = /^imap:\/\/([^@/?#]+)@(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::(\d{1,5}))?\/(.+)$/i;
const SECTION = /^\d{1,5}(?:\.\d{1,5}){0,7}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: no name has them
const CONTROL = /[\u0000-\u001f\u007f]/;

/** @throws ParleyError `imap.malformed` for what is no such URL, `imap.too-large` */
export function decodeImapUrl(text: string): ImapUrl {
  if (text.length > LONGEST_IMAP_URL) throw new ParleyError('imap.too-large', `a URL of ${text.length} characters`);
  const server = SERVER.exec(text);
  const port = Number(server?.[3] ?? IMAP_PORT);
  if (server === null || port < 1 || port > 65_535) throw malformed('not an IMAP URL with a user and a mailbox');
  const [, user = '', host = '', , path = ''] = server;
  const [mailbox = '', uid, section, ...rest] = path.split(/\/;(?=UID=|SECTION=)/i);
  const [name = '', validity, ...more] = mailbox.split(';');
  if (rest.length + more.length > 0) throw malformed('more parts than an IMAP URL has');
  const folder = name.split('/').map(decoded);
  if (folder.length > MOST_LEVELS) throw malformed('too many levels');
  const part = given(section, 'SECTION');
  if (part !== null && !SECTION.test(part)) throw malformed('a section that is no number of a part');
  const number = numberOf(given(uid, 'UID'));
  if (part !== null && number === null) throw malformed('a part of no message');
  const [userName] = user.split(/;AUTH=/i);
  return {
    user: decoded(userName ?? ''),
    host: host.replace(/^\[|\]$/g, '').toLowerCase(),
    port,
    folder,
    uidValidity: numberOf(given(validity, 'UIDVALIDITY')),
    uid: number,
    section: part,
  };
}

/** @throws ParleyError `imap.malformed` for what no such URL can name, `imap.too-large` */
export function encodeImapUrl({ user, host, port, folder, uidValidity, uid, section }: ImapUrl): string {
  const validity = uidValidity === null ? '' : `;UIDVALIDITY=${uidValidity}`;
  const message = uid === null ? '' : `/;UID=${uid}`;
  const part = section === null ? '' : `/;SECTION=${section}`;
  const place = host.includes(':') ? `[${host}]` : host;
  const text = `imap://${encoded(user)}@${place}:${port}/${folder.map(encoded).join('/')}${validity}${message}${part}`;
  decodeImapUrl(text);
  return text;
}

/** All but letters, digits and `-._~` as octets of UTF-8. */
function encoded(name: string): string {
  return Array.from(utf8(name), (octet) => {
    const character = String.fromCharCode(octet);
    return /[A-Za-z0-9._~-]/.test(character) ? character : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

function decoded(text: string): string {
  let name = '';
  try {
    name = decodeURIComponent(text);
  } catch {
    throw malformed('octets that are not UTF-8');
  }
  if (name === '' || CONTROL.test(name)) throw malformed('an empty name, or one with control characters');
  return name;
}

function given(parameter: string | undefined, name: string): string | null {
  if (parameter === undefined) return null;
  const [key = '', value = '', ...rest] = parameter.split('=');
  if (key.toUpperCase() !== name || value === '' || rest.length > 0) throw malformed(`not a ${name}`);
  return value;
}

function numberOf(digits: string | null): number | null {
  if (digits === null) return null;
  const number = /^[1-9]\d{0,9}$/.test(digits) ? Number(digits) : 0;
  if (number < 1 || number > HIGHEST) throw malformed('not a number of IMAP');
  return number;
}

function malformed(why: string): ParleyError {
  return new ParleyError('imap.malformed', why);
}
