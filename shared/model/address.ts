/** Longest address that is looked at, in characters. */
const MAX_LENGTH = 1024;
/** of sip and of sips: once the schemes are one, so are their ports */
const DEFAULT_PORTS: ReadonlySet<number> = new Set([5060, 5061]);
const HOST = /^(?:(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])$/;
const USER = /^(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/#]|%[0-9A-Fa-f]{2})+$/;

/**
 * The one form of a CPM Address under which everything of a person is kept: `sip:bob@home2.example` or `tel:+4420123456`.
 *
 * Takes a URI, a name-addr with or without a display name, or a bare `bob@example.com` or `+44 20 123456`. Dropped are the difference of
 * sip and sips, URI parameters (GRUU included) and headers, a password, the default port and visual separators of a number;
 * the host is lower case; a sip URI that says `user=phone` with a global number is that number.
 * @returns null for what is no address
 */
export function canonicalAddress(text: string): string | null {
  if (text.length > MAX_LENGTH) return null;
  const uri = bareUri(text.trim());
  const colon = uri.indexOf(':');
  const at = uri.indexOf('@');
  switch (colon < 0 ? '' : uri.slice(0, colon).toLowerCase()) {
    case 'sip':
    case 'sips':
      return sipAddress(uri.slice(colon + 1));
    case 'tel':
      return telAddress(uri.slice(colon + 1));
    default:
      // A colon in front of the @ ends a scheme that is not ours.
      if (at < 0) return globalNumber(uri);
      return colon < 0 || colon > at ? sipAddress(uri) : null;
  }
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

function sipAddress(rest: string): string | null {
  // The user part may hold ; and ?, the host part begins after the last @ in front of the URI's headers.
  const at = rest.lastIndexOf('@', endOfUser(rest));
  const [user = '', hostAndMore = ''] = at < 0 ? ['', rest] : [rest.slice(0, at).replace(/:.*$/s, ''), rest.slice(at + 1)];
  if (at >= 0 && !USER.test(user)) return null;
  const [hostPort = ''] = hostAndMore.split(/[;?]/, 1);
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(hostPort.toLowerCase());
  const host = match?.[1] ?? '';
  if (match === null || !HOST.test(host)) return null;
  if (/;user=phone(?:[;?]|$)/i.test(hostAndMore)) {
    const number = globalNumber(user.replace(/;.*$/s, ''));
    if (number !== null) return number;
  }
  const port = match[2] === undefined || DEFAULT_PORTS.has(Number(match[2])) ? '' : `:${Number(match[2])}`;
  return `sip:${at < 0 ? '' : `${plainUser(user)}@`}${host.replace(/\.$/, '')}${port}`;
}

/** A `?` after the host starts the URI's headers, in which an unescaped @ may be misplaced; only the first @ counts then. */
function endOfUser(rest: string): number {
  const first = rest.indexOf('@');
  const headers = first < 0 ? -1 : rest.indexOf('?', first);
  return headers < 0 ? rest.length : headers;
}

/** RFC 3966: a global number alone; a local one with its phone-context. */
function telAddress(rest: string): string | null {
  const [number = '', ...parameters] = rest.split(';');
  const global = globalNumber(number);
  if (global !== null) return global;
  const local = number.replace(/[-.()\s]/g, '').toLowerCase();
  const context =
    parameters
      .find((parameter) => /^phone-context=/i.test(parameter))
      ?.slice('phone-context='.length)
      .toLowerCase() ?? '';
  if (!/^[0-9a-f*#]{1,32}$/.test(local) || !/^(?:\+\d{1,15}|[a-z0-9][a-z0-9.-]*)$/.test(context)) return null;
  return `tel:${local};phone-context=${context}`;
}

function globalNumber(text: string): string | null {
  const digits = text.replace(/[-.()\s]/g, '');
  return /^\+\d{3,32}$/.test(digits) ? `tel:${digits}` : null;
}

/** An escape of a character that needs none is that character (RFC 3261 section 19.1.4); the others get capital digits. */
function plainUser(user: string): string {
  return user.replace(/%([0-9A-Fa-f]{2})/g, (escaped, hex: string) => {
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
