import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchResult, target } from '../../build/lib/bench-result.ts';
import { killDeferral } from '../harness/deferral-kills.ts';

const KILLS = Number(process.env['PARLEY_BENCH_KILLS'] ?? 200);
/** another one, another run: parts of the whole are told apart by it */
const SEED = Number(process.env['PARLEY_BENCH_SEED'] ?? 1 + Math.floor(Math.random() * 1e6));
/** after which no further life begins */
const WITHIN = 900_000;

/** SIGKILL of the home network at random moments while it defers and delivers. Not a speed: the ratio is 1 when nothing is lost or shown twice. */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  try {
    const killed = await killDeferral(folder, { kills: KILLS, seed: SEED, within: WITHIN });
    const { kills, accepted, lost, shownTwice, repeatedAlive, left, missing, quickCheck } = killed;
    const broken = lost + shownTwice + repeatedAlive + left.length + (quickCheck === 'ok' ? 0 : 1);
    return [
      {
        name: `deferral: ${kills} kills of the home network`,
        ratio: (accepted - broken) / accepted,
        against: 'all that was accepted in the client, once, nothing of it left behind, and a sound database',
        figures: { ...killed, seed: SEED, left: left.length, missing: missing.join(', ') },
        target: target(lost + shownTwice, 'at most', 0, 'lost or shown twice'),
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
