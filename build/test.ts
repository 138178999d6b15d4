// The verdict: static checks, then every suite of test/, fast to slow, summed into one plain last line.
// Arguments name suites to run alone (`npm test -- unit e2e`); `lint` names the static checks.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { inRepository } from './entries.ts';
import { checkLine, runChecks } from './lib/checks.ts';
import { suitesIn } from './lib/suites.ts';
import { judge, plainLine, type SuiteVerdict, sum, type VitestReport } from './lib/tally.ts';

const reports = inRepository('out/test');
const wanted = process.argv.slice(2);
// A suite that hangs is ended; it then counts as crashed.
const patience = 30 * 60_000;
// Where a machine is known to have everything, a skipped test hides something.
const skipsFail = process.env.CI === 'true' && existsSync('/etc/debian_version');

async function staticChecks(): Promise<SuiteVerdict> {
  const results = await runChecks(undefined, (result) => {
    if (!result.ok) console.log(result.output);
    console.log(checkLine(result));
  });
  const failures = results.filter((result) => !result.ok);
  return {
    tally: { passed: results.length - failures.length, failed: failures.length, skipped: 0 },
    problems: failures.map((result) => `failed: ${result.name}`),
  };
}

async function runSuite(suite: string): Promise<SuiteVerdict> {
  const file = `${reports}/${suite}.json`;
  const command = [
    inRepository('node_modules/vitest/vitest.mjs'),
    ...['run', '--config', inRepository('build/vitest.config.ts')],
    ...['--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    ...['--passWithNoTests', `test/${suite}/`],
  ];
  const exitCode = await new Promise<number>((resolve) => {
    const child = spawn(process.execPath, command, { cwd: inRepository('.'), stdio: ['ignore', 'inherit', 'inherit'], timeout: patience });
    child.on('error', (error) => {
      console.log(`${process.execPath} cannot be run: ${error.message}`);
      resolve(127);
    });
    child.on('close', (code) => resolve(code ?? 1));
  });
  return judge({ exitCode, report: readReport(file) }, skipsFail);
}

function readReport(file: string): VitestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
  } catch {
    return undefined;
  }
}

function runtimes(): string {
  const tshark = spawnSync('tshark', ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? 'no tshark';
  return `Node ${process.versions.node}; ${process.env.PARLEY_ELECTRON_ORIGIN ?? 'no Electron: windows cannot be tested here'}; ${tshark}`;
}

const suites = suitesIn(inRepository('test'));
const unknown = wanted.filter((name) => name !== 'lint' && !suites.includes(name));
if (unknown.length > 0) {
  console.error(`No such suite: ${unknown.join(', ')}. There are: lint, ${suites.join(', ')}`);
  process.exit(64);
}
const chosen = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

if (wanted.length === 0) rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });
console.log(runtimes());
const verdicts: { name: string; verdict: SuiteVerdict; seconds: number }[] = [];
const record = async (name: string, work: () => Promise<SuiteVerdict>): Promise<void> => {
  console.log(`\n== ${name}`);
  rmSync(`${reports}/${name}.json`, { force: true });
  const started = performance.now();
  verdicts.push({ name, verdict: await work(), seconds: (performance.now() - started) / 1000 });
};
if (chosen('lint')) await record('lint', staticChecks);
for (const suite of suites) if (chosen(suite)) await record(suite, () => runSuite(suite));

console.log(`\n== verdict (${runtimes()})`);
for (const { name, verdict, seconds } of verdicts) {
  console.log(`${name.padEnd(12)} ${plainLine(verdict.tally)} (${seconds.toFixed(0)} s)`);
  for (const problem of verdict.problems) console.log(`             ${problem}`);
}
const total = sum(verdicts.map(({ verdict }) => verdict.tally));
if (skipsFail) console.log('skipped tests count as failed here');
writeFileSync(`${reports}/summary.txt`, `${plainLine(total)}\n`);
console.log(plainLine(total));
process.exitCode = total.failed === 0 ? 0 : 1;
