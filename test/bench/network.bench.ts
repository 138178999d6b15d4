import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchResult } from '../../build/lib/bench-result.ts';
import { CutNetwork } from '../harness/cut/cut-network.ts';
import { CUTS, type Cut, runCut } from '../harness/cut/cuts.ts';
import { namespaceHindrance, sweepNamespaces } from '../harness/cut/namespaces.ts';

/** networks side by side; the long cut has one alone */
const LANES: readonly (readonly Cut[])[] = [
  [CUTS.long],
  [CUTS.brief, CUTS.cable, CUTS.address, CUTS.restart, CUTS.silent],
  [CUTS.blackHole, CUTS.idleBlackHole, CUTS.slowNames, CUTS.failingNames, CUTS.silentNames],
];

/** The way to the server is cut in every way we know, while two real clients write to each other. Needs root on Linux. */
export async function run(): Promise<BenchResult[]> {
  const hindrance = namespaceHindrance();
  if (hindrance !== null) throw new Error(hindrance);
  await sweepNamespaces();
  const lanes = await Promise.all(
    LANES.map(async (cuts) => {
      const folder = await mkdtemp(join(tmpdir(), 'parley-cuts-'));
      const network = await CutNetwork.start(folder);
      try {
        const results: BenchResult[] = [];
        for (const cut of cuts) {
          const { lasted, untilConnected, ...report } = await runCut(network, cut);
          results.push({
            name: cut.name,
            // 1: connected again in the moment in which that was possible; for a change without a length, against one second
            ratio: (lasted + (untilConnected ?? 0)) / Math.max(1, lasted),
            against: 'the length of the cut',
            figures: { lasted, untilConnected, ...report },
          });
          console.error(JSON.stringify(results.at(-1)));
        }
        return results;
      } finally {
        await network.stop();
        await rm(folder, { recursive: true, force: true });
      }
    }),
  );
  return lanes.flat();
}
