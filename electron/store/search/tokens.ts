/**
 * What is searched for in a text: words without case and accents; every two neighbouring characters of a script that is written without
 * spaces, or whose compounds are (its words need a dictionary, which changes from one runtime to the next: an index made with one would
 * not answer another); each emoji.
 */
export interface Token {
  readonly kind: 'word' | 'run' | 'emoji';
  /** folded */
  readonly text: string;
  /** where it stands in the folded text, UTF-16 code units */
  readonly at: number;
}

export interface Tokens {
  /** in the order of the text */
  readonly tokens: readonly Token[];
  /** which part of the original text a part of the folded one comes from; never half a character */
  original(from: number, to: number): [from: number, to: number];
}

/** longest token that is told from others, UTF-16 code units */
export const LONGEST_TOKEN = 64;

const COMPOSED = /[\u1100-\u115f][\u1160-\u11a7][\u11a8-\u11ff]?|\p{ASCII}\p{M}{1,32}|[^\p{ASCII}\p{M}]\p{M}{0,32}|\p{M}{1,32}/gu;
/** accents, Hebrew points, Arabic vowels, variation selectors: what people leave out when they type */
const LEFT_OUT = /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670]|\ufe0e|\ufe0f/g;
/** letters that Unicode does not take apart */
const TAKEN_APART: Readonly<Record<string, string>> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ł: 'l', ı: 'i', ς: 'σ' };

const SCRIPTS = ['Han', 'Hiragana', 'Katakana', 'Hangul', 'Bopomofo', 'Thai', 'Lao', 'Khmer', 'Myanmar'];
const UNSPACED = `${SCRIPTS.map((name) => `\\p{Script=${name}}`).join('')}\\u30fc`;
const HAS_UNSPACED = new RegExp(`[${UNSPACED}]`, 'u');
const PARTS = new RegExp(`[${UNSPACED}][${UNSPACED}\\p{M}]*|[^${UNSPACED}]+`, 'gu');
const TOKENS = /([\p{L}\p{N}\p{M}]+)|\p{Extended_Pictographic}|\p{Regional_Indicator}{2}/gu;

export function tokensOf(text: string): Tokens {
  const { folded, original } = fold(text);
  const tokens: Token[] = [];
  const add = (kind: Token['kind'], found: string, at: number): void => {
    tokens.push({ kind, text: kind === 'word' ? whole(found.slice(0, LONGEST_TOKEN)) : found, at });
  };
  for (const { 0: found, 1: letters, index } of folded.matchAll(TOKENS)) {
    if (letters === undefined) add('emoji', found, index);
    else if (!HAS_UNSPACED.test(found)) add('word', found, index);
    else if (found.length === 1) add('run', found, index);
    else for (const part of found.matchAll(PARTS)) add(HAS_UNSPACED.test(part[0]) ? 'run' : 'word', part[0], index + part.index);
  }
  return { tokens, original };
}

/** Each two neighbours of a run and, with `last`, its last character alone, so that every character of it begins one. */
export function pairsOf(run: string, last: boolean): string[] {
  const characters = [...run];
  const pairs = characters.slice(1).map((character, index) => `${characters[index]}${character}`);
  return last ? [...pairs, characters.at(-1) ?? ''] : pairs;
}

/** Without case and accents. */
function fold(text: string): { folded: string; original: Tokens['original'] } {
  // most texts of most people: nothing changes its place
  if (isAscii(text)) return { folded: text.toLowerCase(), original: (from, to) => [from, to] };
  const starts: number[] = [];
  const ends: number[] = [];
  let folded = '';
  const plain = (from: number, to: number): void => {
    for (let at = from; at < to; at++) {
      starts.push(at);
      ends.push(at + 1);
    }
    folded += text.slice(from, to).toLowerCase();
  };
  let at = 0;
  for (const { 0: cluster, index } of text.matchAll(COMPOSED)) {
    plain(at, index);
    at = index + cluster.length;
    const simple = foldCluster(cluster);
    for (let unit = 0; unit < simple.length; unit++) {
      starts.push(index);
      ends.push(at);
    }
    folded += simple;
  }
  plain(at, text.length);
  return { folded, original: (from, to) => [starts[from] ?? text.length, ends[to - 1] ?? text.length] };
}

/** Texts use few different characters, and to normalise one takes longer than all the rest. */
const FOLDED = new Map<string, string>();
const MOST_FOLDED = 4096;

function foldCluster(cluster: string): string {
  const known = FOLDED.get(cluster);
  if (known !== undefined) return known;
  const folded = foldOne(cluster);
  if (FOLDED.size === MOST_FOLDED) FOLDED.clear();
  FOLDED.set(cluster, folded);
  return folded;
}

function foldOne(cluster: string): string {
  const base = cluster.normalize('NFKD').replace(LEFT_OUT, '').normalize('NFC').toLowerCase().replace(LEFT_OUT, '');
  return TAKEN_APART[base] ?? base;
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

/** Not ending within a surrogate pair. */
function whole(text: string): string {
  return text.replace(/[\uD800-\uDBFF]$/, '');
}
