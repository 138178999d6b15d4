/** A SIP header as the layers above the codec see it. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** longer values are not looked at: no real one comes near */
const MAX_VALUE = 16_384;

/** Values of all headers of that name, whatever its case; `compact` is the one-letter form (RFC 3261 section 7.3.3). */
export function headerValues(headers: readonly HeaderField[], name: string, compact?: string): string[] {
  const wanted = name.toLowerCase();
  return headers
    .filter((header) => header.name.toLowerCase() === wanted || header.name.toLowerCase() === compact)
    .map((header) => header.value)
    .filter((value) => value.length <= MAX_VALUE);
}

/**
 * Splits at separators outside of quoted strings and angle brackets, in one pass.
 * The pieces are trimmed; empty ones are left out.
 */
export function splitHeader(value: string, separators: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  let quoted = false;
  let bracketed = false;
  for (let at = 0; at < value.length; at++) {
    const character = value[at] ?? '';
    if (quoted && character === '\\') at++;
    else if (character === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (character === '<') bracketed = true;
    else if (character === '>') bracketed = false;
    else if (!bracketed && separators.includes(character)) {
      pieces.push(value.slice(start, at).trim());
      start = at + 1;
    }
  }
  pieces.push(value.slice(start).trim());
  return pieces.filter((piece) => piece !== '');
}

/** The content of a quoted string, or the text itself when it is none. */
export function unquoted(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replace(/\\(.)/gs, '$1') : text;
}
