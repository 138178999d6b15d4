import { globalNumber, isCountryCode, numberIn } from './numbering.ts';

/** Longest address that is looked at, in characters. */
const MAX_LENGTH = 1024;
/** of sip and of sips: once the schemes are one, so are their ports */
const DEFAULT_PORTS: ReadonlySet<number> = new Set([5060, 5061]);
const HOST = /^(?:(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])$/;
const USER = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/#]|%[0-9A-Fa-f]{2})+$/;

/** A URI whose user part is one of these is somebody's number, whether it says `user=phone` or not. */
const NUMBER_AS_USER = /^\+\d{7,15}$/;

/**
 * The one form of a CPM Address under which everything of a person is kept: `sip:bob@home2.example` or `tel:+4420123456`. Folding is
 * idempotent.
 *
 * Takes a URI, a name-addr with or without a display name, or a bare `bob@example.com` or `+44 20 123456`. Dropped are the difference of
 * sip and sips, URI parameters (GRUU included) and headers, a password, the default port and visual separators of a number; the host is
 * lower case, an escape of what needs none is the character (RFC 3261 section 19.1.4). A sip URI that says `user=phone`, or whose user is a
 * global number, is that number. Of a number's parameters the extension and the subaddress make a difference (RFC 3966 section 5).
 * @param countryCode of the home country, digits only: what a national number belongs to; without it one is no global number
 * @returns null for what is no address
 */
export function canonicalAddress(text: string, countryCode?: string | undefined): string | null {
  return fold(text, countryCode)?.address ?? null;
}

/**
 * A sip URI that stands for a number, as a request to it is sent: with its host, by which a network without number translation finds the
 * way, and without what belongs to one device or one call. Null where the canonical address says as much.
 */
export function numberRoute(text: string, countryCode?: string | undefined): string | null {
  return fold(text, countryCode)?.route ?? null;
}

interface Folded {
  readonly address: string;
  readonly route: string | null;
}

function fold(text: string, countryCode: string | undefined): Folded | null {
  if (text.length > MAX_LENGTH) return null;
  const uri = bareUri(text.trim());
  const colon = uri.indexOf(':');
  const at = uri.indexOf('@');
  switch (colon < 0 ? '' : uri.slice(0, colon).toLowerCase()) {
    case 'sip':
    case 'sips':
      return sipAddress(uri.slice(colon + 1), countryCode);
    case 'tel':
      return alone(telAddress(uri.slice(colon + 1), countryCode));
    default:
      // A colon in front of the @ ends a scheme that is not ours.
      if (at < 0) return alone(telUri(countryCode === undefined ? globalNumber(uri) : numberIn(countryCode, uri), []));
      return colon < 0 || colon > at ? sipAddress(uri, countryCode) : null;
  }
}

function alone(address: string | null): Folded | null {
  return address === null ? null : { address, route: null };
}

/** What to call an address: the display name, else the part before the @ or the number, else the host. */
export function addressTitle(address: string, displayName?: string | undefined): string {
  const name = cleanName(displayName ?? '');
  if (name !== '') return name;
  const canonical = canonicalAddress(address) ?? address;
  const rest = canonical.replace(/^(?:sip|tel):/, '');
  const at = rest.lastIndexOf('@');
  return cleanName(unescapeUser(at > 0 ? rest.slice(0, at) : rest.replace(/;.*$/s, ''))) || address;
}

/** The host without its port; null for a number or what is no address. */
export function domainOf(address: string): string | null {
  const canonical = canonicalAddress(address);
  if (canonical === null || !canonical.startsWith('sip:')) return null;
  return canonical
    .slice(canonical.lastIndexOf('@') + 1)
    .replace(/^sip:/, '')
    .replace(/:\d+$/, '');
}

/** What stands in angle brackets outside of a quoted display name, else the text up to header parameters. */
function bareUri(text: string): string {
  const quotedName = /^"(?:[^"\\]|\\.)*"/s.exec(text)?.[0] ?? '';
  const open = text.indexOf('<', quotedName.length);
  if (open < 0) return text;
  const close = text.indexOf('>', open);
  return close < 0 ? '' : text.slice(open + 1, close).trim();
}

