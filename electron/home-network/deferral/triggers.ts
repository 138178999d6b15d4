/**
 * THE table of answers of a recipient's devices after which what was sent waits for him here. All of them speak of a device that is not
 * there now; whatever a person said (486, 600, 603), or is wrong with what was sent or with who sent it (400, 403, 404, 413, 415, 488, 606
 * …) goes back to the sender, because time does not mend it.
 */
const UNAVAILABLE: ReadonlySet<number> = new Set([
  408, // no answer in time: cpm.md section 16.3
  430, // RFC 5626 section 11.6: its flow has failed
  480, // also no device at all: cpm.md section 16.3; a prompt that nobody answered: section 15.3
  500, // RFC 3261 section 21.5.1: the device's own trouble, as is a store that is full
  503, // RFC 3261 section 21.5.4
  504, // RFC 3261 section 21.5.5
]);

/**
 * @param retryAfter what the answer says in Retry-After: who says when to come again is there, and has too much to do; the sender is told so
 * (a flood is not to be kept for whom it is aimed at)
 */
export function isUnavailable(status: number, retryAfter: string | null = null): boolean {
  return UNAVAILABLE.has(status) && retryAfter === null;
}
