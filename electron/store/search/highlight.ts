import { LONGEST_SEARCHED } from './index-text.ts';
import type { Term } from './query.ts';
import { type Token, tokensOf } from './tokens.ts';

/** UTF-16 offsets in the original text: from, up to but without */
export type Range = [from: number, to: number];

const MOST_RANGES = 100;
/** UTF-16 code units of an excerpt, and of what stands before its first hit */
const EXCERPT = 160;
const LEAD = 30;

/** Where the terms stand in the text, in order, without overlaps. */
export function rangesOf(text: string, terms: readonly Term[]): Range[] {
  const { tokens, original } = tokensOf(text.slice(0, LONGEST_SEARCHED));
  const found: Range[] = [];
  for (const token of tokens) {
    if (found.length >= MOST_RANGES) break;
    const hits = terms.flatMap((term) => placesOf(term, token).map((at) => original(token.at + at, token.at + at + term.text.length)));
    for (const hit of hits.sort((a, b) => a[0] - b[0])) {
      const last = found.at(-1);
      if (last !== undefined && hit[0] < last[1]) last[1] = Math.max(last[1], hit[1]);
      else found.push(hit);
    }
  }
  return found;
}

/** Where in a token a term stands. */
function placesOf(term: Term, token: Token): number[] {
  if (term.kind !== token.kind) return [];
  if (term.kind !== 'run') return token.text.startsWith(term.text) ? [0] : [];
  const places: number[] = [];
  for (let at = token.text.indexOf(term.text); at >= 0 && places.length < MOST_RANGES; at = token.text.indexOf(term.text, at + 1))
    places.push(at);
  return places;
}

/** The part of a text that shows its first hit: from the start where that is near, else from the start of a word. */
export function excerptOf(text: string, ranges: readonly Range[]): Range {
  const first = ranges[0]?.[0] ?? 0;
  let from = first <= LEAD ? 0 : first - LEAD;
  if (from > 0) {
    const space = text.slice(from, first).search(/\s\S/u);
    from = space < 0 ? from : from + space + 1;
  }
  return [afterHalf(text, from), afterHalf(text, Math.min(text.length, from + EXCERPT))];
}

/** Not between the halves of a surrogate pair. */
function afterHalf(text: string, at: number): number {
  return /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(text.slice(at - 1, at + 1)) ? at + 1 : at;
}
