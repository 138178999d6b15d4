import { conversationWord } from './index-text.ts';
import { pairsOf, type Token, tokensOf } from './tokens.ts';

/** A word's start, what a run of characters holds, or an emoji. */
export type Term = Pick<Token, 'kind' | 'text'>;

/** more than these are not told from each other */
const MOST_TERMS = 16;
const LONGEST_QUERY = 1000;

/** What a person looks for; nothing in it has a meaning beyond itself. Empty where there is no word in it. */
export function termsOf(text: string): Term[] {
  const terms = new Map<string, Term>();
  for (const { kind, text: term } of tokensOf(text.slice(0, LONGEST_QUERY)).tokens) {
    if (terms.size < MOST_TERMS) terms.set(`${kind} ${term}`, { kind, text: term });
  }
  return [...terms.values()];
}

/** As FTS5 reads it: every part quoted, and none of them can hold a quote. All terms must be there, in any order. */
export function matchExpression(terms: readonly Term[], conversationId: number | undefined): string {
  const parts = terms.map(phraseOf);
  return (conversationId === undefined ? parts : [`"${conversationWord(conversationId)}"`, ...parts]).join(' AND ');
}

function phraseOf({ kind, text }: Term): string {
  if (kind === 'emoji') return `"${text}"`;
  const pairs = kind === 'run' ? pairsOf(text, false) : [];
  return pairs.length > 0 ? `"${pairs.join(' ')}"` : `"${text}" *`;
}
