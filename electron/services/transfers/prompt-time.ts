import type { Header } from '../../sip/port.ts';

/** An unanswered prompt ends before the invitation does; an INVITE without Expires is taken to last as long as a proxy waits (timer C). */
const DEFAULT_PROMPT_MS = 170_000;
const LONGEST_PROMPT_MS = 600_000;
const SHORTEST_PROMPT_MS = 10_000;
/** the answer has to get there in time */
const AHEAD_MS = 5000;

/** How long the person is asked about what these header fields came with, ms. */
export function promptTime(headers: readonly Header[]): number {
  const expires = headers.find(({ name }) => name.toLowerCase() === 'expires')?.value;
  const seconds = Number.parseInt(expires ?? '', 10);
  if (!Number.isFinite(seconds)) return DEFAULT_PROMPT_MS;
  return Math.min(LONGEST_PROMPT_MS, Math.max(SHORTEST_PROMPT_MS, seconds * 1000 - AHEAD_MS));
}
