import { randomBytes } from 'node:crypto';

/** Every letter is an `ident-char` of RFC 4975 section 9 and none is a flag; 32 letters, so five even bits an octet. */
const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789';
const POOL = 32_768;
const TRANSACTION_ID = 14;
let pool = '';
let used = POOL;

/** 70 random bits; RFC 4975 section 7.1 asks for 64. Cut out of many: a call of the system's generator for each chunk costs more than its head. */
export function transactionId(): string {
  if (used + TRANSACTION_ID > POOL) {
    pool = token(POOL);
    used = 0;
  }
  used += TRANSACTION_ID;
  return pool.slice(used - TRANSACTION_ID, used);
}

function token(length: number): string {
  const letters = randomBytes(length);
  for (let at = 0; at < length; at++) letters[at] = LETTERS.charCodeAt((letters[at] as number) & 31);
  return letters.toString('latin1');
}

/** 100 random bits; RFC 4975 section 14.1 asks for 80. */
export function sessionId(): string {
  return token(20);
}

export function messageId(): string {
  return token(20);
}
