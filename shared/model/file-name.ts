import filenamify from 'filenamify/browser';
import { fromUtf8, utf8 } from '../base/bytes.ts';

/** What every file system of the three platforms takes for one name. */
const MAX_OCTETS = 255;
/** A longer one is no extension anybody would miss. */
const MAX_EXTENSION_OCTETS = 32;
/** Room that {@link numberedFileName} needs for its number. */
const NUMBER_OCTETS = 8;
const FALLBACK = 'file';

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * A received name as one that can be saved on Windows, macOS and Linux alike: no path, no control or direction character, no device name,
 * no alternate data stream, not hidden, at most 247 octets of UTF-8 with its extension kept and no grapheme split. Never empty.
 */
export function cleanFileName(received: string): string {
  // Only the ends of an absurd name can show in the result, and the work stays bounded.
  const bounded = received.length > 1024 ? received.slice(0, 512) + received.slice(-512) : received;
  // The round trip turns lone surrogates into U+FFFD, which filenamify replaces.
  const whole = fromUtf8(utf8(bounded));
  const base = whole.slice(Math.max(whole.lastIndexOf('/'), whole.lastIndexOf('\\')) + 1);
  const safe = trimEnds(filenamify(base, { replacement: '_', maxLength: Number.MAX_SAFE_INTEGER }));
  const short = shortName(safe);
  // A device name that appears once the ends are trimmed, and one that the shortening made; it becomes longer by a character.
  return shortName(filenamify(short, { replacement: '_', maxLength: Number.MAX_SAFE_INTEGER }));
}

/** The only letters may have been those that did not fit. */
function shortName(name: string): string {
  return orFallback(shorten(orFallback(name), MAX_OCTETS - NUMBER_OCTETS));
}

/** The name of the `number`th file of one name, from 1: `name.ext`, `name (2).ext`, `name (3).ext` … */
export function numberedFileName(name: string, number: number): string {
  if (number === 1) return name;
  const [stem, extension] = splitExtension(name);
  return `${stem} (${number})${extension}`;
}

/** The stem, and the extension with its dot, '' when there is none. */
export function splitExtension(name: string): [stem: string, extension: string] {
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 ? name.slice(dot) : '';
  if (extension.length < 2 || utf8(extension).length > MAX_EXTENSION_OCTETS) return [name, ''];
  return [name.slice(0, dot), extension];
}

function orFallback(name: string): string {
  return /[^_\s]/.test(name) ? name : FALLBACK;
}

/** Leading dots hide a file, trailing ones and blanks are dropped by Windows. */
function trimEnds(name: string): string {
  let end = name.length;
  while (end > 0 && ' .'.includes(name[end - 1] ?? '')) end--;
  return name.slice(0, end).replace(/^[ .]+/, '');
}

function shorten(name: string, maxOctets: number): string {
  if (utf8(name).length <= maxOctets) return name;
  const [stem, extension] = splitExtension(name);
  const budget = maxOctets - utf8(extension).length;
  let kept = '';
  let octets = 0;
  for (const { segment } of segmenter.segment(stem)) {
    octets += utf8(segment).length;
    if (octets > budget) break;
    kept += segment;
  }
  return `${trimEnds(kept) || FALLBACK}${extension}`;
}
