import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { CPIM_TYPE, contentHeader, cpimContent, decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { decodeContentType } from '../../../shared/protocol/mime/content-type.ts';
import { mimeHeader } from '../../../shared/protocol/mime/headers.ts';
import { decodeMultipart, partContent } from '../../../shared/protocol/multipart/multipart.ts';
import { decodeSdp, SDP_TYPE } from '../../../shared/protocol/sdp/sdp.ts';
import { header, type SipRequest } from '../../../shared/protocol/sip/message.ts';

/** What can be judged of what somebody sends: before its octets come, by what its description says of them. */
export interface Content {
  /** texts, subjects and names of files */
  readonly texts: readonly string[];
  /** media types, lower case, without parameters */
  readonly types: readonly string[];
}

/** multipart in multipart, CPIM in that */
const MOST_NESTED = 5;
/** parts that carry no content of a person's */
const ENVELOPES = new Set([SDP_TYPE, 'application/resource-lists+xml', 'message/imdn+xml', 'application/im-iscomposing+xml']);

/** The content of a MESSAGE, or of what an INVITE describes. What cannot be read is left to whom it is for, who judges it as malformed. */
export function contentOf(request: SipRequest): Content {
  const found = { texts: [] as string[], types: [] as string[] };
  const subject = header(request, 'Subject');
  if (subject !== null) found.texts.push(subject);
  collect(found, header(request, 'Content-Type'), request.body, MOST_NESTED);
  return found;
}

/** The same of one message/cpim of a session. */
export function contentOfCpim(octets: Uint8Array): Content {
  const found = { texts: [] as string[], types: [] as string[] };
  collect(found, CPIM_TYPE, octets, MOST_NESTED);
  return found;
}

function collect(found: { texts: string[]; types: string[] }, contentType: string | null, body: Uint8Array, depth: number): void {
  if (contentType === null || body.length === 0 || depth === 0) return;
  try {
    const { type } = decodeContentType(contentType);
    if (type.startsWith('multipart/')) {
      for (const part of decodeMultipart(body, contentType).parts) {
        collect(found, mimeHeader(part.headers, 'Content-Type') ?? 'text/plain', partContent(part), depth - 1);
      }
    } else if (type === CPIM_TYPE) {
      const message = decodeCpim(body);
      collect(found, contentHeader(message, 'Content-Type') ?? 'text/plain', cpimContent(message), depth - 1);
    } else if (type === SDP_TYPE) {
      for (const media of decodeSdp(body).media) {
        const fileSelector = media.kind === 'msrp' ? media.fileSelector : null;
        if (typeof fileSelector?.name === 'string') found.texts.push(fileSelector.name);
        if (typeof fileSelector?.type === 'string') found.types.push(decodeContentType(fileSelector.type).type);
      }
    } else if (!ENVELOPES.has(type)) {
      found.types.push(type);
      if (type.startsWith('text/')) found.texts.push(fromUtf8(body));
    }
  } catch {
    // see above
  }
}
