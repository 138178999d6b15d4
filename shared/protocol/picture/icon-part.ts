import { utf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';
import { encodeBase64Lines } from '../mime/transfer-encoding.ts';
import { leafParts, type Part, partContent, partsByContentId } from '../multipart/multipart.ts';
import { type IconPicture, MAX_ICON, readIconPicture } from './icon-picture.ts';

/** A thumbnail with its octets. */
export interface Icon extends IconPicture {
  readonly octets: Uint8Array;
}

/** quoted-printable takes three for one, and its line ends */
const MAX_ENCODED = 3.25 * MAX_ICON;

/** The part of a multipart/related that `a=file-icon:cid:…` names (RFC 5547 section 8.8); @param contentId without brackets */
export function encodeIconPart({ type, octets }: Icon, contentId: string): Part {
  return {
    headers: [
      { name: 'Content-Type', value: type },
      { name: 'Content-Transfer-Encoding', value: 'base64' },
      { name: 'Content-ID', value: `<${contentId}>` },
      { name: 'Content-Disposition', value: 'icon' },
    ],
    body: utf8(encodeBase64Lines(octets)),
  };
}

/**
 * The thumbnail that an offer names, out of the same body; it is looked for nowhere else.
 * @param contentType of the whole body: multipart/related, or /mixed (cpm.md section 10.3), or one in the other
 * @param contentId as in the `cid:` URL (RFC 2392), escapes and all
 * @throws ParleyError `peer.malformed` (no such part, or several), `peer.unsupported`, `peer.too-large`, `multipart.*`
 */
export function decodeIconPart(contentType: string, body: Uint8Array, contentId: string): Icon {
  const [part, second] = partsByContentId({ parts: leafParts(body, contentType) }, unescaped(contentId));
  if (part === undefined || second !== undefined) {
    throw new ParleyError('peer.malformed', `${part === undefined ? 'no part' : 'several parts'} with the thumbnail's Content-ID`);
  }
  if (part.body.length > MAX_ENCODED) throw new ParleyError('peer.too-large', `a thumbnail of ${part.body.length} octets`);
  const octets = partContent(part);
  return { ...readIconPicture(octets), octets };
}

function unescaped(contentId: string): string {
  try {
    return decodeURIComponent(contentId);
  } catch {
    return contentId;
  }
}
