import type { VitestReport } from './tally.ts';

/** A row of `test/conformance/requirements.json`. */
export interface Requirement {
  readonly id: string;
  /** the specification's section the row was read in, like `7.2.1(2)` */
  readonly section: string;
  /** the heading it stands under, like `Registration (client)` */
  readonly group: string;
  readonly text: string;
  readonly level: string;
  readonly who: string;
  readonly check: string;
  /** whether the check looks at traffic: then only a test that looks at captured traffic proves it */
  readonly wire: boolean;
}

export interface Standing {
  readonly status: 'proven' | 'unproven' | 'superseded';
  /** the passed tests that name the row, as `folder/file > name` */
  readonly tests: readonly string[];
  readonly reason: string;
}

/** One test of the last run. */
export interface TestOutcome {
  /** path below `test/`, with `/` */
  readonly file: string;
  readonly name: string;
  readonly passed: boolean;
}

export interface Conformance {
  readonly standings: ReadonlyMap<string, Standing>;
  /** ids that tests name and no row has, each with the test */
  readonly unknown: readonly string[];
}

const idPattern = /\bR-[A-Z][A-Z0-9]*-\d+\b/g;
const wireFolder = 'wire/';

export function outcomesOf(report: VitestReport): TestOutcome[] {
  return report.testResults.flatMap((file) =>
    file.assertionResults.map((test) => ({
      file: file.name.replaceAll('\\', '/').replace(/^.*\/test\//, ''),
      name: test.fullName,
      passed: test.status === 'passed',
    })),
  );
}

/** Sets every requirement against the tests that name it. A failed or skipped test that names a row leaves it unproven. */
export function standingsOf(requirements: readonly Requirement[], outcomes: readonly TestOutcome[]): Conformance {
  const named = new Map<string, TestOutcome[]>(requirements.map((row) => [row.id, []]));
  const unknown: string[] = [];
  for (const outcome of outcomes) {
    for (const id of new Set(outcome.name.match(idPattern))) {
      const list = named.get(id);
      if (list === undefined) unknown.push(`${id} in ${outcome.file} > ${outcome.name}`);
      else list.push(outcome);
    }
  }
  return { standings: new Map(requirements.map((row) => [row.id, standingOf(row, named.get(row.id) ?? [])])), unknown };
}

function standingOf(row: Requirement, outcomes: readonly TestOutcome[]): Standing {
  const title = (outcome: TestOutcome): string => `${outcome.file} > ${outcome.name}`;
  const tests = outcomes.filter((outcome) => outcome.passed).map(title);
  const superseded = /superseded(?: by [^;]*|:[^;)]*)/.exec(`${row.check}; ${row.text}`);
  if (superseded !== null) return { status: 'superseded', tests, reason: superseded[0].trim() };
  const unproven = (reason: string): Standing => ({ status: 'unproven', tests, reason });
  const notPassed = outcomes.find((outcome) => !outcome.passed);
  if (notPassed !== undefined) return unproven(`did not pass: ${title(notPassed)}`);
  if (tests.length === 0) return unproven('no test names it');
  const looksAtTraffic = outcomes.some((outcome) => outcome.file.startsWith(wireFolder));
  if (row.wire && !looksAtTraffic) return unproven(`observable on the wire, and no test in test/${wireFolder} names it`);
  return { status: 'proven', tests, reason: row.wire ? 'seen in captured traffic' : 'a test that names it passed' };
}
