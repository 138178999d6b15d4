import type { EndReason } from '../../../shared/protocol/sip/event.ts';

/** What the next notification is about: nothing, what changed since the one before, or the whole state. */
export type Owed = 'nothing' | 'changes' | 'all';

/** Times in ms since the epoch. */
export type SubscriptionState =
  | {
      readonly kind: 'active';
      readonly expiresAt: number;
      readonly owes: Owed;
      /** one is being made, or waits for its answer: there is never a second one */
      readonly isUnderWay: boolean;
      /** no sooner than that */
      readonly notBefore: number;
      /** there is a connection to its device */
      readonly isReachable: boolean;
    }
  /** the last one is owed, the whole state in it or nothing */
  | { readonly kind: 'ending'; readonly reason: EndReason; readonly owes: Owed; readonly isUnderWay: boolean }
  | { readonly kind: 'over' };

export type SubscriptionEvent =
  /** SUBSCRIBE: the first one, or a refresh, which is answered with the whole state (RFC 6665 section 4.2.1.4) */
  | { readonly kind: 'subscribed'; readonly expiresAt: number }
  | { readonly kind: 'changed' }
  | { readonly kind: 'begun' }
  /** a notification arrived. @param hasMore it did not hold all there is to say; `pace` ms until the next one */
  | { readonly kind: 'arrived'; readonly now: number; readonly pace: number; readonly hasMore: boolean }
  /** its subscriber says when to try again */
  | { readonly kind: 'postponed'; readonly until: number }
  /** its connection ended under it */
  | { readonly kind: 'lost' }
  | { readonly kind: 'reached' }
  /** its subscriber does not know the dialog, or answers nothing */
  | { readonly kind: 'refused' }
  /** @param owes the last notification says the whole state, as after SUBSCRIBE with Expires 0, or nothing */
  | { readonly kind: 'ended'; readonly reason: EndReason; readonly owes: 'nothing' | 'all' };

/** What is to be done now. `last` comes with `Subscription-State: terminated`. */
export type Due =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'wait'; readonly until: number }
  | { readonly kind: 'notify'; readonly about: Owed; readonly isLast: boolean };

/**
 * One subscription at its notifier (RFC 6665 section 4.2.2). Authorisation is immediate here, so nothing is ever pending.
 *
 *     (SUBSCRIBE) --> active --(Expires 0, its time, the package ends it)--> ending --(last NOTIFY)--> over
 *     active, ending --(NOTIFY refused or unanswered)--> over            ending --(no connection)--> over
 */
export function subscriptionAfter(state: SubscriptionState, event: SubscriptionEvent): SubscriptionState {
  if (state.kind === 'over' || event.kind === 'refused') return { kind: 'over' };
  if (state.kind === 'ending') return endingAfter(state, event);
  switch (event.kind) {
    case 'subscribed':
      return { ...state, expiresAt: event.expiresAt, owes: 'all', notBefore: 0, isReachable: true };
    case 'changed':
      return { ...state, owes: state.owes === 'all' ? 'all' : 'changes' };
    case 'begun':
      return { ...state, owes: 'nothing', isUnderWay: true };
    case 'arrived':
      return {
        ...state,
        isUnderWay: false,
        owes: event.hasMore && state.owes === 'nothing' ? 'changes' : state.owes,
        notBefore: event.hasMore ? state.notBefore : Math.max(state.notBefore, event.now + event.pace),
      };
    case 'postponed':
      return { ...state, isUnderWay: false, owes: 'all', notBefore: event.until };
    case 'lost':
      return { ...state, isUnderWay: false, owes: 'all', isReachable: false };
    case 'reached':
      return { ...state, isReachable: true };
    case 'ended':
      return state.isReachable
        ? { kind: 'ending', reason: event.reason, owes: event.owes, isUnderWay: state.isUnderWay }
        : { kind: 'over' };
  }
}

function endingAfter(state: SubscriptionState & { kind: 'ending' }, event: SubscriptionEvent): SubscriptionState {
  switch (event.kind) {
    case 'begun':
      return { ...state, owes: 'nothing', isUnderWay: true };
    case 'arrived':
      // the one under way may still be from before the end
      if (event.hasMore) return { ...state, owes: state.owes === 'all' ? 'all' : 'changes', isUnderWay: false };
      return { ...state, isUnderWay: false };
    case 'postponed':
      return { ...state, isUnderWay: false };
    case 'lost':
      return { kind: 'over' };
    default:
      return state;
  }
}

export function dueOf(state: SubscriptionState, now: number): Due {
  if (state.kind === 'over' || state.isUnderWay) return { kind: 'nothing' };
  if (state.kind === 'ending') return { kind: 'notify', about: state.owes, isLast: true };
  if (state.owes === 'nothing' || !state.isReachable) return { kind: 'nothing' };
  return now < state.notBefore ? { kind: 'wait', until: state.notBefore } : { kind: 'notify', about: state.owes, isLast: false };
}
