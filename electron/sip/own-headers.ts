import { ParleyError } from '../../shared/base/errors.ts';
import { isToken } from '../../shared/protocol/sip/text.ts';
import type { Header } from './port.ts';

/** What this agent answers; a peer decides by it what to send later (seed 004 7.3.1). */
export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, UPDATE';
export const ALLOWED_METHODS: ReadonlySet<string> = new Set(ALLOW.split(', '));
/** body types a MESSAGE or INVITE may have; what is inside is for the services to judge */
export const ACCEPT = 'application/sdp, message/cpim, message/imdn+xml, multipart/mixed, multipart/related, text/plain';

/** what the agent writes itself */
const RESERVED = new Set([
  'authorization',
  'call-id',
  'contact',
  'content-length',
  'content-type',
  'cseq',
  'from',
  'max-forwards',
  'proxy-authorization',
  'record-route',
  'route',
  'to',
  'user-agent',
  'via',
]);

/** @throws ParleyError `request.invalid` for anything that could break out of its line, or is not the caller's to set */
export function checkHeaders(headers: readonly Header[]): void {
  for (const { name, value } of headers) {
    if (!isToken(name)) throw new ParleyError('request.invalid', 'a header name is not a token');
    if (RESERVED.has(name.toLowerCase())) throw new ParleyError('request.invalid', `${name} is written by the agent`);
    checkValue(value, name);
  }
}

/** @throws ParleyError `request.invalid` */
export function checkValue(value: string, what: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) throw new ParleyError('request.invalid', `control character in ${what}`);
  if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(value)) {
    throw new ParleyError('request.invalid', `${what} is not Unicode text`);
  }
}

/** @throws ParleyError `request.invalid` when `uri` would not be one URI on the wire */
export function checkUri(uri: string, what: string): void {
  checkValue(uri, what);
  if (!/^[a-z][a-z0-9+.-]*:[^\s<>"]+$/i.test(uri) || uri.length > 4096) throw new ParleyError('request.invalid', `${what} is not a URI`);
}

/** The option tags of the caller with the two that every dialog of this agent supports (seed 004 7.3.1(8)). */
export function supported(headers: readonly Header[]): string {
  const given = headers.filter(({ name }) => name.toLowerCase() === 'supported').flatMap(({ value }) => value.split(','));
  const tags = new Set(given.map((tag) => tag.trim()).filter((tag) => tag !== ''));
  return [...tags.add('timer').add('gruu')].join(', ');
}

export function hasHeader(headers: readonly Header[], name: string): boolean {
  return headers.some((field) => field.name.toLowerCase() === name.toLowerCase());
}
