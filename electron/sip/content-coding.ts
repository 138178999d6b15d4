import { gunzipSync, inflateSync } from 'node:zlib';
import { ParleyError } from '../../shared/base/errors.ts';
import { headers, type SipRequest } from '../../shared/protocol/sip/message.ts';

/** what a body may be packed to; larger ones need no packing over a stream, and a packed one must not cost more than a plain one */
const MAX_UNPACKED = 131_072;
const CODINGS = { deflate: inflateSync, gzip: gunzipSync } as const;

export const ACCEPT_ENCODING = 'deflate, gzip, identity';

/**
 * The same request with its body as it was before Content-Encoding (RFC 3261 section 20.12): liblinphone packs its notifications, whatever the other side
 * takes.
 * @returns null for a coding that is not known here
 * @throws ParleyError `sip.malformed`, `sip.too-large`
 */
export function unpacked(request: SipRequest): SipRequest | null {
  const codings = headers(request, 'Content-Encoding').flatMap((value) => {
    const name = value.trim().toLowerCase();
    return name === 'identity' ? [] : [name];
  });
  if (codings.length === 0 || request.body.length === 0) return request;
  const [coding = ''] = codings;
  if (codings.length > 1 || !Object.hasOwn(CODINGS, coding)) return null;
  try {
    const body = CODINGS[coding as keyof typeof CODINGS](request.body, { maxOutputLength: MAX_UNPACKED });
    return { ...request, headers: request.headers.filter(({ name }) => name.toLowerCase() !== 'content-encoding'), body };
  } catch (thrown) {
    if (thrown instanceof RangeError) throw new ParleyError('sip.too-large', `more than ${MAX_UNPACKED} octets unpacked`);
    throw new ParleyError('sip.malformed', `the body is not ${coding}`, { cause: thrown });
  }
}
