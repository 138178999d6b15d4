import { NO_BYTES, utf8 } from '../../../../shared/base/bytes.ts';
import { ParleyError } from '../../../../shared/base/errors.ts';
import { type CpimMessage, contentHeader, cpimContent, decodeCpim, encodeCpim } from '../../../../shared/protocol/cpim/cpim.ts';
import { cpimAddress, imdnRequest } from '../../../../shared/protocol/cpim/cpim-message.ts';
import { quoteCpim } from '../../../../shared/protocol/cpim/escape.ts';
import { decodeImdn, IMDN_TYPE, type Imdn } from '../../../../shared/protocol/imdn/imdn.ts';
import { COMPOSING_TYPE } from '../../../../shared/protocol/iscomposing/iscomposing.ts';
import { mediaType } from '../../../../shared/protocol/mime/content-type.ts';
import { addressOfRecord, trySipUri } from '../../../../shared/protocol/sip/uri.ts';
import type { LogEntry } from './database.ts';
import type { TextMember } from './port.ts';

const ANONYMOUS_HOST = 'anonymous.invalid';
const CRLF = utf8('\r\n');
/** of an imdn.Message-ID that is remembered */
const LONGEST_ID = 256;

/** One message/cpim of a participant, as far as a group looks at it. */
export interface Said {
  readonly kind: 'text' | 'composing' | 'notification';
  readonly message: CpimMessage;
  /** where the content begins */
  readonly contentAt: number;
  /** of the content, with its parameters */
  readonly contentType: string;
  /** keys of addresses, see {@link addressKey}; null: none that says anything */
  readonly from: string | null;
  readonly to: string | null;
  /** by which a repetition is known; null: by nothing */
  readonly imdnId: string | null;
}

/** @param octets as much of it as its header fields take, at least. @throws ParleyError `cpim.*` */
export function readSaid(octets: Uint8Array): Said {
  const message = decodeCpim(octets);
  const contentType = contentHeader(message, 'Content-Type') ?? 'text/plain';
  const type = mediaType(contentType);
  const { messageId } = imdnRequest(message);
  return {
    kind: type === COMPOSING_TYPE ? 'composing' : type === IMDN_TYPE ? 'notification' : 'text',
    message,
    contentAt: octets.length - message.content.length,
    contentType,
    from: keyOf(message, 'From'),
    to: keyOf(message, 'To'),
    imdnId: messageId !== null && messageId.length <= LONGEST_ID ? messageId : null,
  };
}

/** @throws ParleyError `imdn.malformed`, `xml.*` */
export function notificationOf({ message }: Said): Imdn {
  return decodeImdn(cpimContent(message));
}

/** Two spellings of one address have one key. */
export function addressKey(uri: string): string {
  const decoded = trySipUri(uri);
  return decoded === null ? uri.toLowerCase() : addressOfRecord(decoded);
}

/** Header fields as the group knows them: From is whom the others know as the author, To is first after it and for each reader another one. */
export function headOf({ message }: Said, author: TextMember, to: string): Uint8Array {
  const name = author.displayName === '' ? '' : `${quoteCpim(author.displayName)} `;
  const headers = [
    { name: 'From', value: `${name}<${author.entity}>`, parameters: '' },
    { name: 'To', value: `<${to}>`, parameters: '' },
    ...message.headers.filter((each) => each.name !== 'From' && each.name !== 'To'),
  ];
  return encodeCpim({ headers, contentHeaders: message.contentHeaders, content: NO_BYTES });
}

/** An entry as it is sent to many, each of whom finds himself in To. */
export interface Carried extends Omit<LogEntry, 'head' | 'content'> {
  readonly before: Uint8Array;
  /** the rest of the head, and the content unless it is in a file */
  readonly after: Uint8Array;
}

export function carried({ head, content, ...entry }: LogEntry): Carried {
  const octets = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const from = octets.indexOf(CRLF) + CRLF.length;
  const to = octets.indexOf(CRLF, from) + CRLF.length;
  // one copy: what was read from the log is not held by it
  return { ...entry, before: octets.subarray(0, from), after: Buffer.concat([octets.subarray(to), content ?? NO_BYTES]) };
}

/** The message as that member gets it; of one in a file what comes before its content. */
export function octetsFor({ before, after }: Pick<Carried, 'before' | 'after'>, { entity }: Pick<TextMember, 'entity'>): Uint8Array {
  return Buffer.concat([before, utf8(`To: <${entity}>\r\n`), after]);
}

/** What nobody can read is said to be so. @throws ParleyError `msrp.refused` with the status that its sender hears */
export function refuse(status: 403 | 413, comment: string): never {
  throw new ParleyError('msrp.refused', `${status} ${comment}`);
}

/** null: nobody, or a name that hides one (cpm.md section 2.5); the one that a group gave somebody is his own */
function keyOf(message: CpimMessage, name: 'From' | 'To'): string | null {
  const uri = cpimAddress(message, name)?.uri ?? '';
  const decoded = trySipUri(uri);
  const hides = decoded?.host.toLowerCase() === ANONYMOUS_HOST && (decoded.user ?? 'anonymous').toLowerCase() === 'anonymous';
  return uri === '' || hides ? null : addressKey(uri);
}
