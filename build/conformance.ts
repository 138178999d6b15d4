// Sets the requirements of the specification against the tests that named them and passed in the last `npm test`.
// `--json`: one object, id -> { status, tests, reason }.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { inRepository } from './entries.ts';
import { type Conformance, outcomesOf, type Requirement, standingsOf, type TestOutcome } from './lib/conformance.ts';
import type { VitestReport } from './lib/tally.ts';

const requirements: Requirement[] = JSON.parse(readFileSync(inRepository('test/conformance/requirements.json'), 'utf8'));
const outcomes = lastRun();
const conformance = standingsOf(requirements, outcomes);

if (process.argv.includes('--json')) console.log(JSON.stringify(Object.fromEntries(conformance.standings), null, 2));
else printTable(conformance);
for (const line of conformance.unknown) console.error(`unknown requirement: ${line}`);
if (outcomes.length === 0) console.error('No test reports in out/test: run `npm test` first.');
process.exitCode = conformance.unknown.length > 0 || outcomes.length === 0 ? 1 : 0;

function lastRun(): TestOutcome[] {
  const folder = inRepository('out/test');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => outcomesOf(JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as VitestReport));
}

function printTable({ standings }: Conformance): void {
  const statuses = ['proven', 'unproven', 'superseded'] as const;
  const row = (name: string, rows: readonly Requirement[]): string => {
    const count = (status: string): string => String(rows.filter(({ id }) => standings.get(id)?.status === status).length);
    return [name.padEnd(58), ...statuses.map((status) => count(status).padStart(10)), String(rows.length).padStart(7)].join(' ');
  };
  console.log(['section'.padEnd(58), ...statuses.map((status) => status.padStart(10)), 'rows'.padStart(7)].join(' '));
  for (const group of new Set(requirements.map((requirement) => requirement.group))) {
    console.log(
      row(
        group,
        requirements.filter((requirement) => requirement.group === group),
      ),
    );
  }
  console.log(row('all', requirements));
  console.log('\nunproven:');
  for (const { id, level, text } of requirements) {
    const standing = standings.get(id);
    if (standing?.status === 'unproven') console.log(`${id.padEnd(10)} ${level.padEnd(9)} ${standing.reason} -- ${text}`);
  }
}
