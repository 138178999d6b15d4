import { ParleyError } from '../../base/errors.ts';

/** `Byte-Range` of RFC 4975 section 7.1.1: positions count from 1, both ends included; null is `*`. `1-0/0` is no octets. */
export interface MsrpByteRange {
  readonly start: number;
  readonly end: number | null;
  readonly total: number | null;
}

const BYTE_RANGE = /^([0-9]{1,16})-([0-9]{1,16}|\*)\/([0-9]{1,16}|\*)$/;

/** @throws ParleyError `msrp.malformed`: not by the grammar, position 0, a start behind the total, beyond 2^53 */
export function decodeByteRange(value: string): MsrpByteRange {
  const match = BYTE_RANGE.exec(value);
  if (match === null) throw new ParleyError('msrp.malformed', 'Byte-Range');
  const start = Number(match[1]);
  const end = match[2] === '*' ? null : Number(match[2]);
  const total = match[3] === '*' ? null : Number(match[3]);
  const safe = Number.isSafeInteger(start) && Number.isSafeInteger(end ?? 0) && Number.isSafeInteger(total ?? 0);
  if (!safe || !isRange(start, end, total)) throw new ParleyError('msrp.malformed', `Byte-Range ${value}`);
  return { start, end, total };
}

export function formatByteRange(range: MsrpByteRange): string {
  return `${range.start}-${range.end ?? '*'}/${range.total ?? '*'}`;
}

export function isRange(start: number, end: number | null, total: number | null): boolean {
  return start >= 1 && (end === null || end >= start - 1) && (total === null || start <= total + 1);
}
