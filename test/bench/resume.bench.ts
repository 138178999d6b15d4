import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchResult, target } from '../../build/lib/bench-result.ts';
import { cutFiles } from '../harness/cut/file-cuts.ts';
import { namespaceHindrance, sweepNamespaces } from '../harness/cut/namespaces.ts';

/** disturbances; more than 50 take longer than 300 s */
const TIMES = Number(process.env['PARLEY_BENCH_CUTS'] ?? 50);
const SEED = Number(process.env['PARLEY_BENCH_SEED'] ?? 0);
const FILES = 20;
const MIB = 1_048_576;

/** Files that are cut off at random moments, at either end. Not a speed: the ratio is 1 when every file arrives whole. */
export async function run(): Promise<BenchResult[]> {
  const hindrance = namespaceHindrance();
  if (hindrance !== null) throw new Error(hindrance);
  await sweepNamespaces();
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  try {
    const seed = SEED || 1 + Math.floor(Math.random() * 1e6);
    const { disturbances, mostAgain, mostAgainAfterKill, again, octets, twice, unfinished, ...report } = await cutFiles(folder, {
      times: TIMES,
      files: FILES,
      sizes: [30 * MIB, 90 * MIB],
      rate: 200,
      seed,
    });
    return [
      {
        name: `resume: ${FILES} files, cut off ${TIMES} times at either end`,
        ratio: report.whole / FILES,
        against: 'all files at the receiver octet for octet',
        // most sent again at once
        target: target(mostAgain / MIB, 'at most', 1, 'MiB'),
        figures: {
          ...disturbances,
          ...report,
          'MiB in all': Math.round(octets / MIB),
          'MiB sent again': Math.round((again / MIB) * 100) / 100,
          unfinished: unfinished.join(', '),
          twice: twice.join(', '),
          'MiB sent again after a kill, most at once': Math.round((mostAgainAfterKill / MIB) * 100) / 100,
          'MiB sent again, most at once': Math.round((mostAgain / MIB) * 100) / 100,
          seed,
        },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
