import { fromBinaryString, fromUtf8 } from '../../base/bytes.ts';
import { ParleyError } from '../../base/errors.ts';

/** A value followed by `;name=value` parameters (RFC 2045 section 5.1, RFC 2183). Parameter names are lower case, values unquoted. */
export interface ParameterisedValue {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /^[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+$/;
const MAX_LENGTH = 8192;
const MAX_PARAMETERS = 64;

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * The first of two parameters with one name wins; `name*` (RFC 2231, without continuations) wins over `name`.
 * @throws ParleyError `multipart.malformed`
 */
export function decodeParameters(text: string): ParameterisedValue {
  if (text.length > MAX_LENGTH) throw new ParleyError('multipart.malformed', `header value of ${text.length} characters`);
  const [value = '', ...rest] = splitOutsideQuotes(text, ';');
  if (rest.length > MAX_PARAMETERS) throw new ParleyError('multipart.malformed', `${rest.length} parameters`);
  const parameters = new Map<string, string>();
  const extended = new Map<string, string>();
  for (const part of rest) {
    const parameter = part.trim();
    if (parameter === '') continue;
    const equals = parameter.indexOf('=');
    const name = (equals < 0 ? parameter : parameter.slice(0, equals)).trim().toLowerCase();
    const content = equals < 0 ? '' : unquote(parameter.slice(equals + 1).trim());
    if (name.endsWith('*')) {
      const decoded = decodeExtended(content);
      if (decoded !== null && !extended.has(name.slice(0, -1))) extended.set(name.slice(0, -1), decoded);
    } else if (!parameters.has(name)) {
      parameters.set(name, content);
    }
  }
  for (const [name, content] of extended) parameters.set(name, content);
  return { value: value.trim(), parameters };
}

/** @throws ParleyError `multipart.malformed` for a name that is no token or a value with a control character */
export function encodeParameters(value: string, parameters: ReadonlyMap<string, string> | undefined): string {
  let text = value;
  for (const [name, content] of parameters ?? []) {
    if (!isToken(name) || name.endsWith('*')) throw new ParleyError('multipart.malformed', `parameter name ${JSON.stringify(name)}`);
    text += `;${name}=${isToken(content) ? content : quote(content)}`;
  }
  return text;
}

/** @throws ParleyError `multipart.malformed` for a control character other than tab: it would end or split the header */
export function quote(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text)) throw new ParleyError('multipart.malformed', 'control character in a quoted string');
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

export function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  const end = text.length > 1 && text.endsWith('"') ? -1 : undefined;
  return text.slice(1, end).replace(/\\(.)/gs, '$1');
}

/** Splits at a separator that stands outside of double quotes. */
export function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted && character === '\\') at++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** RFC 2231 section 4: `charset'language'percent-encoded`; null for a charset other than UTF-8, US-ASCII and ISO-8859-1. */
function decodeExtended(text: string): string | null {
  const match = /^([^']*)'[^']*'([^']*)$/.exec(text);
  if (match === null) return null;
  const binary = (match[2] ?? '').replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  switch ((match[1] ?? '').toLowerCase()) {
    case 'utf-8':
    case 'us-ascii':
      return fromUtf8(fromBinaryString(binary));
    case 'iso-8859-1':
      return binary;
    default:
      return null;
  }
}
