import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CutNetwork } from '../harness/cut/cut-network.ts';
import { CUTS, type Cut, type CutReport, runCut } from '../harness/cut/cuts.ts';
import { namespaceHindrance, sweepNamespaces } from '../harness/cut/namespaces.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const hindrance = namespaceHindrance();
if (hindrance !== null) console.log(`network cuts: ${hindrance}`);

/** two networks side by side, as most of the time is waiting */
const LANES: readonly (readonly Cut[])[] = [
  [CUTS.brief, CUTS.cable, CUTS.address],
  [CUTS.restart, CUTS.blackHole, CUTS.silent],
];

describe.skipIf(hindrance !== null)('the way to the server is cut while both write', () => {
  const folders = LANES.map(() => temporaryFolder());
  const reports: CutReport[] = [];
  const networks: CutNetwork[] = [];

  beforeAll(async () => {
    await sweepNamespaces();
    await Promise.all(
      LANES.map(async (cuts, lane) => {
        const network = await CutNetwork.start(folders[lane] as string);
        networks.push(network);
        for (const cut of cuts) reports.push(await runCut(network, cut));
      }),
    );
  }, 900_000);
  afterAll(async () => {
    console.log(reports.map((report) => JSON.stringify(report)).join('\n'));
    for (const network of networks) await network.stop();
  }, 60_000);

  test.each(LANES.flat().map((cut) => [cut.name, cut] as const))('%s: nothing lost, nothing twice, in order, and said', (name, cut) => {
    const report = reports.find((one) => one.cut === name);
    expect(report).toMatchObject({ lost: 0, twice: 0, outOfOrder: 0 });
    expect(report?.written).toBeGreaterThan(4);
    if (!cut.mayPassUnnoticed) expect(report?.said).toMatch(/^link\./);
  });
});
