import { describe, expect, test } from 'vitest';
import type { Link } from '../../../electron/services/context.ts';
import { proven } from '../../../electron/services/proof.ts';
import { ManualClock, settle } from '../../harness/manual-clock.ts';

function aLink() {
  let asked = 0;
  const link = { agent: { prove: () => void asked++ } } as unknown as Link;
  return { link, asked: () => asked };
}

describe('something that is not answered', () => {
  test('has the link asked for a sign of life every 3 s, until it is', async () => {
    const clock = new ManualClock();
    const { link, asked } = aLink();
    let answer: (text: string) => void = () => undefined;
    const done = proven(link, clock, new Promise<string>((resolve) => (answer = resolve)));
    await clock.advance(2_999);
    expect(asked()).toBe(0);
    await clock.advance(1);
    await clock.advance(6_000);
    expect(asked()).toBe(3);
    answer('yes');
    expect(await done).toBe('yes');
    await clock.advance(60_000);
    expect(asked()).toBe(3);
    expect(clock.waiting).toBe(0);
  });

  test('that fails is asked about no more either', async () => {
    const clock = new ManualClock();
    const { link } = aLink();
    await expect(proven(link, clock, Promise.reject(new Error('no')))).rejects.toThrow('no');
    await settle();
    expect(clock.waiting).toBe(0);
  });
});
