/** The octets of a message that are there: sorted, disjoint half-open ranges. In-order arrival keeps it at one range. */
export class RangeSet {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** adds [start, end) */
  add(start: number, end: number): void {
    if (end <= start) return;
    const starts = this.#starts;
    const ends = this.#ends;
    const last = ends.length - 1;
    if (last >= 0 && start >= (starts[last] as number) && start <= (ends[last] as number)) {
      if (end > (ends[last] as number)) ends[last] = end;
      return;
    }
    let from = 0;
    while (from < ends.length && (ends[from] as number) < start) from++;
    let to = from;
    let low = start;
    let high = end;
    for (; to < starts.length && (starts[to] as number) <= end; to++) {
      low = Math.min(low, starts[to] as number);
      high = Math.max(high, ends[to] as number);
    }
    starts.splice(from, to - from, low);
    ends.splice(from, to - from, high);
  }

  /** whether [0, end) is there without a gap */
  covers(end: number): boolean {
    return end === 0 || this.contiguous >= end;
  }

  /** end of the gap-free octets from 0 */
  get contiguous(): number {
    return this.#starts[0] === 0 ? (this.#ends[0] as number) : 0;
  }

  get count(): number {
    return this.#starts.length;
  }
}
