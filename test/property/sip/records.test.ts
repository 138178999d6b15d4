import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NaptrRecord, SrvRecord } from '../../../electron/sip/port.ts';
import { orderNaptr, orderServers } from '../../../electron/sip/transport/records.ts';

const server = fc.record({
  priority: fc.integer({ min: 0, max: 3 }),
  weight: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 65_535 })),
  port: fc.integer({ min: 1, max: 65_535 }),
  name: fc.domain(),
});
const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the order of SRV records (RFC 2782)', () => {
  test('each is tried once, none of a higher number before one of a lower', () => {
    fc.assert(
      fc.property(fc.array(server, { maxLength: 12 }), fc.infiniteStream(fraction), (records, randoms) => {
        const ordered = orderServers(records, () => randoms.next().value as number);
        expect(new Set(ordered)).toEqual(new Set(records));
        expect(ordered).toHaveLength(records.length);
        expect(ordered.map(({ priority }) => priority)).toEqual(records.map(({ priority }) => priority).sort((one, other) => one - other));
      }),
    );
  });

  test('the order in which the name service gave them does not matter', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(server, { maxLength: 8, selector: ({ priority, weight }) => `${priority} ${weight}` }),
        fraction,
        (records, random) => {
          expect(orderServers([...records].reverse(), () => random)).toEqual(orderServers(records, () => random));
        },
      ),
    );
  });

  test('the first is drawn by weight exactly, weight 0 with the chance of 1 in the sum plus 1', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 5 }), (weights) => {
        const records = weights.map((weight, at): SrvRecord => ({ priority: 1, weight, port: 5060 + at, name: 'a.example' }));
        const sum = weights.reduce((total, weight) => total + weight, 0);
        const drawn = new Map<number, number>();
        for (let step = 0; step <= sum; step++) {
          const first = orderServers(records, () => (step + 0.5) / (sum + 1))[0] as SrvRecord;
          drawn.set(first.weight, (drawn.get(first.weight) ?? 0) + 1);
        }
        const smallest = Math.min(...weights);
        for (const weight of new Set(weights)) {
          const share = weight * weights.filter((other) => other === weight).length;
          expect(drawn.get(weight) ?? 0).toBe(share + (weight === smallest ? 1 : 0));
        }
      }),
    );
  });
});

describe('the order of NAPTR records (RFC 3263 section 4.1)', () => {
  const naptr = fc.record({
    order: fc.integer({ min: 0, max: 3 }),
    preference: fc.integer({ min: 0, max: 3 }),
    flags: fc.constantFrom('s', 'S', 'a', 'u', ''),
    service: fc.constantFrom('SIP+D2T', 'sips+d2t', 'SIPS+D2T', 'SIPS+D2W', 'E2U+sip'),
    regexp: fc.constantFrom('', '!^.*$!sip:x@y!'),
    replacement: fc.domain(),
  });

  test('only records of the service that say where to go on, of the lowest order, by preference', () => {
    fc.assert(
      fc.property(fc.array(naptr, { maxLength: 10 }), (records: NaptrRecord[]) => {
        const steps = orderNaptr(records, 'SIPS+D2T');
        const usable = records.filter(
          ({ service, flags, regexp }) => /^sips\+d2t$/i.test(service) && /^[sa]$/i.test(flags) && regexp === '',
        );
        const lowest = Math.min(...usable.map(({ order }) => order));
        const expected = usable.filter(({ order }) => order === lowest);
        expect(steps.map(({ name }) => name).sort()).toEqual(expected.map(({ replacement }) => replacement).sort());
        const preferences = steps.map((step) =>
          Math.min(...expected.filter(({ replacement }) => replacement === step.name).map(({ preference }) => preference)),
        );
        expect(preferences).toEqual([...preferences].sort((one, other) => one - other));
      }),
    );
  });
});
