import { fromUtf8, utf8 } from '../../../shared/base/bytes.ts';
import { randomToken } from '../../../shared/base/random.ts';
import { decodeContentType } from '../../../shared/protocol/mime/content-type.ts';
import { mimeHeader } from '../../../shared/protocol/mime/headers.ts';
import { decodeMultipart, encodeMultipart, partContent } from '../../../shared/protocol/multipart/multipart.ts';
import type { Setup } from '../../../shared/protocol/sdp/msrp-media.ts';
import { SDP_TYPE } from '../../../shared/protocol/sdp/sdp.ts';
import { header, type SipMessage } from '../../../shared/protocol/sip/message.ts';

/** multipart in multipart: a list beside what has a thumbnail */
const MOST_NESTED = 3;

/** The session description in the body of a SIP message: the whole body, or a part beside thumbnails and lists. */
export interface Described {
  readonly sdp: Uint8Array;
  /** the body with another description in its place */
  with(sdp: Uint8Array): Uint8Array;
}

/** Null where there is none. @throws ParleyError `multipart.*` */
export function descriptionIn(message: Pick<SipMessage, 'headers' | 'body'>): Described | null {
  return found(message.body, header(message, 'Content-Type'), MOST_NESTED);
}

function found(body: Uint8Array, contentType: string | null, depth: number): Described | null {
  if (body.length === 0 || contentType === null || depth === 0) return null;
  const { type, parameters } = decodeContentType(contentType);
  if (type === SDP_TYPE) return { sdp: body, with: (sdp) => sdp };
  if (!type.startsWith('multipart/')) return null;
  const multipart = decodeMultipart(body, contentType);
  for (const part of multipart.parts) {
    const inner = found(partContent(part), mimeHeader(part.headers, 'Content-Type'), depth - 1);
    if (inner === null) continue;
    return {
      sdp: inner.sdp,
      with: (sdp) => {
        const fields = part.headers.filter(({ name }) => !/^Content-(Length|Transfer-Encoding)$/i.test(name));
        const parts = multipart.parts.map((each) => (each === part ? { headers: fields, body: inner.with(sdp) } : each));
        return encodeMultipart({ ...multipart, parts }, parameters.get('boundary') ?? '');
      },
    };
  }
  return null;
}

/** Where one medium leads in place of where it led. */
export interface Way {
  /** our MSRP URI */
  readonly uri: string;
  readonly port: number;
  /** null: the line says none (RFC 6135) */
  readonly setup: Setup | null;
}

/**
 * The same description with some of its media led to this network. It is rewritten line by line: whatever else stands in it, known or not,
 * passes as it is (selector, id, range, hash and icon of a file; types; directions).
 * @param ways by the number of the m-line; null: that one stays where it is; `closed`: it gets port 0
 */
export function redirect(sdp: Uint8Array, address: string, ways: readonly (Way | 'closed' | null)[]): Uint8Array {
  const sections: string[][] = [[]];
  for (const line of fromUtf8(sdp).split(/\r\n|[\r\n]/)) {
    if (line === '') continue;
    if (line.startsWith('m=')) sections.push([]);
    (sections.at(-1) as string[]).push(line);
  }
  const [session = [], ...media] = sections;
  const network = `IN IP${address.includes(':') ? 6 : 4} ${address}`;
  // the address of the session stands for media that stay with it
  const isLed = media.every((lines, at) => ways[at] || isClosed(lines[0] as string));
  const top = session.map((line) => {
    if (line.startsWith('o=')) return `${line.split(' ').slice(0, 3).join(' ')} ${network}`;
    return isLed && line.startsWith('c=') ? `c=${network}` : line;
  });
  const hasAddress = isLed && top.some((line) => line.startsWith('c='));
  const rest = media.flatMap((lines, at) => {
    const way = ways[at];
    if (way === 'closed') return [(lines[0] as string).replace(/^(m=\S+) \d+/, '$1 0'), ...lines.slice(1)];
    return way ? led(lines, way, hasAddress ? null : network) : lines;
  });
  return utf8(`${[...top, ...rest].join('\r\n')}\r\n`);
}

/** The same description for the rest of a file, from that octet on (counted from 0): a transfer of its own (RFC 5547 section 8.1). */
export function fromOctet(sdp: Uint8Array, mediaIndex: number, start: number, size: number): Uint8Array {
  const sections = fromUtf8(sdp).split(/\r\n(?=m=)/);
  const rest = [`a=file-transfer-id:${randomToken(32)}`, `a=file-range:${start + 1}-${size}`];
  const ranged = sections.map((section, at) => {
    if (at !== mediaIndex + 1) return section;
    const lines = section.split('\r\n').filter((line) => line !== '' && !/^a=file-(transfer-id|range):/i.test(line));
    return [...lines, ...rest, ...(at === sections.length - 1 ? [''] : [])].join('\r\n');
  });
  return utf8(ranged.join('\r\n'));
}

function led([first = '', ...lines]: readonly string[], { uri, port, setup }: Way, network: string | null): string[] {
  const [type, , ...others] = first.slice(2).split(' ');
  const kept = lines.filter((line) => !/^(c=|a=(path|setup|fingerprint)(:|$))/i.test(line));
  const titles = kept.filter((line) => line.startsWith('i='));
  return [
    `m=${type} ${port} ${others.join(' ')}`,
    ...titles,
    ...(network === null ? [] : [`c=${network}`]),
    ...kept.filter((line) => !line.startsWith('i=')),
    `a=path:${uri}`,
    ...(setup === null ? [] : [`a=setup:${setup}`]),
  ];
}

function isClosed(line: string): boolean {
  return /^m=\S+ 0 /.test(line);
}
