import type { CodedError } from '../../base/errors.ts';

/**
 * Whether this device is reachable for its person:
 *
 *     offline ─► connecting ─► registered ─► (lost) waiting ─► connecting …
 *                    └─► waiting (next try known)
 *                    └─► refused (credentials or account: no try without the person)
 *
 * `registered` only after a 200 to REGISTER that lists this instance: a proven round trip.
 */
export type RegistrationState =
  | { readonly kind: 'offline' }
  | { readonly kind: 'connecting'; readonly since: number; readonly failures: number }
  | { readonly kind: 'registered'; readonly since: number; readonly expiresAt: number }
  | { readonly kind: 'waiting'; readonly since: number; readonly error: CodedError; readonly nextTryAt: number; readonly failures: number }
  | { readonly kind: 'refused'; readonly since: number; readonly error: CodedError };

export type RegistrationEvent =
  | { readonly kind: 'connect' }
  | { readonly kind: 'registered'; readonly expiresAt: number }
  | { readonly kind: 'failed'; readonly error: CodedError; readonly nextTryAt: number }
  | { readonly kind: 'refused'; readonly error: CodedError }
  | { readonly kind: 'signed-out' };

/** `since` of `waiting` is when the trouble began, so that a banner can say it; it survives failed tries. */
export function nextRegistrationState(state: RegistrationState, event: RegistrationEvent, now: number): RegistrationState {
  switch (event.kind) {
    case 'connect':
      return state.kind === 'waiting'
        ? { kind: 'connecting', since: state.since, failures: state.failures }
        : { kind: 'connecting', since: now, failures: 0 };
    case 'registered':
      return { kind: 'registered', since: state.kind === 'registered' ? state.since : now, expiresAt: event.expiresAt };
    case 'failed':
      return {
        kind: 'waiting',
        since: state.kind === 'waiting' || state.kind === 'connecting' ? state.since : now,
        error: event.error,
        nextTryAt: event.nextTryAt,
        failures: state.kind === 'connecting' ? state.failures + 1 : 1,
      };
    case 'refused':
      return { kind: 'refused', since: now, error: event.error };
    case 'signed-out':
      return { kind: 'offline' };
  }
}
