import { LinkifyIt } from 'linkify-it';

/** A piece of a text: shown as it is, or as a link to `url`. */
export interface TextPart {
  readonly text: string;
  readonly url: string | null;
}

/** longest text in which links are looked for, UTF-16 code units */
const LONGEST_LINKED = 20_000;
const MOST_LINKS = 200;
const SCHEMES = new Set(['http:', 'https:', 'mailto:', 'tel:', 'sip:']);

const linkify = new LinkifyIt({ fuzzyLink: true, fuzzyEmail: true, maxLength: 2048 });
linkify.add('ftp:', null).add('//', null);

/** Splits a text from the network at its links. Nothing of it is ever read as HTML. */
export function textParts(text: string): TextPart[] {
  const matches = text.length <= LONGEST_LINKED ? (linkify.match(text) ?? []) : [];
  const parts: TextPart[] = [];
  let at = 0;
  for (const match of matches.slice(0, MOST_LINKS)) {
    const url = safeUrl(match.url);
    if (url === null) continue;
    if (match.index > at) parts.push({ text: text.slice(at, match.index), url: null });
    parts.push({ text: text.slice(match.index, match.lastIndex), url });
    at = match.lastIndex;
  }
  if (at < text.length) parts.push({ text: text.slice(at), url: null });
  return parts;
}

function safeUrl(text: string): string | null {
  try {
    const url = new URL(text);
    return SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
