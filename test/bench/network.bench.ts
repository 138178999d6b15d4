import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchResult } from '../../build/lib/bench-result.ts';
import { CutNetwork } from '../harness/cut/cut-network.ts';
import { CUTS, type Cut, runCut } from '../harness/cut/cuts.ts';
import { namespaceHindrance, sweepNamespaces } from '../harness/cut/namespaces.ts';

/** networks side by side; the long cut has one alone */
const LANES: readonly { readonly mode: 'standalone' | 'session'; readonly cuts: readonly Cut[] }[] = [
  { mode: 'standalone', cuts: [CUTS.long] },
  { mode: 'standalone', cuts: [CUTS.brief, CUTS.cable, CUTS.address, CUTS.restart, CUTS.silent] },
  { mode: 'standalone', cuts: [CUTS.blackHole, CUTS.idleBlackHole, CUTS.slowNames, CUTS.failingNames, CUTS.silentNames] },
  { mode: 'session', cuts: [CUTS.brief, CUTS.cable, CUTS.address, CUTS.restart, CUTS.blackHole, CUTS.silent] },
];

/** The way to the server is cut in every way we know, while two real clients write to each other. Needs root on Linux. */
export async function run(): Promise<BenchResult[]> {
  const hindrance = namespaceHindrance();
  if (hindrance !== null) throw new Error(hindrance);
  await sweepNamespaces();
  const lanes = await Promise.all(
    LANES.map(async ({ mode, cuts }) => {
      const folder = await mkdtemp(join(tmpdir(), 'parley-cuts-'));
      const network = await CutNetwork.start(folder, mode);
      try {
        const results: BenchResult[] = [];
        for (const cut of cuts) {
          const { cut: name, lasted, untilConnected, ...report } = await runCut(network, cut);
          results.push({
            name: mode === 'session' ? `${name} (texts in a chat session)` : name,
            // 1: connected again in the moment in which that was possible; for a change without a length, against one second
            ratio: (lasted + (untilConnected ?? 0)) / Math.max(1, lasted),
            against: 'the length of the cut',
            figures: { lasted, untilConnected, ...report },
          });
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
