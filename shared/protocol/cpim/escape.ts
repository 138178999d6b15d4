/** The escapes of a CPIM header value (RFC 3862 section 2.3). */

const SHORT: Readonly<Record<string, string>> = { '\\': '\\\\', '\b': '\\b', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
const PLAIN: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', r: '\r' };

/** For text that stands bare in a value, such as a Subject. */
export function escapeCpim(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
  return text.replace(/[\\\u0000-\u001f\u007f]/g, (character) => {
    return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** For a formal name: in double quotes, the ones inside escaped. */
export function quoteCpim(text: string): string {
  return `"${escapeCpim(text).replace(/"/g, '\\"')}"`;
}

/** An unknown escape stands for the character after the backslash; a backslash at the end is dropped (section 2.3.1). */
export function unescapeCpim(value: string): string {
  return value.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))?/g, (_, hex: string | undefined, character: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    return character === undefined ? '' : (PLAIN[character] ?? character);
  });
}
