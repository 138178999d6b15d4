// Runs every test/bench/*.bench.ts and prints a table; `--json`: one array of { name, ratio, against, figures, target } on stdout.
// Other arguments pick files by a part of their name.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { inRepository } from './entries.ts';
import { type BenchResult, benchResults } from './lib/bench-result.ts';

const json = process.argv.includes('--json');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const folder = inRepository('test/bench');
const files = (existsSync(folder) ? readdirSync(folder).sort() : [])
  .filter((name) => name.endsWith('.bench.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));

// Each in a process of its own, so that one's garbage and warmed code do not colour the next.
const runner = inRepository('build/lib/bench-process.ts');

const results: BenchResult[] = [];
for (const name of files) {
  console.error(`bench: ${name} ...`);
  try {
    results.push(...(await runFile(`${folder}/${name}`)));
  } catch (error) {
    console.error(`bench: ${name} failed: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
if (files.length === 0) {
  console.error('bench: no file matches');
  process.exitCode = 1;
}
if (json) console.log(JSON.stringify(results, null, 2));
else printTable();

function runFile(file: string): Promise<BenchResult[]> {
  return new Promise((resolve, reject) => {
    const args = ['--expose-gc', runner, file];
    // What a bench prints is for the person watching, never part of the result.
    const child = spawn(process.execPath, args, { cwd: inRepository('.'), stdio: ['ignore', 2, 2, 'ipc'] });
    let message: unknown;
    child.on('message', (received) => {
      message = received;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) reject(new Error(`ended with ${code}`));
      else
        try {
          resolve(benchResults(message));
        } catch (error) {
          reject(error);
        }
    });
  });
}

function printTable(): void {
  for (const { name, ratio, against, figures, target } of results) {
    console.log(`${name}: ${ratio.toFixed(3)} of ${against}`);
    if (target !== undefined) {
      const { figure, bound, limit, unit, verdict } = target;
      console.log(`  ${verdict === 'ok' ? 'ok   ' : 'short'} ${format(figure)} ${unit}, to be ${bound} ${format(limit)}`);
    }
    for (const [key, value] of Object.entries(figures)) console.log(`  ${key.padEnd(34)} ${format(value)}`);
  }
}

function format(value: unknown): string {
  if (typeof value === 'number') return value.toLocaleString('en', { maximumSignificantDigits: 4 });
  return typeof value === 'string' ? value : JSON.stringify(value);
}
