import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchResult } from '../../build/lib/bench-result.ts';
import { killDeferral } from '../harness/deferral-kills.ts';

const KILLS = Number(process.env['PARLEY_BENCH_KILLS'] ?? 200);

/** SIGKILL of the home network at random moments while it defers and delivers. Not a speed: the ratio is 1 when nothing is lost or comes twice. */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  try {
    const killed = await killDeferral(folder, { kills: KILLS, seed: 1 + Math.floor(Math.random() * 1e6) });
    const { accepted, lost, twice, quickCheck } = killed;
    return [
      {
        name: `deferral: ${KILLS} kills of the home network`,
        ratio: (accepted - lost - twice) / accepted,
        against: 'all that was accepted there, once, and a sound database',
        figures: { ...killed, quickCheck },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
