import type { Content } from './content.ts';

/** characters of scripts that are written without spaces between words */
const UNSPACED = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmr}\p{scx=Mymr}]/u;

/** @returns whether one of the texts has one of the words, or the content is of one of the types; nobody is to hear which */
export function isScreened({ texts, types }: Content, words: readonly string[], forbidden: readonly string[]): boolean {
  if (forbidden.some((pattern) => types.some((type) => matchesType(type, pattern)))) return true;
  if (words.length === 0) return false;
  const folded = texts.map(fold);
  return words.some((word) => {
    const wanted = fold(word);
    if (wanted.trim() === '') return false;
    return folded.some((text) => text.includes(UNSPACED.test(wanted) ? wanted.trim() : wanted));
  });
}

/** Whole words between single spaces, whatever their case, width, and what cannot be seen between their letters. */
function fold(text: string): string {
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\p{Cf}/gu, '');
  return ` ${(plain.match(/[\p{L}\p{N}\p{M}]+/gu) ?? []).join(' ')} `;
}

function matchesType(type: string, pattern: string): boolean {
  return pattern.endsWith('/*') ? type.startsWith(pattern.slice(0, -1)) : type === pattern;
}
