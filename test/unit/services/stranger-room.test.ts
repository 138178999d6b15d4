import { describe, expect, test } from 'vitest';
import { NoRoom, type Room, StrangerRoom } from '../../../electron/services/stranger-room.ts';
import { Bucket, Buckets } from '../../../shared/base/bucket.ts';
import { ManualClock } from '../../harness/manual-clock.ts';

const room = (texts: number, octets: number): Room => ({
  texts: { burst: texts, perSecond: 1 },
  octets: { burst: octets, perSecond: 10 },
});
const MALLORY = ['sip:mallory@example.com'];

describe('what strangers may have stored', () => {
  test('so many texts, so many octets, and after a while some more', async () => {
    const clock = new ManualClock();
    const strangers = new StrangerRoom(() => false, clock, room(3, 100), room(1000, 1000));
    for (let count = 0; count < 3; count++) strangers.take(MALLORY, 10);
    expect(() => strangers.take(MALLORY, 10)).toThrow(NoRoom);
    expect(strangers.has(MALLORY, 0)).toBe(false);
    await clock.advance(2000);
    expect(strangers.has(MALLORY, 0)).toBe(true);
    expect(() => strangers.take(MALLORY, 91)).toThrow(NoRoom);
    strangers.take(MALLORY, 90);
    expect(strangers.has(MALLORY, 1)).toBe(false);
  });

  test('what is refused is not counted against anybody', () => {
    const strangers = new StrangerRoom(() => false, new ManualClock(), room(5, 50), room(6, 1000));
    for (let count = 0; count < 100; count++) expect(() => strangers.take(MALLORY, 51)).toThrow(NoRoom);
    for (let count = 0; count < 5; count++) strangers.take(MALLORY, 10);
  });

  test('many names are one measure', () => {
    const strangers = new StrangerRoom(() => false, new ManualClock(), room(3, 100), room(10, 1000));
    const taken = Array.from({ length: 2000 }, (_, at) => `sip:m${at}@example.com`).filter((name) => {
      if (!strangers.has([name], 1)) return false;
      strangers.take([name], 1);
      return true;
    });
    expect(taken).toHaveLength(10);
  });

  test('somebody the person writes with is not measured, by whichever of their addresses', () => {
    const strangers = new StrangerRoom((address) => address === 'tel:+15550100', new ManualClock(), room(1, 1), room(1, 1));
    for (let count = 0; count < 100; count++) strangers.take(['sip:bob@example.com', 'tel:+15550100'], 1000);
    strangers.take(MALLORY, 1);
    expect(strangers.has(['sip:bob@example.com', 'tel:+15550100'], 1000)).toBe(true);
  });
});

describe('buckets', () => {
  test('a clock that is set back neither fills nor empties', () => {
    const bucket = new Bucket({ burst: 2, perSecond: 1 }, 10_000);
    expect([bucket.take(10_000), bucket.take(0), bucket.take(0)]).toEqual([true, true, false]);
    expect(bucket.take(1000)).toBe(true);
  });

  test('who was not heard of for longest is forgotten first', () => {
    const buckets = new Buckets(2);
    const budget = { burst: 1, perSecond: 0 };
    const [a, b] = [buckets.of('a', budget, 0), buckets.of('b', budget, 0)];
    expect(buckets.of('a', budget, 0)).toBe(a);
    buckets.of('c', budget, 0);
    expect(buckets.of('a', budget, 0)).toBe(a);
    expect(buckets.of('b', budget, 0)).not.toBe(b);
  });
});
