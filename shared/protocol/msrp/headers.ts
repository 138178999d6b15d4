import { ParleyError } from '../../base/errors.ts';
import { decodeByteRange, type MsrpByteRange } from './byte-range.ts';
import type { MsrpHead } from './codec.ts';

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

/** @returns null when the head has no Byte-Range. @throws ParleyError `msrp.malformed` */
export function byteRangeOf(head: MsrpHead): MsrpByteRange | null {
  const value = headerValue(head, 'Byte-Range');
  return value === null ? null : decodeByteRange(value);
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
