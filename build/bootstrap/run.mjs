import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { StepError } from './say.mjs';

/**
 * Runs a program to its end with stdout joined to stderr.
 * Options: `cwd`, `env`, `timeout` in ms, `quiet` (keep the output back and give it with the result).
 * Resolves with `{ ok, output }` when quiet, else rejects with a StepError on failure.
 */
export function run(program, args, { cwd, env, timeout, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: env ?? process.env,
      timeout,
      stdio: ['ignore', quiet ? 'pipe' : process.stderr, quiet ? 'pipe' : process.stderr],
    });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.on('error', (error) =>
      quiet ? resolve({ ok: false, output: error.message }) : reject(new StepError(`cannot run ${program}: ${error.message}`)),
    );
    child.on('close', (code, signal) => {
      if (quiet) resolve({ ok: code === 0, output });
      else if (code === 0) resolve({ ok: true, output });
      else reject(new StepError(`${program} ${args.join(' ')} ended with ${signal ?? code}; see the lines above`));
    });
  });
}

/** npm's own script, to be run by whichever Node fits: on PATH npm may be tied to an old Node. */
export function npmCli() {
  const fromNpm = process.env.npm_execpath;
  if (fromNpm?.endsWith('npm-cli.js') && existsSync(fromNpm)) return fromNpm;
  for (const folder of [dirname(process.execPath), ...(process.env.PATH ?? '').split(delimiter)]) {
    if (folder === '') continue;
    for (const candidate of [
      join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
      join(folder, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    ]) {
      if (existsSync(candidate)) return candidate;
    }
    const link = join(folder, 'npm');
    if (process.platform !== 'win32' && existsSync(link)) {
      const target = realpathSync(link);
      if (target.endsWith('npm-cli.js')) return target;
    }
  }
  throw new StepError('npm was not found. Install Node.js with npm (https://nodejs.org), then run the command again.');
}

/** Runs npm quietly; on failure the StepError carries what npm said and what to do. */
export async function npm(args, cwd, advice) {
  const { ok, output } = await run(process.execPath, [npmCli(), ...args], { cwd, quiet: true });
  if (!ok) throw new StepError(`npm ${args.join(' ')} failed. ${advice}\n${output.trim().split('\n').slice(0, 20).join('\n')}`);
}
