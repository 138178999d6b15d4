import { UNTIL_UNMUTED } from '../../../shared/model/conversation.ts';
import { formatFullTime } from '../format.ts';
import { words } from '../words.ts';

export const MUTE_TIMES = ['hour', 'hours', 'week', 'always'] as const;
export type MuteFor = (typeof MUTE_TIMES)[number];

const HOUR = 3_600_000;
const LENGTHS = { hour: HOUR, hours: 8 * HOUR, week: 7 * 24 * HOUR } as const;

/** ms since the epoch */
export function muteUntil(time: MuteFor, now: number): number {
  return time === 'always' ? UNTIL_UNMUTED : now + LENGTHS[time];
}

/** What is said of a conversation that is muted. */
export function mutedWords(mutedUntil: number): string {
  return mutedUntil >= UNTIL_UNMUTED ? words.people.mutedAlways : words.people.mutedUntil(formatFullTime(mutedUntil));
}
