import type { CodedError, ErrorCode } from '../../shared/base/errors.ts';
import { type Attempt, attemptFromError } from './outbox.ts';

/** MSRP 413 is what a device says that is being switched off, too; from this try on it means that the text is not wanted */
const STOPPED_TRIES = 6;

/** MSRP answers that another try will not change (cpm.md section 15.4). */
const REFUSALS: Readonly<Record<number, ErrorCode>> = {
  400: 'peer.malformed',
  403: 'peer.not-allowed',
  415: 'peer.unsupported',
  423: 'peer.too-large',
  501: 'peer.unsupported',
};

/**
 * What the end of a session before its time means, in the words for a person who cannot be reached: nobody chose this mode.
 * @param attempts tries before this one
 */
export function attemptFromSession(error: CodedError, attempts: number): Attempt {
  const told = (code: ErrorCode): CodedError => ({ code, detail: `${error.code}: ${error.detail}` });
  const again = (code: ErrorCode): Attempt => ({ kind: 'postponed', error: told(code), whenOnline: false, retryAfterMs: null });
  switch (error.code) {
    case 'peer.timeout':
    case 'msrp.timeout':
      return again('peer.timeout');
    case 'peer.unavailable':
    case 'msrp.unreachable':
    case 'msrp.lost':
      return again('peer.unavailable');
    case 'relay.unreachable':
    case 'relay.refused':
      return { kind: 'postponed', error, whenOnline: false, retryAfterMs: null };
    case 'msrp.stopped':
      return attempts + 1 < STOPPED_TRIES ? again('peer.unavailable') : { kind: 'failed', error: told('peer.declined') };
    case 'msrp.refused': {
      const refusal = REFUSALS[Number.parseInt(error.detail, 10)];
      return refusal === undefined ? again('peer.unavailable') : { kind: 'failed', error: told(refusal) };
    }
    default:
      return attemptFromError(error);
  }
}
