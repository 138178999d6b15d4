/** hues of avatars, each a class of `avatar.svelte` */
export const HUES = 12;

/** The same address has the same hue on every device: FNV-1a over its letters. */
export function hueOf(address: string): number {
  let hash = 0x811c9dc5;
  for (const letter of address.toLowerCase()) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return ((hash ^ (hash >>> 16)) >>> 0) % HUES;
}

/** One or two letters for a name: of its first and last word; for an address without a name, its first. */
export function initialsOf(name: string): string {
  const words = name
    .replace(/^(sips?|tel|im):/i, '')
    .replace(/@.*$/, '')
    .split(/[\s._-]+/u)
    .map((word) => word.replace(/^[^\p{L}\p{N}]+/u, ''))
    .filter((word) => word !== '');
  const first = firstLetter(words[0] ?? '');
  const last = words.length > 1 ? firstLetter(words.at(-1) ?? '') : '';
  return (first + last).toLocaleUpperCase() || '#';
}

function firstLetter(word: string): string {
  return [...word][0] ?? '';
}
