import { expect, test } from 'vitest';
import { cutFiles } from '../harness/cut/file-cuts.ts';
import { namespaceHindrance, sweepNamespaces } from '../harness/cut/namespaces.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const TIMES = 12;
const FILES = 5;
const MIB = 1_048_576;
const hindrance = namespaceHindrance();
if (hindrance !== null) console.log(`files that are cut off: ${hindrance}`);
const folder = temporaryFolder();

/** `npm run bench -- resume` does it 100 times to 20 files */
test.skipIf(hindrance !== null)(
  `R-AD-07: files whose sender or receiver is killed or loses the network, ${TIMES} times in all, arrive whole, from where they were`,
  async () => {
    await sweepNamespaces();
    const report = await cutFiles(folder, { times: TIMES, files: FILES, sizes: [20 * MIB, 60 * MIB], rate: 200, seed: 7 });
    console.log(JSON.stringify(report));
    expect(report).toMatchObject({ whole: FILES, delivered: FILES, quarantined: 0, twice: [] });
    expect(report.resumes).toBeGreaterThan(0);
    expect(report.mostAgainAfterKill).toBeLessThanOrEqual(MIB);
  },
  900_000,
);
