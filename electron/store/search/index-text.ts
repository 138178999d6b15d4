import { pairsOf, tokensOf } from './tokens.ts';

/** longest start of a text that is searched, UTF-16 code units: more than one person sends at once */
export const LONGEST_SEARCHED = 100_000;

/**
 * A message as its row of the index has it: the words of its text, and its conversation as a word that no text has, so that both are
 * found by one walk.
 */
export function indexText(text: string, conversationId: number): string {
  const words = tokensOf(text.slice(0, LONGEST_SEARCHED)).tokens.flatMap((token) =>
    token.kind === 'run' ? pairsOf(token.text, true) : [token.text],
  );
  return `${conversationWord(conversationId)} ${words.join(' ')}`;
}

/** A character of private use is never part of a token. */
export function conversationWord(id: number): string {
  return `\uE000${id}`;
}
