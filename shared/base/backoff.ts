/**
 * How long to wait before the next try after `failures` failures in a row (1 after the first), in milliseconds: RFC 5626 section 4.5 with all flows failed
 * (base 30 s, maximum 1800 s), where the wait is drawn evenly from 50 to 100 % of the upper bound.
 * @param random a number in [0, 1)
 */
export function reconnectDelay(failures: number, random: number, baseMs = 30_000, maxMs = 1_800_000): number {
  const upper = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 30));
  return upper * (0.5 + random / 2);
}
