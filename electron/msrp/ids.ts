import { randomFillSync } from 'node:crypto';

/** Every letter is an `ident-char` of RFC 4975 section 9 and none is a flag; 32 letters, so five even bits an octet. */
const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789';
const pool = new Uint8Array(32_768);
let used = pool.length;

/** Drawn from a pool: one call of the system's generator for each chunk would be a third of a sender's time. */
function token(length: number): string {
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  let text = '';
  for (const end = used + length; used < end; used++) text += LETTERS[(pool[used] as number) & 31];
  return text;
}

/** 70 random bits; RFC 4975 section 7.1 asks for 64. */
export function transactionId(): string {
  return token(14);
}

/** 100 random bits; RFC 4975 section 14.1 asks for 80. */
export function sessionId(): string {
  return token(20);
}

export function messageId(): string {
  return token(20);
}
