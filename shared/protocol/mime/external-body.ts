import { utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { decodeContentType, encodeContentType, mediaType } from './content-type.ts';
import { decodeMimeHeaders, encodeMimeHeaders, mimeHeader } from './headers.ts';

const EXTERNAL_BODY_TYPE = 'message/external-body';
const LIMITS = { maxHeaders: 16, maxHeaderOctets: 4096, malformed: 'multipart.malformed', tooLarge: 'multipart.too-large' } as const;

/** What stands elsewhere and is named in the place of its octets (RFC 2046 section 5.2.3, RFC 2017). */
export interface ExternalBody {
  readonly url: string;
  /** of what stands there; null where nobody says */
  readonly contentType: string | null;
  /** of what stands there, without brackets */
  readonly contentId: string | null;
}

export function isExternalBody(contentType: string): boolean {
  return mediaType(contentType) === EXTERNAL_BODY_TYPE;
}

/** @throws ParleyError `multipart.*` for what is no such part, or has another access type than URL */
export function decodeExternalBody(contentType: string, body: Uint8Array): ExternalBody {
  const { type, parameters } = decodeContentType(contentType);
  // RFC 2017 section 3: white space is no part of the URL, lines may be broken anywhere
  const url = (parameters.get('url') ?? '').replace(/\s+/g, '');
  if (type !== EXTERNAL_BODY_TYPE || parameters.get('access-type')?.toLowerCase() !== 'url' || url === '')
    throw new ParleyError('multipart.malformed', 'not an external body with a URL');
  const { headers } = decodeMimeHeaders(body, 0, LIMITS);
  return {
    url,
    contentType: mimeHeader(headers, 'Content-Type'),
    contentId: mimeHeader(headers, 'Content-ID')?.replace(/^<|>$/g, '') ?? null,
  };
}

/** @throws ParleyError `multipart.malformed` for what no header can carry */
export function encodeExternalBody({ url, contentType, contentId }: ExternalBody): { contentType: string; body: Uint8Array } {
  if (!/^[!#-[\]-~]+$/.test(url)) throw new ParleyError('multipart.malformed', 'not a URL');
  const parameters = new Map([
    ['access-type', 'URL'],
    ['URL', url],
  ]);
  const fields = [
    ...(contentType === null ? [] : [{ name: 'Content-Type', value: contentType }]),
    ...(contentId === null ? [] : [{ name: 'Content-ID', value: `<${contentId}>` }]),
  ];
  const body = fields.length === 0 ? utf8('\r\n') : encodeMimeHeaders(fields, 'multipart.malformed');
  return { contentType: encodeContentType({ type: EXTERNAL_BODY_TYPE, parameters }), body };
}
