import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchResult } from '../../build/lib/bench-result.ts';
import { killBoth } from '../harness/killing.ts';

const KILLS = Number(process.env['PARLEY_BENCH_KILLS'] ?? 200);
const MESSAGES = 1000;

/** SIGKILL at random moments of both ends while they write to each other. Not a speed: what must stand is in the figures, and the ratio is 1 when it does. */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  try {
    const { quickCheck, seconds, ...killed } = await killBoth(folder, {
      kills: KILLS,
      messages: MESSAGES,
      seed: 1 + Math.floor(Math.random() * 1e6),
    });
    const broken = killed.lost + killed.twice + killed.outOfOrder + killed.unreported + quickCheck.filter((said) => said !== 'ok').length;
    return [
      {
        name: `kills: ${KILLS} over both ends under load`,
        ratio: (2 * MESSAGES - broken) / (2 * MESSAGES),
        against: 'all messages there, once, in order, reported on, and both stores sound',
        figures: { ...killed, quick_check: quickCheck.join(', '), seconds: Math.round(seconds) },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
