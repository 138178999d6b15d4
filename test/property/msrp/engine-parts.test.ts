import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Answers } from '../../../electron/msrp/answers.ts';
import { ChunkFrame } from '../../../electron/msrp/chunk-frame.ts';

describe('who waits for which answer', () => {
  it('is what a Map would say, however many come and go', () => {
    const ids = fc.stringMatching(/^[ab]{3,10}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), ids), { maxLength: 400 }), (steps) => {
        const answers = new Answers();
        const model = new Map<string, { answered: () => void }>();
        for (const [isNew, id] of steps) {
          if (isNew && !model.has(id)) {
            const taker = { answered: () => {} };
            answers.expect(id, taker);
            model.set(id, taker);
          } else {
            expect(answers.take(id)).toBe(model.get(id) ?? null);
            model.delete(id);
          }
        }
        for (const [id, taker] of model) expect(answers.take(id)).toBe(taker);
      }),
    );
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
