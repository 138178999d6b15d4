const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** A token of `length` characters from a 64-letter alphabet: 6 random bits a character, valid in SIP, MSRP and CPIM ids. */
export function randomToken(length: number): string {
  let token = '';
  for (const octet of crypto.getRandomValues(new Uint8Array(length))) token += ALPHABET[octet & 63];
  return token;
}

export function randomUuid(): string {
  return crypto.randomUUID();
}
