import { toCodedError } from '../../../shared/base/errors.ts';
import { isClosedGroup } from '../../../shared/protocol/sdp/msrp-media.ts';
import type { SessionDescription } from '../../../shared/protocol/sdp/sdp.ts';
import type { StoredGroup } from '../../store/port.ts';
import type { Envelope } from '../envelope.ts';
import { type Asked, GroupRefused } from './outcomes.ts';

/** Why a session is over, as the focus said it (cpm.md section 8.5). */
export type EndOfSession = 'over' | 'removed' | 'left' | 'idle';

/** Whom to ask for the way into a group, one after the other. */
export function waysTo({ identity, address }: StoredGroup, restarts: boolean): { readonly asked: Asked; readonly target: string }[] {
  const known = identity === null ? [] : [{ asked: 'identity' as const, target: identity }];
  if (address !== null) return [...known, { asked: 'address', target: address }];
  return restarts || identity === null ? [...known, { asked: 'factory', target: '' }] : known;
}

/** `Reason` of a BYE by the focus: taken out, over, left by another device; 480 is a way that broke. */
export function endOf(reason: string | null): EndOfSession | 'lost' {
  const cause = /\bcause\s*=\s*(\d{3})\b/i.exec(reason ?? '')?.[1];
  if (cause === '410') return 'over';
  if (cause === '403') return 'removed';
  if (cause === '480' || cause === '408' || cause?.startsWith('5')) return 'lost';
  return cause === '200' && !/elsewhere/i.test(reason ?? '') ? 'left' : 'idle';
}

export function isClosed(description: SessionDescription | null): boolean {
  return description?.media.some((media) => media.kind === 'msrp' && isClosedGroup(media)) ?? false;
}

export function isTimeout(reason: unknown): boolean {
  return toCodedError(reason).code === 'peer.timeout';
}

export function outside({ standing }: StoredGroup): GroupRefused {
  const isOver = standing === 'over';
  return new GroupRefused({
    meaning: isOver ? 'over' : 'out',
    error: { code: isOver ? 'group.over' : 'group.not-member', detail: standing },
  });
}

export function envelopeOf({ peer, cpmConversationId, contributionId, conversationId }: StoredGroup, identity: string): Envelope {
  return {
    ...{ peer, aliases: [], route: null, title: '', cpmConversationId, contributionId, originInstance: null, answersContribution: null },
    ...{ fallbackId: '', replyTo: null, alsoTo: [], group: { conversationId, identity } },
  };
}
