import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalAddress } from '../../../shared/model/address.ts';
import { anonymousKey, kindOfKey, listKey, listTitle } from '../../../shared/model/audience.ts';
import { type MessageStatus, nextMessageStatus } from '../../../shared/model/states/message-status.ts';
import { reachOf, summaryOf } from '../../../shared/model/states/reach.ts';

describe('an audience', () => {
  test('is named by its first two, and by the number of the others', () => {
    expect(['', 'Bob', 'Bob and Carol', 'Bob, Carol and Dave', 'Bob, Carol and 2 others']).toEqual(
      [[], ['Bob'], ['Bob', 'Carol'], ['Bob', 'Carol', 'Dave'], ['Bob', 'Carol', 'Dave', 'Erin']].map(listTitle),
    );
  });

  test('has a key that is never an address, and says what it stands for', () => {
    const keys = [listKey(['sip:b@x.example', 'sip:a@x.example']), anonymousKey(null), anonymousKey('sip:a@x.example')];
    expect(keys.map((key) => canonicalAddress(key))).toEqual([null, null, null]);
    expect(keys.map(kindOfKey)).toEqual(['list', 'anonymous', 'anonymous']);
    expect(kindOfKey('sip:a@x.example')).toBeNull();
    expect(keys[0]).toBe(listKey(['sip:a@x.example', 'sip:b@x.example', 'sip:a@x.example']));
  });
});

describe('the state of a message to several', () => {
  const events = ['accepted', 'delivered', 'displayed', 'failed'] as const;
  const rank: Partial<Record<MessageStatus, number>> = { queued: 0, sending: 1, sent: 3, delivered: 4, displayed: 5 };

  test('never goes back, whatever comes from whom in whatever order', () => {
    const step = fc.tuple(fc.nat(3), fc.constantFrom(...events));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.boolean(), fc.array(step, { maxLength: 30 }), (size, isGroup, steps) => {
        const statuses: MessageStatus[] = Array(size).fill('sent');
        let whole: MessageStatus = 'sent';
        for (const [at, event] of steps) {
          const one = at % size;
          statuses[one] = nextMessageStatus(statuses[one] ?? 'sent', event);
          const reach = reachOf(statuses, isGroup);
          const summary = summaryOf(reach);
          const next: MessageStatus = summary === null ? whole : nextMessageStatus(whole, summary);
          if (next !== 'failed' && whole !== 'failed') expect(rank[next] ?? 0).toBeGreaterThanOrEqual(rank[whole] ?? 0);
          expect(reach.displayed).toBeLessThanOrEqual(reach.delivered);
          whole = next;
        }
        const left = statuses.filter((status) => status !== 'failed');
        if (!isGroup && left.length > 0 && left.every((status) => status === 'displayed')) expect(whole).toBe('displayed');
        if (!isGroup && left.length === 0) expect(whole).toBe('failed');
        if (isGroup) expect(['sent', 'delivered']).toContain(whole);
      }),
    );
  });
});
