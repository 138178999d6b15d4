import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { inRepository } from '../entries.ts';

/** One static check: a tool of node_modules with its arguments. */
interface Check {
  readonly name: string;
  readonly kind: 'lint' | 'types';
  /** a package's script, run by this Node */
  readonly script: string;
  readonly args: readonly string[];
}

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  readonly output: string;
  readonly seconds: number;
}

const layers = ['shared', 'electron', 'renderer', 'build', 'test'];

function types(project: string): Check {
  return { name: `types of ${project}/`, kind: 'types', script: 'typescript/bin/tsc', args: ['-p', `${project}/tsconfig.json`] };
}

const checks: readonly Check[] = [
  {
    name: 'format and lint (biome)',
    kind: 'lint',
    script: '@biomejs/biome/bin/biome',
    args: ['check', '--config-path=build/format-and-lint.json', '--error-on-warnings', '--max-diagnostics=100', '.'],
  },
  {
    name: 'the one arrow (dependency-cruiser)',
    kind: 'lint',
    script: 'dependency-cruiser/bin/dependency-cruiser.mjs',
    args: ['--config', 'build/dependency-cruiser.mjs', '--output-type', 'err-long', ...layers],
  },
  { name: 'nothing unused (knip)', kind: 'lint', script: 'knip/bin/knip.js', args: ['--config', 'build/knip.json', '--no-progress'] },
  ...layers.filter((layer) => layer !== 'renderer').map(types),
  {
    name: 'types of renderer/ (svelte-check)',
    kind: 'types',
    script: 'svelte-check/bin/svelte-check',
    args: ['--workspace', 'renderer', '--tsconfig', 'tsconfig.json', '--fail-on-warnings', '--output', 'human-verbose'],
  },
];

/** Runs the checks two at a time, in their order of listing; `report` is called as each ends. */
export async function runChecks(kind: Check['kind'] | undefined, report: (result: CheckResult) => void): Promise<CheckResult[]> {
  const waiting = checks.filter((check) => kind === undefined || check.kind === kind);
  const results: CheckResult[] = [];
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const result = await runCheck(check);
      results.push(result);
      report(result);
    }
  };
  await Promise.all([worker(), worker()]);
  return results;
}

function runCheck(check: Check): Promise<CheckResult> {
  const started = performance.now();
  const script = inRepository(`node_modules/${check.script}`);
  return new Promise((resolve) => {
    const end = (ok: boolean, output: string): void =>
      resolve({ name: check.name, ok, output: output.trim(), seconds: (performance.now() - started) / 1000 });
    if (!existsSync(script)) return end(false, `${script} is not there; run npm test, which installs the dependencies`);
    const child = spawn(process.execPath, [script, ...check.args], { cwd: inRepository('.'), stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => end(false, error.message));
    child.on('close', (code) => end(code === 0, output));
  });
}

export function checkLine({ ok, name, seconds }: CheckResult): string {
  return `${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds.toFixed(1)} s)`;
}
