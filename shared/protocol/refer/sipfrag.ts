import { fromUtf8, utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';

/** Content-Type of what a NOTIFY of `Event: refer` brings (RFC 3515 section 2.4.5). */
export const SIPFRAG_TYPE = 'message/sipfrag;version=2.0';

/** a status line with a body's worth of header fields */
const MAX_OCTETS = 65_536;

/** How far what a REFER asked for has come: the status of the request that it made. */
export interface Sipfrag {
  /** 100 to 699 */
  readonly status: number;
  readonly reason: string;
}

/** The last status line counts (cpm.md section 9). @throws ParleyError `sip.malformed` without one, `sip.too-large` */
export function decodeSipfrag(octets: Uint8Array): Sipfrag {
  if (octets.length > MAX_OCTETS) throw new ParleyError('sip.too-large', `${octets.length} octets`);
  let last: Sipfrag | null = null;
  for (const line of fromUtf8(octets).split(/\r\n|[\r\n]/)) {
    const found = /^SIP\/2\.0[ \t]+([1-6]\d\d)(?:[ \t]+(.*))?$/i.exec(line.trimEnd());
    if (found !== null) last = { status: Number(found[1]), reason: found[2] ?? '' };
  }
  if (last === null) throw new ParleyError('sip.malformed', 'a fragment without a status line');
  return last;
}

/** @throws ParleyError `sip.malformed` for a status that is none, or a reason with a line break */
export function encodeSipfrag({ status, reason }: Sipfrag): Uint8Array {
  if (!Number.isInteger(status) || status < 100 || status > 699 || /[\r\n]/.test(reason))
    throw new ParleyError('sip.malformed', 'no status line');
  return utf8(`SIP/2.0 ${status} ${reason}`.trimEnd().concat('\r\n'));
}
