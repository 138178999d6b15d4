import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  dueOf,
  type SubscriptionEvent,
  type SubscriptionState,
  subscriptionAfter,
} from '../../electron/home-network/subscriptions/subscription-state.ts';

const PACE = 500;
const outside = fc.oneof(
  fc.constant<SubscriptionEvent>({ kind: 'changed' }),
  fc.constant<SubscriptionEvent>({ kind: 'lost' }),
  fc.constant<SubscriptionEvent>({ kind: 'reached' }),
  fc.nat(1_000_000).map((expiresAt): SubscriptionEvent => ({ kind: 'subscribed', expiresAt })),
  fc.constantFrom('nothing' as const, 'all' as const).map((owes): SubscriptionEvent => ({ kind: 'ended', reason: 'timeout', owes })),
);
/** what its subscriber says to a notification, or that time passes */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('outside' as const), event: outside }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('answer' as const), hasMore: fc.boolean(), retry: fc.option(fc.nat(5_000)) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), passes: fc.nat(1_000) }) },
);

it('a subscription has one notification under way, keeps its pace, loses no change, and says one last word', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let now = 1_000;
      let state: SubscriptionState = { kind: 'active', expiresAt: 9e9, owes: 'all', isUnderWay: false, notBefore: 0, isReachable: true };
      let isUnderWay = false;
      let lasts = 0;
      /** changes that no notification has begun to tell of since */
      let untold = 1;
      let arrivedAt = Number.NEGATIVE_INFINITY;
      let mayHurry = true;
      const apply = (event: SubscriptionEvent): void => {
        state = subscriptionAfter(state, event);
      };
      const go = (): void => {
        const due = dueOf(state, now);
        if (due.kind !== 'notify') return;
        expect(isUnderWay).toBe(false);
        if (due.isLast) lasts += 1;
        else if (due.about === 'changes' && !mayHurry) expect(now - arrivedAt).toBeGreaterThanOrEqual(PACE);
        if (due.about !== 'nothing') untold = 0;
        isUnderWay = !due.isLast;
        mayHurry = false;
        apply({ kind: 'begun' });
        if (due.isLast) apply({ kind: 'refused' });
      };
      go();
      for (const one of steps) {
        if (one.kind === 'time') now += one.passes;
        else if (one.kind === 'outside') {
          if (one.event.kind === 'changed') untold += 1;
          if (one.event.kind === 'lost') [isUnderWay, untold] = [false, 1];
          if (one.event.kind === 'subscribed') mayHurry = true;
          apply(one.event);
        } else if (isUnderWay) {
          isUnderWay = false;
          arrivedAt = now;
          mayHurry = one.hasMore;
          if (one.retry !== null) untold += 1;
          apply(
            one.retry !== null ? { kind: 'postponed', until: now + one.retry } : { kind: 'arrived', now, pace: PACE, hasMore: one.hasMore },
          );
        }
        go();
      }
      // with a connection and answers all of it is told in the end
      for (let round = 0; round < 4; round++) {
        if (isUnderWay) apply({ kind: 'arrived', now, pace: PACE, hasMore: false });
        isUnderWay = false;
        now += 10_000;
        apply({ kind: 'reached' });
        go();
      }
      if (state.kind === 'active') expect([untold, state.owes]).toEqual([0, 'nothing']);
      expect(lasts).toBeLessThanOrEqual(1);
      expect(dueOf(subscriptionAfter(state, { kind: 'refused' }), now)).toEqual({ kind: 'nothing' });
    }),
  );
});
