import { randomBytes } from 'node:crypto';

/** Every letter is an `ident-char` of RFC 4975 section 9 and none is a flag; 32 letters, so five even bits an octet. */
const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789';
const POOL = 32_768;
const TRANSACTION_ID = 14;
/** 100 random bits; RFC 4975 section 14.1 asks for 80. */
const LONG_ID = 20;
let letters = Buffer.alloc(0);
let pool = '';
let used = POOL;

/** 70 random bits; RFC 4975 section 7.1 asks for 64. Cut out of many: a call of the system's generator for each chunk costs more than its head. */
export function transactionId(): string {
  const from = draw(TRANSACTION_ID);
  return pool.slice(from, from + TRANSACTION_ID);
}

export function sessionId(): string {
  return longId();
}

export function messageId(): string {
  return longId();
}

/** A text of its own: what is kept for long must not keep all the others in memory. */
function longId(): string {
  const from = draw(LONG_ID);
  return letters.toString('latin1', from, from + LONG_ID);
}

/** @returns where in the pool so many letters stand that nobody has had */
function draw(length: number): number {
  if (used + length > POOL) {
    letters = randomBytes(POOL);
    for (let at = 0; at < POOL; at++) letters[at] = LETTERS.charCodeAt((letters[at] as number) & 31);
    pool = letters.toString('latin1');
    used = 0;
  }
  used += length;
  return used - length;
}
