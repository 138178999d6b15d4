import { ParleyError } from '../../base/errors.ts';
import { decodeParameters, encodeParameters, isToken } from './parameters.ts';

/** RFC 2183. `type` is lower case: `attachment`, `render`, `icon`, `notification`, `recipient-list`, `session` … */
export interface ContentDisposition {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** @throws ParleyError `multipart.malformed` */
export function decodeContentDisposition(text: string): ContentDisposition {
  const { value, parameters } = decodeParameters(text);
  if (!isToken(value)) throw new ParleyError('multipart.malformed', `content disposition ${JSON.stringify(text.slice(0, 100))}`);
  return { type: value.toLowerCase(), parameters };
}

/** `required` or `optional` (RFC 3261 section 20.11); null where nothing is said. @throws ParleyError `multipart.malformed` */
export function handlingOf(disposition: string | null): string | null {
  return disposition === null ? null : (decodeContentDisposition(disposition).parameters.get('handling')?.toLowerCase() ?? null);
}

/** A name outside of ASCII stays UTF-8 in quotes, as SIP and MSRP header values are. @throws ParleyError `multipart.malformed` */
export function encodeContentDisposition(disposition: {
  readonly type: string;
  readonly parameters?: ReadonlyMap<string, string>;
}): string {
  if (!isToken(disposition.type)) throw new ParleyError('multipart.malformed', `content disposition ${JSON.stringify(disposition.type)}`);
  return encodeParameters(disposition.type, disposition.parameters);
}
