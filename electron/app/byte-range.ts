/** Octets of a file, both ends included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * What a player asks for with Range (RFC 9110 section 14.2). Several ranges, other units and what is no range are the whole file.
 * @param size octets of the file
 * @returns null for the whole, `unsatisfiable` for a range that begins behind its end (416)
 */
export function byteRange(header: string | null | undefined, size: number): ByteRange | 'unsatisfiable' | null {
  const { from = '', to = '' } = /^bytes=(?<from>\d{0,15})-(?<to>\d{0,15})$/.exec(header ?? '')?.groups ?? {};
  if (from === '' && to === '') return null;
  // the last octets
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== '' && to !== '' && Number(to) < start) return null;
  return start > end ? 'unsatisfiable' : { start, end };
}

/** Header fields of a 206. */
export function rangeHeaders({ start, end }: ByteRange, size: number): Record<string, string> {
  return { 'Content-Range': `bytes ${start}-${end}/${size}`, 'Content-Length': String(end - start + 1) };
}
