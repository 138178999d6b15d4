import type { SipResponse } from '../../shared/protocol/sip/message.ts';

/** Answers that tell the caller how to ask again (RFC 3261 section 16.7 step 6). */
const HELPFUL = [415, 420, 484];

/** The one refusal the originator gets when every branch refused: a 6xx, else the lowest class, and within 4xx what helps most. */
export function bestResponse(responses: readonly SipResponse[]): SipResponse | null {
  let best: SipResponse | null = null;
  for (const response of responses) if (best === null || rank(response.status) < rank(best.status)) best = response;
  return best;
}

/**
 * What a refusal means to the originator. A redirection or a challenge of a device speaks to this network, which follows none and
 * has no secret for it: the device is not available.
 */
export function forOriginator(response: SipResponse): SipResponse {
  const isOurs = (response.status >= 300 && response.status < 400) || response.status === 401 || response.status === 407;
  return isOurs ? { ...response, status: 480, reason: 'Temporarily Unavailable' } : response;
}

function rank(status: number): number {
  if (status >= 600) return status - 600;
  const helpful = HELPFUL.indexOf(status);
  if (helpful >= 0) return 400 + helpful / 10;
  // 408 and 480 mean one device is away; what a reachable one said is more to the point
  if (status === 408 || status === 480) return 499 + (status - 408) / 1000;
  return status;
}
