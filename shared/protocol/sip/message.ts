import { canonicalName, isListHeader } from './header-names.ts';
import { splitOutsideQuotes } from './text.ts';

/** One header field: `name` in its registered long spelling, `value` unfolded and trimmed. */
export interface SipHeader {
  readonly name: string;
  readonly value: string;
}

/** In wire order. Content-Length is never among them: it is the length of the body. */
export type SipHeaders = readonly SipHeader[];

/** RFC 3261 section 7.1. `uri` is the Request-URI as on the wire. */
export interface SipRequest {
  readonly kind: 'request';
  readonly method: string;
  readonly uri: string;
  readonly headers: SipHeaders;
  readonly body: Uint8Array;
}

/** RFC 3261 section 7.2. `status` is 100 to 699; `reason` may be empty. */
export interface SipResponse {
  readonly kind: 'response';
  readonly status: number;
  readonly reason: string;
  readonly headers: SipHeaders;
  readonly body: Uint8Array;
}

export type SipMessage = SipRequest | SipResponse;

/** The first field of that name, in any spelling of it, as one text. Null when there is none. */
export function header(message: { readonly headers: SipHeaders }, name: string): string | null {
  const wanted = canonicalName(name);
  for (const field of message.headers) if (sameName(field.name, wanted)) return field.value;
  return null;
}

/** All values of that name in order. Where the grammar allows a comma list (Via, Route, Contact, Supported …) each element is one value. */
export function headers(message: { readonly headers: SipHeaders }, name: string): string[] {
  const wanted = canonicalName(name);
  const isList = isListHeader(wanted);
  const values: string[] = [];
  for (const field of message.headers) {
    if (!sameName(field.name, wanted)) continue;
    if (isList && field.value.includes(',')) {
      for (const part of splitOutsideQuotes(field.value, ',')) if (part !== '') values.push(part);
    } else if (field.value !== '' || !isList) {
      values.push(field.value);
    }
  }
  return values;
}

/** True when a list header (Supported, Require, Allow …) names that token; letter case does not matter. */
export function hasToken(message: { readonly headers: SipHeaders }, name: string, token: string): boolean {
  const wanted = token.toLowerCase();
  return headers(message, name).some((value) => value.toLowerCase() === wanted);
}

/** The message with exactly one field of that name: in the place of the first one, or at the end. */
export function withHeader<T extends SipMessage>(message: T, name: string, value: string): T {
  const wanted = canonicalName(name);
  const changed: SipHeader[] = [];
  let placed = false;
  for (const field of message.headers) {
    if (!sameName(field.name, wanted)) {
      changed.push(field);
    } else if (!placed) {
      changed.push({ name: wanted, value });
      placed = true;
    }
  }
  if (!placed) changed.push({ name: wanted, value });
  return { ...message, headers: changed };
}

/** The message without any field of that name. */
export function withoutHeader<T extends SipMessage>(message: T, name: string): T {
  const wanted = canonicalName(name);
  return { ...message, headers: message.headers.filter((field) => !sameName(field.name, wanted)) };
}

/** Known names are canonical on both sides, so equality decides nearly always; the slow way is for names nobody registered. */
function sameName(name: string, wanted: string): boolean {
  return name === wanted || (name.length === wanted.length && name.toLowerCase() === wanted.toLowerCase());
}
