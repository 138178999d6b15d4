import { decodeParams, encodeParams, type Params } from './params.ts';
import { endOfQuoted, isToken, malformed, quote, unquote } from './text.ts';
import { uriScheme } from './uri.ts';

/** `"Name" <uri>;params` or `uri;params`, as in From, To, Contact, Route and P-Asserted-Identity (RFC 3261 section 20). */
export interface NameAddr {
  /** without quotes; null when there is none */
  readonly displayName: string | null;
  /** as on the wire, of any scheme; `*` only from Contact and Accept-Contact */
  readonly uri: string;
  /** header parameters, after the `>` */
  readonly parameters: Params;
}

/**
 * Decodes one value (not a list). Without angle brackets everything from the first `;` on is a header parameter, and the URI may then hold neither comma
 * nor question mark (RFC 3261 section 20).
 * @throws ParleyError `sip.malformed`
 */
export function decodeNameAddr(text: string): NameAddr {
  const value = text.trim();
  let displayName: string | null = null;
  let at = 0;
  if (value.charCodeAt(0) === 0x22) {
    at = endOfQuoted(value, 0);
    displayName = unquote(value.slice(0, at));
    while (value.charCodeAt(at) === 0x20 || value.charCodeAt(at) === 0x09) at++;
    if (value.charCodeAt(at) !== 0x3c) throw malformed('a display name without a URI in angle brackets');
  } else {
    at = value.indexOf('<');
    const semicolon = value.indexOf(';');
    // brackets may stand in a parameter: `*;+sip.instance="<urn:uuid:…>"`
    if (at < 0 || (semicolon >= 0 && semicolon < at)) return decodeAddrSpec(value);
    if (at > 0) displayName = decodeUnquotedName(value.slice(0, at));
  }
  const end = value.indexOf('>', at);
  if (end < 0) throw malformed('an angle bracket does not close');
  const uri = value.slice(at + 1, end);
  checkUri(uri);
  return { displayName, uri, parameters: decodeParams(value, end + 1) };
}

/** Always with angle brackets; a display name always in quotes. */
export function encodeNameAddr(address: NameAddr): string {
  const uri = address.uri === '*' ? '*' : `<${address.uri}>`;
  return `${address.displayName === null ? '' : `${quote(address.displayName)} `}${uri}${encodeParams(address.parameters)}`;
}

function decodeAddrSpec(value: string): NameAddr {
  const semicolon = value.indexOf(';');
  const uri = (semicolon < 0 ? value : value.slice(0, semicolon)).trimEnd();
  if (uri !== '*') {
    checkUri(uri);
    if (/[,?]/.test(uri)) throw malformed('a URI with a comma or question mark needs angle brackets');
  }
  return { displayName: null, uri, parameters: semicolon < 0 ? [] : decodeParams(value, semicolon) };
}

/** RFC 3261 has tokens here; letters beyond ASCII occur and harm nobody, so only what could be mistaken for structure is refused. */
function decodeUnquotedName(text: string): string | null {
  const name = text.trim().replace(/[ \t]+/g, ' ');
  if (name === '') return null;
  for (const word of name.split(' ')) {
    if (!isToken(word) && !/^[A-Za-z0-9\-.!%*_+`'~\u0080-\uffff]+$/.test(word)) throw malformed('a display name needs quotes');
  }
  return name;
}

function checkUri(uri: string): void {
  uriScheme(uri);
  if (/[\s<>"]/.test(uri)) throw malformed('white space or quotes inside a URI');
}
