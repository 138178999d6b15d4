const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * A token of `length` characters from a 64-letter alphabet: 6 random bits a character, valid as a token of SIP and CPIM. Not for MSRP, whose
 * ids take no `_` and do not begin with `-` (RFC 4975 section 9).
 */
export function randomToken(length: number): string {
  let token = '';
  for (const octet of crypto.getRandomValues(new Uint8Array(length))) token += ALPHABET[octet & 63];
  return token;
}

export function randomUuid(): string {
  return crypto.randomUUID();
}
