import { endOfQuoted, isToken, malformed, unquote } from './text.ts';

/** `;name=value` of RFC 3261 section 25.1. `value` is as on the wire, with its quotes; null for a flag. */
export interface Param {
  readonly name: string;
  readonly value: string | null;
}

export type Params = readonly Param[];

/**
 * Decodes `;a;b=c;d="e"` (white space around `;` and `=` allowed) up to the end of the text.
 * @throws ParleyError `sip.malformed`
 */
export function decodeParams(text: string, from = 0): Param[] {
  const params: Param[] = [];
  let at = skipSpace(text, from);
  while (at < text.length) {
    if (text.charCodeAt(at) !== 0x3b) throw malformed('a parameter does not start with a semicolon');
    at = skipSpace(text, at + 1);
    const nameStart = at;
    while (at < text.length && !isDelimiter(text.charCodeAt(at))) at++;
    const name = text.slice(nameStart, at);
    if (!isToken(name)) throw malformed('a parameter name is not a token');
    at = skipSpace(text, at);
    if (text.charCodeAt(at) !== 0x3d) {
      params.push({ name, value: null });
      continue;
    }
    at = skipSpace(text, at + 1);
    const valueStart = at;
    if (text.charCodeAt(at) === 0x22) {
      at = endOfQuoted(text, at);
    } else {
      while (at < text.length && !isDelimiter(text.charCodeAt(at))) at++;
      if (at === valueStart) throw malformed(`parameter ${name.slice(0, 40)} has no value`);
    }
    params.push({ name, value: text.slice(valueStart, at) });
    at = skipSpace(text, at);
  }
  return params;
}

export function encodeParams(params: Params): string {
  let text = '';
  for (const { name, value } of params) text += value === null ? `;${name}` : `;${name}=${value}`;
  return text;
}

export function hasParam(params: Params, name: string): boolean {
  return findParam(params, name) !== undefined;
}

/** The value without its quotes; `''` for a flag; null when there is no such parameter. */
export function paramValue(params: Params, name: string): string | null {
  const found = findParam(params, name);
  if (found === undefined) return null;
  return found.value === null ? '' : unquote(found.value);
}

/** The parameters with that one set to `value` as on the wire, in its place or at the end. */
export function withParam(params: Params, name: string, value: string | null): Param[] {
  const wanted = name.toLowerCase();
  const at = params.findIndex((param) => param.name.toLowerCase() === wanted);
  return at < 0 ? [...params, { name, value }] : params.map((param, index) => (index === at ? { name: param.name, value } : param));
}

export function withoutParam(params: Params, name: string): Param[] {
  const wanted = name.toLowerCase();
  return params.filter((param) => param.name.toLowerCase() !== wanted);
}

function findParam(params: Params, name: string): Param | undefined {
  const wanted = name.toLowerCase();
  return params.find((param) => param.name === name || param.name.toLowerCase() === wanted);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09)) at++;
  return at;
}

/** `;`, `=`, `,`, `"`, `<`, `>` and white space end a name and an unquoted value */
function isDelimiter(code: number): boolean {
  return (
    code === 0x3b || code === 0x3d || code === 0x20 || code === 0x09 || code === 0x22 || code === 0x2c || code === 0x3c || code === 0x3e
  );
}
