import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitted, moved, zoomed } from '../../../renderer/features/files/image-zoom.ts';

const stage = { width: 1000, height: 500 };

describe('an image in the viewer', () => {
  it('fits as a whole, and is never made larger by that', () => {
    expect(fitted({ width: 4000, height: 1000 }, stage)).toEqual({ scale: 0.25, x: 0, y: 0 });
    expect(fitted({ width: 100, height: 100 }, stage).scale).toBe(1);
    expect(fitted({ width: 0, height: 0 }, stage).scale).toBe(1);
  });

  it('keeps what is below the pointer there while it grows', () => {
    const image = { width: 4000, height: 4000 };
    const before = { scale: 1, x: 0, y: 0 };
    const at = { x: 200, y: -100 };
    const after = zoomed(before, 2, image, stage, at);
    expect((at.x - after.x) / after.scale).toBeCloseTo(at.x);
    expect((at.y - after.y) / after.scale).toBeCloseTo(at.y);
  });

  it('never leaves the stage by more than its edges, never grows past eight times nor shrinks below what fits', () => {
    const size = fc.integer({ min: 1, max: 20_000 });
    const step = fc.record({ factor: fc.double({ min: 0.05, max: 20, noNaN: true }), x: fc.integer(), y: fc.integer() });
    fc.assert(
      fc.property(size, size, fc.array(step, { maxLength: 8 }), (width, height, steps) => {
        const image = { width, height };
        let zoom = fitted(image, stage);
        for (const { factor, x, y } of steps) {
          zoom = moved(zoomed(zoom, factor, image, stage, { x: x % 500, y: y % 250 }), { x, y }, image, stage);
          expect(zoom.scale).toBeLessThanOrEqual(8);
          expect(zoom.scale).toBeGreaterThanOrEqual(fitted(image, stage).scale);
          expect(Math.abs(zoom.x)).toBeLessThanOrEqual(Math.max(0, (width * zoom.scale - stage.width) / 2));
          expect(Math.abs(zoom.y)).toBeLessThanOrEqual(Math.max(0, (height * zoom.scale - stage.height) / 2));
        }
      }),
    );
  });
});
