/** A long list of rows of one height, of which only those in sight are drawn; px. */
export interface Scrolled {
  /** of the first pixel in sight */
  readonly top: number;
  /** in sight */
  readonly height: number;
  readonly rowHeight: number;
  /** rows of the whole list */
  readonly count: number;
}

/** rows that are drawn above and below those in sight, so that scrolling finds something there */
const SPARE = 6;

/** The rows to draw: from `first` on, up to but without `end`. */
export function windowOf({ top, height, rowHeight, count }: Scrolled): { readonly first: number; readonly end: number } {
  const inSight = Math.ceil(height / rowHeight) + 1;
  const last = Math.max(0, count - inSight);
  const at = Math.min(last, Math.max(0, Math.floor(top / rowHeight)));
  return { first: Math.max(0, at - SPARE), end: Math.min(count, at + inSight + SPARE) };
}

/** Where to scroll to so that this row is in sight; null when it is. */
export function rowAt(index: number, { top, height, rowHeight }: Scrolled): number | null {
  const start = index * rowHeight;
  if (start < top) return start;
  return start + rowHeight > top + height ? start + rowHeight - height : null;
}
