import { NO_BYTES } from '../../shared/base/bytes.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { headers, type SipRequest, type SipResponse } from '../../shared/protocol/sip/message.ts';

/**
 * 400 to a request whose fields cannot be read (RFC 3261 section 16.3 step 1): what of them is there comes back as it was.
 * Null when it cannot be answered: no Via, an ACK, or not the sender's fault.
 */
export function refusalOfMalformed(request: SipRequest, thrown: unknown): SipResponse | null {
  if (!(thrown instanceof ParleyError) || thrown.code !== 'sip.malformed' || request.method === 'ACK') return null;
  if (headers(request, 'Via').length === 0) return null;
  const fields = request.headers.filter(({ name }) => ['Via', 'From', 'To', 'Call-ID', 'CSeq'].includes(name));
  return { kind: 'response', status: 400, reason: `Bad Request (${thrown.detail})`, headers: fields, body: NO_BYTES };
}
