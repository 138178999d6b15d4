import { readdirSync, readFileSync } from 'node:fs';
import { fromUtf8 } from '../../../shared/base/bytes.ts';
import { decodeCpim } from '../../../shared/protocol/cpim/cpim.ts';
import { decodeFrame } from '../../../shared/protocol/msrp/framer.ts';
import { decodeSip } from '../../../shared/protocol/sip/codec.ts';
import { header, headers, type SipMessage } from '../../../shared/protocol/sip/message.ts';

const vectors = new URL('../../vectors/', import.meta.url);

function octetsOf(folder: string, ending: string): Uint8Array[] {
  return readdirSync(new URL(folder, vectors))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => new Uint8Array(readFileSync(new URL(`${folder}/${name}`, vectors))));
}

export const sipOctets = octetsOf('examples', '.sip');
export const tortureOctets = octetsOf('rfc4475', '.dat');
export const msrpOctets = octetsOf('examples', '.msrp');

const messages: readonly SipMessage[] = sipOctets.map((octets) => decodeSip(octets));

/** values of that header in the wire examples, each once */
export function headerValues(...names: readonly string[]): string[] {
  return [...new Set(messages.flatMap((message) => names.flatMap((name) => headers(message, name))))];
}

export interface Typed {
  readonly type: string;
  readonly body: Uint8Array;
}

/** every body of the wire examples, of SIP and of MSRP, with its type; what is inside of a CPIM as well */
export const bodies: readonly Typed[] = (() => {
  const outer: Typed[] = [
    ...messages.map((message) => ({ type: header(message, 'Content-Type') ?? '', body: message.body })),
    ...msrpOctets.map((octets) => {
      const { head, body } = decodeFrame(octets);
      const type = head.headers.find(({ name }) => name.toLowerCase() === 'content-type')?.value ?? '';
      return { type, body: body ?? new Uint8Array(0) };
    }),
  ].filter(({ type, body }) => type !== '' && body.length > 0 && isBeginning(type, body));
  const inner = outer
    .filter(({ type }) => type.startsWith('message/cpim'))
    .map(({ body }) => decodeCpim(body))
    .map((cpim) => ({
      type: cpim.contentHeaders.find(({ name }) => name.toLowerCase() === 'content-type')?.value ?? '',
      body: cpim.content,
    }));
  return [...outer, ...inner];
})();

/** a later chunk of a message begins in the middle of it */
function isBeginning(type: string, body: Uint8Array): boolean {
  if (type.startsWith('message/cpim')) return /^(?:From|To|NS|DateTime):/.test(fromUtf8(body));
  return !type.endsWith('+xml') || fromUtf8(body).startsWith('<');
}

export function bodiesOf(type: string): Uint8Array[] {
  return bodies.filter((each) => each.type.startsWith(type)).map(({ body }) => body);
}
