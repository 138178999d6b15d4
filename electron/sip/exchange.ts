import type { Core } from 'sip.js';
import { header, type SipResponse } from '../../shared/protocol/sip/message.ts';
import type { AgentCore } from './agent-core.ts';
import type { DigestAccount } from './digest.ts';
import type { FinalAnswer, Header } from './port.ts';

export interface Outcome {
  readonly response: SipResponse;
  /** true when a challenge was answered before */
  readonly hasAnsweredChallenge: boolean;
}

/**
 * Sends a request that is no INVITE and answers the challenges it meets: 401 and 407, each realm, a stale nonce once more
 * (RFC 3261 section 22). `make` is called for each try, with a CSeq of its own. @throws ParleyError `link.*`
 */
export async function exchange(
  core: AgentCore,
  digest: DigestAccount,
  request: { readonly method: string; readonly uri: string; readonly body: Uint8Array },
  make: (credentials: readonly Header[]) => Core.OutgoingRequestMessage,
): Promise<Outcome> {
  const attempt = digest.attempt(request.method, request.uri, request.body);
  for (;;) {
    const response = await core.transact(() => make(attempt.headers()));
    const isChallenge = response.status === 401 || response.status === 407;
    if (!isChallenge || !attempt.accepts(response)) {
      if (response.status < 300) attempt.succeeded(response);
      return { response, hasAnsweredChallenge: attempt.hasAnswered };
    }
  }
}

/** CSeq numbers of one Call-ID: 1, 2, 3 … */
export function cseqFrom(first: number): () => number {
  let next = first;
  return () => next++;
}

export function finalAnswer(response: SipResponse): FinalAnswer {
  const { status, reason, headers, body } = response;
  return { status, reason, headers, contentType: header(response, 'Content-Type'), body };
}
