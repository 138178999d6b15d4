/**
 * sip.js re-escapes the user part of a URI, loses display names it cannot read, drops whole messages for a `tel:` address and
 * lower-cases hosts. So it never sees what the network wrote: every address, tag and Call-ID is handed to it as hexadecimal digits
 * inside a plain token or a plain SIP URI, and turned back, octet for octet, on the way out. The mapping is stateless, so nothing has
 * to be remembered or forgotten.
 */
export const MASKED_HOST = 'masked.invalid';
const MASKED_URI = new RegExp(`^sip:x((?:[0-9a-f]{2})*)@${MASKED_HOST.replace('.', '\\.')}`);
const MASKED_TOKEN = /^x((?:[0-9a-f]{2})*)$/;

export function maskToken(text: string): string {
  return `x${Buffer.from(text, 'utf8').toString('hex')}`;
}

/** @returns the text, or null when the token was not masked */
export function unmaskToken(token: string): string | null {
  const digits = MASKED_TOKEN.exec(token)?.[1];
  return digits === undefined ? null : Buffer.from(digits, 'hex').toString('utf8');
}

/** A URI for sip.js that carries any text: an address, a whole name-addr or a list of routes. */
export function maskUri(text: string): string {
  return `sip:${maskToken(text)}@${MASKED_HOST}`;
}

/** @returns the text carried by a masked URI at the start of `uri` (parameters after it are ignored), or null */
export function unmaskUri(uri: string): string | null {
  const digits = MASKED_URI.exec(uri)?.[1];
  return digits === undefined ? null : Buffer.from(digits, 'hex').toString('utf8');
}
