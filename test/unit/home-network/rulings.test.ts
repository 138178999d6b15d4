import { expect, test } from 'vitest';
import { DEFAULT_POLICY, DEFAULT_PREFERENCES, type Rules, rulingOf } from '../../../electron/home-network/rules/rules.ts';

test('R-PF-05: what the operator says comes before what the user wants, and that before the default', () => {
  expect(rulingOf(DEFAULT_POLICY, {})).toMatchObject(DEFAULT_PREFERENCES);
  expect(rulingOf(DEFAULT_POLICY, { delivery: 'pull', recording: true })).toMatchObject({ delivery: 'pull', recording: true });
  const policy = { ...DEFAULT_POLICY, force: { delivery: 'push' } as const };
  const rules: Pick<Rules, 'of'> = { of: () => rulingOf(policy, { delivery: 'pull', recording: true }) };
  expect(rules.of({ user: 'bob', password: 'secret', displayName: 'Bob' })).toMatchObject({ delivery: 'push', recording: true });
});
