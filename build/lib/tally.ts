import { basename } from 'node:path';

/** Counts of a run, summed over suites. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The part of Vitest's JSON report that is read here. */
export interface VitestReport {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | undefined;
    }[];
  }[];
}

/** How one suite's process ended. `report` is undefined when it left none that can be read. */
export interface SuiteRun {
  readonly exitCode: number;
  readonly report: VitestReport | undefined;
}

export interface SuiteVerdict {
  readonly tally: Tally;
  /** one line each, for what the counts alone would not say */
  readonly problems: readonly string[];
}

export const nothing: Tally = { passed: 0, failed: 0, skipped: 0 };

export function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (total, one) => ({ passed: total.passed + one.passed, failed: total.failed + one.failed, skipped: total.skipped + one.skipped }),
    nothing,
  );
}

/** The line everything ends with. */
export function plainLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/**
 * What a suite's run is worth. A suite that crashed, ran nothing, or failed without a failed test counts one failure:
 * a verdict must never be better than what was seen.
 * @param skipsFail where everything can run, a skipped test is a failed one
 */
export function judge(run: SuiteRun, skipsFail: boolean): SuiteVerdict {
  const { report, exitCode } = run;
  if (report === undefined) return { tally: { ...nothing, failed: 1 }, problems: [`ended with ${exitCode} before it could report`] };
  const problems: string[] = [];
  const tally = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === 'passed') tally.passed++;
      else if (test.status === 'failed') {
        tally.failed++;
        problems.push(`failed: ${test.fullName} (${basename(file.name)}): ${firstLine(test.failureMessages?.[0])}`);
      } else {
        problems.push(`skipped: ${test.fullName}`);
        if (skipsFail) tally.failed++;
        else tally.skipped++;
      }
    }
    if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) {
      problems.push(`${file.name} failed outside of its tests: ${firstLine(file.message)}`);
      tally.failed++;
    }
  }
  if (tally.passed + tally.failed + tally.skipped === 0) {
    problems.push('ran nothing');
    tally.failed++;
  }
  if (tally.failed === 0 && (exitCode !== 0 || !report.success)) {
    problems.push(`ended with ${exitCode} although no test failed`);
    tally.failed++;
  }
  return { tally, problems };
}

function firstLine(text = ''): string {
  return text.split('\n', 1)[0] ?? '';
}
