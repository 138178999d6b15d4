import { fromBinaryString, fromUtf8, toBinaryString, utf8 } from '../../base/bytes.ts';

/** octets of UTF-8 in one encoded word: 64 characters with what stands around them, so that its line has no more than 76 (RFC 2047 section 2) */
const OCTETS_OF_WORD = 39;
const WORD = /=\?([!#$%&'*+\-0-9A-Z^_`a-z{|}~]{1,40})\?([BbQq])\?([!->@-~]{0,1000})\?=/g;

/** Text for a header that carries ASCII alone (RFC 2047): as it is where it can be, else as encoded words with a space between them. */
export function encodeWords(text: string): string {
  if (/^[\t -~]*$/.test(text) && !text.includes('=?') && text.trim() === text) return text;
  const words: string[] = [];
  let part = '';
  let octets = 0;
  const end = (): void => {
    if (part !== '') words.push(`=?UTF-8?B?${btoa(toBinaryString(utf8(part)))}?=`);
    part = '';
    octets = 0;
  };
  for (const character of text) {
    const size = utf8(character).length;
    if (octets + size > OCTETS_OF_WORD) end();
    part += character;
    octets += size;
  }
  end();
  return words.join(' ');
}

/** The reverse, for UTF-8, US-ASCII and ISO 8859-1; a word in another charset, or one that is none, stays as it is written. */
export function decodeWords(text: string): string {
  // white space between two encoded words is no part of the text (RFC 2047 section 6.2)
  const joined = text.replace(/(\?=)[\t\r\n ]+(?==\?[^?\s]{1,40}\?[BbQq]\?)/g, '$1');
  return joined.replace(WORD, (all, charset: string, encoding: string, content: string) => {
    const octets = encoding.toUpperCase() === 'B' ? fromBase64(content) : fromQuoted(content);
    if (octets === null) return all;
    switch (charset.split('*', 1)[0]?.toLowerCase()) {
      case 'utf-8':
      case 'us-ascii':
        return fromUtf8(octets);
      case 'iso-8859-1':
        return toBinaryString(octets);
      default:
        return all;
    }
  });
}

function fromBase64(content: string): Uint8Array | null {
  try {
    return fromBinaryString(atob(content));
  } catch {
    return null;
  }
}

function fromQuoted(content: string): Uint8Array {
  const spaced = content.replaceAll('_', ' ');
  return fromBinaryString(spaced.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));
}
