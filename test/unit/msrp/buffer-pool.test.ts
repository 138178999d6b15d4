import { describe, expect, it } from 'vitest';
import { BufferPool } from '../../../electron/msrp/buffer-pool.ts';

describe('buffers of many transfers', () => {
  it('says when as many are in use as should be, gives them out again, and keeps few once nobody has any', () => {
    const pool = new BufferPool(16, 3, 1);
    const first = [pool.take(), pool.take(), pool.take()];
    expect(pool.hasRoom).toBe(false);
    const beyond = pool.take();
    expect(new Set([...first, beyond]).size).toBe(4);
    for (const buffer of first.slice(0, 2)) pool.give(buffer);
    expect(pool.hasRoom).toBe(true);
    expect(first).toContain(pool.take());
    for (const buffer of [first[2], first[1], beyond]) pool.give(buffer as Buffer);
    const again = [pool.take(), pool.take()];
    expect(again.filter((buffer) => [...first, beyond].includes(buffer))).toHaveLength(1);
  });
});
