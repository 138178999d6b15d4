// Fuzzes every decoder: `npm run fuzz -- --inputs N [--seed S] [--decoder NAME]`. N inputs for all of them together.
// `--replay FILE --decoder NAME` runs one input that was saved. Exit code 1: something was found, and is saved under out/fuzz.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Finding, fuzz, judge, type Report } from './fuzzer.ts';
import { TARGETS } from './targets.ts';

const FOLDER = fileURLToPath(new URL('../../../out/fuzz', import.meta.url));

const usage = `npm run fuzz -- [--inputs N] [--seed S] [--decoder NAME] [--replay FILE]\nDecoders: ${TARGETS.map(({ name }) => name).join(', ')}`;
const { values } = parseArgs({
  options: { inputs: { type: 'string' }, seed: { type: 'string' }, decoder: { type: 'string' }, replay: { type: 'string' } },
});
const chosen = TARGETS.filter(({ name }) => values.decoder === undefined || name === values.decoder);
const inputs = Number(values.inputs ?? 200_000);
const seed = Number(values.seed ?? Date.now() % 1_000_000);

if (chosen.length === 0 || !(inputs > 0) || !Number.isInteger(seed) || (values.replay !== undefined && chosen.length !== 1)) {
  console.error(usage);
  process.exitCode = 64;
} else if (values.replay !== undefined) {
  const what = judge(chosen[0]!, new Uint8Array(readFileSync(values.replay)));
  console.log(what ?? 'nothing is wrong with it');
  process.exitCode = what === null ? 0 : 1;
} else {
  run();
}

function run(): void {
  const each = Math.ceil(inputs / chosen.length);
  console.log(`${chosen.length} decoders, ${each} inputs each, seed ${seed}`);
  console.log(row('decoder', 'inputs', 'per second', 'understood', 'refusals', 'worst ms', 'its octets', 'found'));
  const found: Finding[] = [];
  let total = 0;
  for (const target of chosen) {
    const began = performance.now();
    const report = fuzz(target, each, seed);
    total += report.inputs;
    found.push(...report.findings);
    console.log(line(report, (performance.now() - began) / 1000));
  }
  for (const finding of found) save(finding);
  console.log(`${total} inputs, ${found.length} findings`);
  process.exitCode = found.length === 0 ? 0 : 1;
}

function line({ target, inputs: count, understood, refusals, worstMs, worstOctets, findings }: Report, seconds: number): string {
  const share = `${Math.round((100 * understood) / count)} %`;
  return row(target, count, Math.round(count / seconds), share, refusals, worstMs.toFixed(1), worstOctets, findings.length);
}

function row(name: string, ...cells: (string | number)[]): string {
  return [name.padEnd(20), ...cells.map((cell) => String(cell).padStart(11))].join('');
}

function save({ target, what, input }: Finding): void {
  mkdirSync(FOLDER, { recursive: true });
  const file = `${FOLDER}/${target}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}.bin`;
  writeFileSync(file, input);
  console.log(`\n${target}: ${what}\n  ${input.length} octets: ${JSON.stringify(Buffer.from(input).toString('latin1').slice(0, 300))}`);
  console.log(`  npm run fuzz -- --decoder ${target} --replay ${file}`);
}
