import type { SipResponse } from '../../shared/protocol/sip/message.ts';

/** Answers that tell the caller how to ask again (RFC 3261 section 16.7 step 6). */
const HELPFUL = [401, 407, 415, 420, 484];

/** The one refusal the originator gets when every branch refused: a 6xx, else the lowest class, and within 4xx what helps most. */
export function bestResponse(responses: readonly SipResponse[]): SipResponse | null {
  let best: SipResponse | null = null;
  for (const response of responses) if (best === null || rank(response.status) < rank(best.status)) best = response;
  return best;
}

function rank(status: number): number {
  if (status >= 600) return status - 600;
  const helpful = HELPFUL.indexOf(status);
  if (helpful >= 0) return 400 + helpful / 10;
  // 408 and 480 mean one device is away; what a reachable one said is more to the point
  if (status === 408 || status === 480) return 499 + (status - 408) / 1000;
  return status;
}
