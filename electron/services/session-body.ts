import { decodeContentType } from '../../shared/protocol/mime/content-type.ts';
import { decodeMultipart, partContent, partContentType } from '../../shared/protocol/multipart/multipart.ts';

/** The first part of that type in the body of an INVITE, or the body itself; null when there is none. @throws ParleyError `multipart.*` */
export function findPart(contentTypeText: string, body: Uint8Array, type: string): Uint8Array | null {
  if (body.length === 0) return null;
  const outer = decodeContentType(contentTypeText).type;
  if (outer === type) return body;
  if (!outer.startsWith('multipart/')) return null;
  const part = decodeMultipart(body, contentTypeText).parts.find((candidate) => partContentType(candidate).type === type);
  return part ? partContent(part) : null;
}
