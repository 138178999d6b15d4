import { expect, it } from 'vitest';
import { Push, type PushHost } from '../../../electron/home-network/deferral/push.ts';
import type { HomeUser } from '../../../electron/home-network/settings.ts';
import { ManualClock } from '../../harness/manual-clock.ts';

const BOB: HomeUser = { user: 'bob', password: 'bob-secret', displayName: 'Bob' };

it('R-PF-24: what is to be tried again later holds no network that has been closed', () => {
  const clock = new ManualClock();
  const host = { clock } as Partial<PushHost> as PushHost;
  const open = new Push(host);
  open.later(BOB);
  expect(clock.waiting).toBe(1);
  open.close();
  expect(clock.waiting).toBe(0);
  open.later(BOB);
  expect(clock.waiting).toBe(0);
});
