import { hasToken, header, type SipHeader, type SipMessage, type SipRequest } from '../../shared/protocol/sip/message.ts';
import { decodeDeltaSeconds } from '../../shared/protocol/sip/text.ts';

/** seconds: the shortest time of a session (RFC 4028 section 5) */
export const MIN_SE = 90;
const LONGEST = 86_400;

/** Seconds of a session whose client refreshes it; null where it asks for none, or wants to have it refreshed from here. */
export function sessionTimer(request: SipRequest): number | 'too-short' | null {
  const value = header(request, 'Session-Expires');
  if (value === null || !hasToken(request, 'Supported', 'timer') || /refresher\s*=\s*uas/i.test(value)) return null;
  const seconds = secondsOf(value);
  return seconds < MIN_SE ? 'too-short' : Math.min(seconds, LONGEST);
}

/** Of an answer to an INVITE of this network, which leaves it to the other side to refresh; null where that does not. */
export function answeredTimer(answer: SipMessage): number | null {
  const value = header(answer, 'Session-Expires');
  return value === null || !/refresher\s*=\s*uas/i.test(value) ? null : Math.min(Math.max(secondsOf(value), MIN_SE), LONGEST);
}

/** Of an answer that grants it: the client refreshes. */
export function timerFields(seconds: number): SipHeader[] {
  return [
    { name: 'Supported', value: 'timer' },
    { name: 'Require', value: 'timer' },
    { name: 'Session-Expires', value: `${seconds};refresher=uac` },
  ];
}

function secondsOf(value: string): number {
  return decodeDeltaSeconds(value.split(';', 1)[0]?.trim() ?? '');
}
