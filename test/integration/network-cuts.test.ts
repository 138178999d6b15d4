import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CutNetwork } from '../harness/cut/cut-network.ts';
import { CUTS, type Cut, type CutReport, runCut } from '../harness/cut/cuts.ts';
import { namespaceHindrance, sweepNamespaces } from '../harness/cut/namespaces.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const hindrance = namespaceHindrance();
if (hindrance !== null) console.log(`network cuts: ${hindrance}`);

/** two networks side by side, as most of the time is waiting */
const LANES = [
  { mode: 'standalone', cuts: [CUTS.brief, CUTS.cable, CUTS.blackHole] },
  { mode: 'session', cuts: [CUTS.restart, CUTS.address, CUTS.silent] },
] as const satisfies readonly { readonly cuts: readonly Cut[]; readonly mode: string }[];

describe.skipIf(hindrance !== null)('the way to the server is cut while both write', () => {
  const folders = LANES.map(() => temporaryFolder());
  const reports: CutReport[] = [];
  const networks: CutNetwork[] = [];

  beforeAll(async () => {
    await sweepNamespaces();
    await Promise.all(
      LANES.map(async ({ mode, cuts }, lane) => {
        const network = await CutNetwork.start(folders[lane] as string, mode);
        networks.push(network);
        for (const cut of cuts) reports.push(await runCut(network, cut));
      }),
    );
  }, 900_000);
  afterAll(async () => {
    console.log(reports.map((report) => JSON.stringify(report)).join('\n'));
    for (const network of networks) await network.stop();
  }, 60_000);

  const all = LANES.flatMap(({ mode, cuts }) => cuts.map((cut: Cut) => [cut.name, mode, cut] as const));
  test.each(all)('%s, texts in %s mode: nothing lost, nothing twice, in order, and said', (name, _, cut) => {
    const report = reports.find((one) => one.cut === name);
    expect(report).toMatchObject({ lost: 0, twice: 0, outOfOrder: 0 });
    expect(report?.written).toBeGreaterThan(4);
    if (!cut.mayPassUnnoticed) expect(report?.said).toMatch(/^link\./);
  });
});
