import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkFrame } from '../../../electron/msrp/chunk-frame.ts';
import { IdTable } from '../../../electron/msrp/id-table.ts';

const id = fc.constantFrom('', 'a', 'b', '1', '01', '001', 'z-00000001', 'y-00000001', 'x-00000001', 'w-00000002', 'ü');
const step = fc.tuple(fc.constantFrom('add' as const, 'take' as const, 'clear' as const), fc.oneof(id, fc.string({ maxLength: 3 })));

describe('what is kept by id', () => {
  it('ids that come and go are found as in a Map, also those that share their place', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const table = new IdTable<{ readonly n: number }>();
        const map = new Map<string, { readonly n: number }>();
        for (const [n, [what, key]] of steps.entries()) {
          if (what === 'add' && !map.has(key)) {
            const value = { n };
            table.add(key, value);
            map.set(key, value);
          } else if (what === 'take') {
            expect(table.take(key)).toBe(map.get(key) ?? null);
            map.delete(key);
          } else if (what === 'clear' && n % 50 === 0) {
            table.clear();
            map.clear();
          }
          expect(table.get(key)).toBe(map.get(key) ?? null);
          expect(table.size).toBe(map.size);
        }
        for (const [key, value] of map) expect(table.get(key)).toBe(value);
        expect(table.values().toSorted((a, b) => a.n - b.n)).toEqual([...map.values()].toSorted((a, b) => a.n - b.n));
      }),
      { numRuns: 200 },
    );
  });
  it('hundreds of ids are found again after the table has grown', () => {
    const table = new IdTable<number>();
    for (let n = 0; n < 1000; n++) table.add(`message-${n}`, n);
    for (let n = 0; n < 1000; n += 3) expect(table.take(`message-${n}`)).toBe(n);
    for (let n = 0; n < 1000; n++) expect(table.get(`message-${n}`)).toBe(n % 3 === 0 ? null : n);
  });
});

describe('what stands around a chunk', () => {
  it('is what it would be if it were written anew each time', () => {
    const id = fc.stringMatching(/^[a-z0-9]{13,15}$/);
    const position = fc.oneof(fc.nat({ max: 12 }), fc.maxSafeNat());
    const orNull = fc.option(position);
    fc.assert(
      fc.property(fc.array(fc.tuple(id, position, orNull, orNull, fc.constantFrom('+' as const, '$' as const, '#' as const))), (chunks) => {
        const frame = new ChunkFrame(' SEND\r\nX: é\r\nByte-Range: ', '\r\n\r\n');
        for (const [own, start, end, total, flag] of chunks) {
          const head = frame.head(own, start, end, total).toString();
          expect(head).toBe(`MSRP ${own} SEND\r\nX: é\r\nByte-Range: ${start}-${end ?? '*'}/${total ?? '*'}\r\n\r\n`);
          expect(frame.tail(own, flag).toString()).toBe(`\r\n-------${own}${flag}\r\n`);
        }
      }),
    );
  });
});
