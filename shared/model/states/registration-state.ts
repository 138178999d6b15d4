import type { CodedError } from '../../base/errors.ts';

/**
 * Whether this device is reachable for its person:
 *
 *     offline ─► connecting ─► registered ─► (lost, asleep, elsewhere) waiting ─► connecting …
 *                    └─► waiting (next try known)
 *                    └─► refused (credentials or account: no try without the person)
 *     any ─► signed-out (the person asked for it; kept over a restart) ─► connecting
 *
 * `registered` only after a 200 to REGISTER that lists this instance: a proven round trip.
 */
export type RegistrationState =
  | { readonly kind: 'offline' }
  | { readonly kind: 'connecting'; readonly since: number; readonly failures: number }
  | { readonly kind: 'registered'; readonly since: number; readonly expiresAt: number }
  | { readonly kind: 'waiting'; readonly since: number; readonly error: CodedError; readonly nextTryAt: number; readonly failures: number }
  | { readonly kind: 'refused'; readonly since: number; readonly error: CodedError }
  | { readonly kind: 'signed-out'; readonly since: number };

export type RegistrationEvent =
  /** `asked`: by the person, whose impatience lengthens no later wait */
  | { readonly kind: 'connect'; readonly asked: boolean }
  | { readonly kind: 'registered'; readonly expiresAt: number }
  /** a try failed, or the binding was lost */
  | { readonly kind: 'failed'; readonly error: CodedError; readonly nextTryAt: number }
  /** what was known about the way to the server is no longer true: the failures on it count no more */
  | { readonly kind: 'unsettled'; readonly error: CodedError; readonly nextTryAt: number }
  | { readonly kind: 'refused'; readonly error: CodedError }
  | { readonly kind: 'signed-out' }
  | { readonly kind: 'stopped' };

/**
 * `since` of `waiting` is when the trouble began, so that a banner can say it; it survives failed tries. `failures` are tries in a row; a
 * loss is none.
 */
export function nextRegistrationState(state: RegistrationState, event: RegistrationEvent, now: number): RegistrationState {
  const troubleSince = state.kind === 'waiting' || state.kind === 'connecting' ? state.since : now;
  switch (event.kind) {
    case 'connect': {
      const failures = state.kind === 'waiting' ? state.failures : 0;
      return { kind: 'connecting', since: troubleSince, failures: event.asked ? Math.max(0, failures - 1) : failures };
    }
    case 'registered':
      return { kind: 'registered', since: state.kind === 'registered' ? state.since : now, expiresAt: event.expiresAt };
    case 'failed':
      return {
        kind: 'waiting',
        since: troubleSince,
        error: event.error,
        nextTryAt: event.nextTryAt,
        failures: state.kind === 'connecting' ? state.failures + 1 : 0,
      };
    case 'unsettled':
      return { kind: 'waiting', since: troubleSince, error: event.error, nextTryAt: event.nextTryAt, failures: 0 };
    case 'refused':
      return { kind: 'refused', since: now, error: event.error };
    case 'signed-out':
      return { kind: 'signed-out', since: now };
    case 'stopped':
      return { kind: 'offline' };
  }
}
