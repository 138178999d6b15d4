/** UTF-16 offsets in a text: from, up to but without; in order, without overlaps */
export type Ranges = readonly (readonly [number, number])[];

export interface Piece {
  readonly text: string;
  readonly marked: boolean;
}

/** Cuts a part of a text, which begins at `shift` in it, at the edges of what is marked. */
export function piecesOf(part: string, ranges: Ranges, shift = 0): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  const add = (to: number, marked: boolean): void => {
    if (to > at) pieces.push({ text: part.slice(at, to), marked });
    at = Math.max(at, to);
  };
  for (const [from, to] of ranges) {
    if (to <= shift) continue;
    if (from >= shift + part.length) break;
    add(from - shift, false);
    add(Math.min(to - shift, part.length), true);
  }
  add(part.length, false);
  return pieces;
}
