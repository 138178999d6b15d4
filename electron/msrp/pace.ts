/** Octets under way without an answer to begin with. On a short way more than that only waits, and for it others: a receiving Parley has room for it while its disk writes. */
const FIRST = 1_048_576;
const MOST = 67_108_864;
/**
 * ms that an answer takes longer than the way alone: below, there is room for more; above, too much waits in the system and on the way. On a
 * long way, a quarter and half of it.
 */
const ROOM_MS = 4;
const CROWDED_MS = 10;
/** A wait up to that may as well be the other side's processor: there is enough under way then to keep both ends at work. */
const BUSY_MS = 50;
const AT_WORK = 524_288;

/**
 * How much of one message may be under way. What waits in buffers between the two ends cannot be overtaken by anything else on the
 * connection, so on a link that is slower than the disk they are kept short: a chat message behind a file leaves within milliseconds, or
 * about half the time of the way. A long or fast way still gets all that fits into it.
 */
export class Pace {
  /** octets that may be without an answer */
  allowance: number;
  readonly #least: number;
  /** ms of the way alone */
  #way = Number.POSITIVE_INFINITY;
  #reducedAt = Number.NEGATIVE_INFINITY;

  /** @param chunkSize two of them are never too much */
  constructor(chunkSize: number) {
    this.#least = chunkSize * 2;
    this.allowance = Math.max(FIRST, this.#least);
  }

  /**
   * A chunk was answered.
   * @param now and @param writtenAt milliseconds of one clock
   * @param underWay octets without an answer
   */
  answered(now: number, writtenAt: number, underWay: number, size: number): void {
    const took = now - writtenAt;
    // a clock that was set back
    if (now < this.#reducedAt) this.#reducedAt = now;
    // with so little under way next to nothing of ours waits, whatever the way was before
    const isBare = this.allowance === this.#least;
    // another way: what fits into it is to be found anew
    if (isBare && took > this.#way * 2) this.#reducedAt = Number.NEGATIVE_INFINITY;
    this.#way = isBare ? took : Math.min(this.#way, took);
    const waited = took - this.#way;
    // twice as much each time the way is gone at first; then an eighth more
    const isCrowded = waited > Math.max(CROWDED_MS, this.#way / 2);
    if (waited < Math.max(ROOM_MS, this.#way / 4)) {
      const most = this.#way < ROOM_MS ? Math.max(this.#least, FIRST) : MOST;
      this.allowance = Math.min(most, this.allowance + (this.#reducedAt < 0 ? size : size / 8));
    } else if (isCrowded && writtenAt >= this.#reducedAt) {
      // what was written before the last reduction says nothing of it
      this.#reducedAt = now;
      const least = waited > BUSY_MS ? this.#least : Math.max(this.#least, AT_WORK);
      this.allowance = Math.max(least, Math.min(this.allowance, underWay) * 0.7);
    }
  }
}