function sipAddress(rest: string, countryCode: string | undefined): Folded | null {
  // The user part may hold ; and ?, the host part begins after the last @ in front of the URI's headers.
  const at = rest.lastIndexOf('@', endOfUser(rest));
  const [user = '', hostAndMore = ''] = at < 0 ? ['', rest] : [rest.slice(0, at).replace(/:.*$/s, ''), rest.slice(at + 1)];
  if (at >= 0 && !USER.test(user)) return null;
  const [hostPort = ''] = hostAndMore.split(/[;?]/, 1);
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(hostPort.toLowerCase());
  const host = match?.[1] ?? '';
  if (match === null || !HOST.test(host)) return null;
  const port = match[2] === undefined || DEFAULT_PORTS.has(Number(match[2])) ? '' : `:${Number(match[2])}`;
  const address = `sip:${at < 0 ? '' : `${plainUser(user)}@`}${plainHost(host)}${port}`;
  const isPhone = /;user=phone(?:[;?]|$)/i.test(hostAndMore);
  if (!isPhone && !NUMBER_AS_USER.test(plainUser(user))) return { address, route: null };
  const number = telAddress(unescapeUser(user), countryCode);
  return number === null ? { address, route: null } : { address: number, route: isPhone ? `${address};user=phone` : address };
}

/** A `?` after the host starts the URI's headers, in which an unescaped @ may be misplaced; only the first @ counts then. */
function endOfUser(rest: string): number {
  const first = rest.indexOf('@');
  const headers = first < 0 ? -1 : rest.indexOf('?', first);
  return headers < 0 ? rest.length : headers;
}

/** RFC 3966: a global number alone; a local one with its phone-context, unless its country makes it global. */
function telAddress(rest: string, countryCode: string | undefined): string | null {
  const [number = '', ...parameters] = rest.split(';');
  const parameter = (name: string): string | null =>
    parameters.find((each) => each.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
  const context = parameter('phone-context')?.toLowerCase() ?? null;
  const plainContext = context?.startsWith('+') ? context.replace(/[-.()]/g, '') : context;
  const code = plainContext === null ? countryCode : plainContext.replace(/^\+/, '');
  const country = code !== undefined && isCountryCode(code) ? code : undefined;
  const global = country === undefined ? globalNumber(number) : numberIn(country, number);
  const line = [
    ...numberParameter('ext', parameter('ext')?.replace(/[-.()]/g, ''), /^\d{1,16}$/),
    ...numberParameter('isub', parameter('isub'), /^[\w!~*'.+%-]{1,40}$/),
  ];
  if (global !== null) return telUri(global, line);
  const local = number.replace(/[-.()\s]/g, '').toLowerCase();
  if (!/^[0-9a-f*#]{1,32}$/.test(local) || !/^(?:\+\d{1,15}|[a-z0-9][a-z0-9.-]*)$/.test(plainContext ?? '')) return null;
  return telUri(local, [...line, `phone-context=${plainContext?.replace(/\.$/, '')}`]);
}

function numberParameter(name: string, value: string | null | undefined, form: RegExp): string[] {
  return value != null && form.test(value) ? [`${name}=${value}`] : [];
}

function telUri(number: string | null, parameters: readonly string[]): string | null {
  return number === null ? null : [`tel:${number}`, ...parameters].join(';');
}

/** The ways to write one IPv6 address are one (RFC 5952), and so are a name with and without the dot of the root. */
function plainHost(host: string): string {
  if (!host.startsWith('[')) return host.replace(/\.$/, '');
  try {
    return new URL(`http://${host}`).hostname;
  } catch {
    return host;
  }
}

/** An escape of a character that needs none is that character (RFC 3261 section 19.1.4); the others get capital digits, and # its escape. */
function plainUser(user: string): string {
  return user.replaceAll('#', '%23').replace(/%([0-9A-Fa-f]{2})/g, (escaped, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9\-_.!~*'()]/.test(character) ? character : escaped.toUpperCase();
  });
}

function unescapeUser(user: string): string {
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}

/** One line without characters that change the direction or are not seen, at most 100 characters. */
function cleanName(name: string): string {
  const visible = name.slice(0, 1000).replace(/[\p{Cc}\p{Zl}\p{Zp}\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/gu, ' ');
  return [...visible.replace(/\s+/g, ' ').trim()].slice(0, 100).join('').trim();
}
