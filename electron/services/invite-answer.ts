import type { Clock } from '../../shared/base/clock.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import type { FinalAnswer, OutgoingInvite } from '../sip/port.ts';

/**
 * The final answer to an INVITE of ours.
 * @throws ParleyError `peer.timeout` when none came in time, which aborts too; the reason of the abort; `link.*`
 */
export async function answerWithin(
  milliseconds: number,
  invite: OutgoingInvite,
  clock: Clock,
  abort: AbortController,
): Promise<FinalAnswer> {
  const { signal } = abort;
  const cancelTimer = clock.after(milliseconds, () => abort.abort(new ParleyError('peer.timeout', 'no final answer')));
  try {
    return await new Promise((resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      invite.answer.then(resolve, reject);
    });
  } finally {
    cancelTimer();
  }
}
