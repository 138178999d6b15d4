import { ParleyError } from '../../base/errors.ts';
import type { MsrpHead } from './codec.ts';

/** `Byte-Range` of RFC 4975 section 7.1.1: positions count from 1, both ends included; null is `*`. `1-0/0` is no octets. */
export interface MsrpByteRange {
  readonly start: number;
  readonly end: number | null;
  readonly total: number | null;
}

/** `Status` of a REPORT (RFC 4975 section 7.1.3). */
export interface MsrpStatus {
  /** `000`: the code means what it means in a response */
  readonly namespace: string;
  readonly code: number;
  readonly comment: string | null;
}

export type FailureReport = 'yes' | 'no' | 'partial';

/** The value of the first field with this name; names have no case. */
export function headerValue(head: Pick<MsrpHead, 'headers'>, name: string): string | null {
  const { headers } = head;
  for (const header of headers) if (header.name === name) return header.value;
  const lower = name.toLowerCase();
  for (const header of headers) if (header.name.length === name.length && header.name.toLowerCase() === lower) return header.value;
  return null;
}

const BYTE_RANGE = /^([0-9]{1,16})-([0-9]{1,16}|\*)\/([0-9]{1,16}|\*)$/;

/**
 * @returns null when the head has no Byte-Range
 * @throws ParleyError `msrp.malformed`: not by the grammar, position 0, a start behind the total, beyond 2^53
 */
export function byteRangeOf(head: MsrpHead): MsrpByteRange | null {
  const value = headerValue(head, 'Byte-Range');
  if (value === null) return null;
  const match = BYTE_RANGE.exec(value);
  if (match === null) throw new ParleyError('msrp.malformed', 'Byte-Range');
  const start = Number(match[1]);
  const end = match[2] === '*' ? null : Number(match[2]);
  const total = match[3] === '*' ? null : Number(match[3]);
  const safe = Number.isSafeInteger(start) && Number.isSafeInteger(end ?? 0) && Number.isSafeInteger(total ?? 0);
  if (!safe || start < 1 || (end !== null && end < start - 1) || (total !== null && start > total + 1)) {
    throw new ParleyError('msrp.malformed', `Byte-Range ${value}`);
  }
  return { start, end, total };
}

export function formatByteRange(range: MsrpByteRange): string {
  return `${range.start}-${range.end ?? '*'}/${range.total ?? '*'}`;
}

/** Absent and unknown values mean `yes` (RFC 4975 section 7.1.1). */
export function failureReportOf(head: MsrpHead): FailureReport {
  const value = headerValue(head, 'Failure-Report')?.toLowerCase();
  return value === 'no' || value === 'partial' ? value : 'yes';
}

/** Absent means no (RFC 4975 section 7.1.1). */
export function successReportOf(head: MsrpHead): boolean {
  return headerValue(head, 'Success-Report')?.toLowerCase() === 'yes';
}

const STATUS = /^([0-9]{3}) ([0-9]{3})(?: (.*))?$/;

/** @throws ParleyError `msrp.malformed` when Status is missing or not by the grammar */
export function statusOf(head: MsrpHead): MsrpStatus {
  const match = STATUS.exec(headerValue(head, 'Status') ?? '');
  if (match === null) throw new ParleyError('msrp.malformed', 'Status');
  return { namespace: match[1] as string, code: Number(match[2]), comment: match[3] ?? null };
}
