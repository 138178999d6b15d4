import type { CodedError } from '../../../shared/base/errors.ts';
import type { Header } from '../../sip/port.ts';
import { isInterruption } from './booking.ts';

export interface Refusal {
  readonly status: number;
  readonly headers: readonly Header[];
}

/** What the client answers to an INVITE that it cannot put before the person, or not any more (cpm.md section 15.3). */
export function refusalOf(error: CodedError): Refusal {
  // its sender may come back
  if (isInterruption(error)) return { status: 480, headers: [] };
  switch (error.code) {
    case 'file.too-large':
    case 'peer.too-large':
    case 'file.disk-full':
      return { status: 403, headers: [warning(399, '133 Size exceeded')] };
    case 'multipart.malformed':
    case 'peer.unsupported':
      return { status: 415, headers: [{ name: 'Accept', value: 'application/sdp, multipart/mixed, multipart/related' }] };
    case 'file.cancelled':
    case 'peer.blocked':
      return { status: 603, headers: [] };
    case 'file.paused':
    case 'request.invalid-state':
      return { status: 480, headers: [] };
    case 'store.full':
    case 'store.closed':
    case 'internal':
      return { status: 500, headers: [] };
    default:
      return { status: 488, headers: [warning(304, 'Media type not available')] };
  }
}

export function warning(code: number, text: string): Header {
  return { name: 'Warning', value: `${code} parley "${text}"` };
}
