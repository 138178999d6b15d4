import { describe, expect, it } from 'vitest';
import { judge, plainLine, sum, type VitestReport } from '../../../build/lib/tally.ts';

function report(statuses: string[], overrides: { success?: boolean; fileStatus?: string; message?: string } = {}): VitestReport {
  const failed = statuses.includes('failed');
  return {
    success: overrides.success ?? !failed,
    testResults: [
      {
        name: '/somewhere/test/unit/x.test.ts',
        status: overrides.fileStatus ?? (failed ? 'failed' : 'passed'),
        message: overrides.message ?? '',
        assertionResults: statuses.map((status, index) => ({ fullName: `test ${index}`, status })),
      },
    ],
  };
}

describe('judge', () => {
  it('counts passed, failed, and everything else as skipped', () => {
    const { tally } = judge({ exitCode: 1, report: report(['passed', 'passed', 'failed', 'pending', 'skipped', 'todo']) }, false);
    expect(tally).toEqual({ passed: 2, failed: 1, skipped: 3 });
  });

  it('names what failed, and how', () => {
    const { testResults, ...rest } = report(['passed', 'failed']);
    const failing = testResults.map((file) => ({
      ...file,
      assertionResults: file.assertionResults.map((test) => ({ ...test, failureMessages: ['Error: not so\n    at a line'] })),
    }));
    expect(judge({ exitCode: 1, report: { ...rest, testResults: failing } }, false).problems).toEqual([
      'failed: test 1 (x.test.ts): Error: not so',
    ]);
  });

  it('counts skipped tests as failed where everything can run, and names them', () => {
    const { tally, problems } = judge({ exitCode: 0, report: report(['passed', 'skipped']) }, true);
    expect(tally).toEqual({ passed: 1, failed: 1, skipped: 0 });
    expect(problems).toEqual(['skipped: test 1']);
  });

  it('makes a suite that left no report a failure', () => {
    expect(judge({ exitCode: 0, report: undefined }, false).tally).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it('makes a suite that ran nothing a failure', () => {
    const { tally, problems } = judge({ exitCode: 0, report: { success: true, testResults: [] } }, false);
    expect(tally.failed).toBe(1);
    expect(problems).toEqual(['ran nothing']);
  });

  it('counts a file that failed to load, although none of its tests ran', () => {
    const broken = report(['passed'], { success: false, fileStatus: 'failed', message: 'Error: no such import\n at line' });
    const { tally, problems } = judge({ exitCode: 1, report: broken }, false);
    expect(tally).toEqual({ passed: 1, failed: 1, skipped: 0 });
    expect(problems[0]).toContain('no such import');
  });

  it.each([
    { exitCode: 1, success: true },
    { exitCode: 0, success: false },
  ])('is a failure when the run says so without a failed test: %o', ({ exitCode, success }) => {
    expect(judge({ exitCode, report: report(['passed'], { success }) }, false).tally).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });

  it('passes a clean run', () => {
    expect(judge({ exitCode: 0, report: report(['passed']) }, true)).toEqual({
      tally: { passed: 1, failed: 0, skipped: 0 },
      problems: [],
    });
  });
});

describe('the last line', () => {
  it('sums suites', () => {
    const total = sum([
      { passed: 2, failed: 0, skipped: 1 },
      { passed: 3, failed: 4, skipped: 0 },
    ]);
    expect(plainLine(total)).toBe('5 passed, 4 failed, 1 skipped');
  });

  it('is there for no suite at all', () => {
    expect(plainLine(sum([]))).toBe('0 passed, 0 failed, 0 skipped');
  });
});
