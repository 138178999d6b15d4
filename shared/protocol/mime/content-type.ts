import { ParleyError } from '../../base/errors.ts';
import { decodeParameters, encodeParameters, isToken } from './parameters.ts';

/** RFC 2045 section 5.1. `type` is lower case and without parameters: `text/plain`; parameter names are lower case. */
export interface ContentType {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** @throws ParleyError `multipart.malformed` */
export function decodeContentType(text: string): ContentType {
  const { value, parameters } = decodeParameters(text);
  const type = value.toLowerCase();
  if (!isMediaType(type)) throw new ParleyError('multipart.malformed', `content type ${JSON.stringify(text.slice(0, 100))}`);
  return { type, parameters };
}

/** `type;name=value`, a value in quotes where its characters need it. @throws ParleyError `multipart.malformed` */
export function encodeContentType(contentType: { readonly type: string; readonly parameters?: ReadonlyMap<string, string> }): string {
  if (!isMediaType(contentType.type)) throw new ParleyError('multipart.malformed', `content type ${JSON.stringify(contentType.type)}`);
  return encodeParameters(contentType.type, contentType.parameters);
}

/** The type alone, lower case; `application/octet-stream` for what is no content type. */
export function mediaType(text: string): string {
  const type = (text.split(';', 1)[0] ?? '').trim().toLowerCase();
  return isMediaType(type) ? type : 'application/octet-stream';
}

/** Each name begins with a letter or digit (RFC 6838 section 4.2), so that no type reads as a path. */
export function isMediaType(text: string): boolean {
  const slash = text.indexOf('/');
  const [type, subtype] = [text.slice(0, Math.max(slash, 0)), text.slice(slash + 1)];
  return text.length <= 255 && [type, subtype].every((name) => isToken(name) && /^[0-9A-Za-z]/.test(name));
}
