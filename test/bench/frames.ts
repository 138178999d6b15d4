import type { Page } from 'playwright-core';

/** ms between frames while that goes on */
export async function framesOf(page: Page, meanwhile: () => Promise<unknown>): Promise<number[]> {
  await page.evaluate(() => {
    const holder = globalThis as unknown as { frameTimes: number[] };
    const times: number[] = [];
    let last = performance.now();
    const next = (now: number): void => {
      times.push(now - last);
      last = now;
      if (holder.frameTimes === times) requestAnimationFrame(next);
    };
    holder.frameTimes = times;
    requestAnimationFrame(next);
  });
  await meanwhile();
  return page.evaluate(() => {
    const holder = globalThis as unknown as { frameTimes: number[] };
    const times = holder.frameTimes;
    holder.frameTimes = [];
    return times.slice(1);
  });
}

/** rounded to a tenth */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) * 10) / 10;
}
