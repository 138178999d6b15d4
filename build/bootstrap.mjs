// The one entry of every npm script: from a bare clone to a running product or a verdict.
// Plain JavaScript on purpose: it must run on any Node >= 18, before anything is installed.
// Messages go to stderr, so a script's own stdout stays clean (`home-network` prints a JSON line there).
import { join } from 'node:path';
import { ensureApp } from './bootstrap/app.mjs';
import { ensureDependencies } from './bootstrap/dependencies.mjs';
import { ensureElectron } from './bootstrap/electron.mjs';
import { launch } from './bootstrap/launch.mjs';
import { ensureNode, isFittingNode } from './bootstrap/node.mjs';
import { hasDisplay, root } from './bootstrap/paths.mjs';
import { fail, StepError, say } from './bootstrap/say.mjs';
import { ensureSystemPackages } from './bootstrap/system.mjs';

/** The scripts of `run <name>`: what they need beforehand and what Node executes. */
const scripts = {
  bench: { file: 'build/bench.ts' },
  build: { file: 'build/build.ts' },
  conformance: { file: 'build/conformance.ts' },
  fuzz: { file: 'test/property/fuzz/main.ts' },
  headless: { file: 'out/main/headless.js', app: true },
  'home-network': { file: 'electron/home-network/main.ts' },
  lint: { file: 'build/lint.ts' },
  package: { file: 'build/package.ts', app: true },
  typecheck: { file: 'build/lint.ts', args: ['--only', 'types'] },
};

const usage = `Usage: node build/bootstrap.mjs start|test|run <script> [arguments]\nScripts: ${Object.keys(scripts).join(', ')}`;

async function main(argv) {
  const [command, ...rest] = argv;
  if (command !== 'start' && command !== 'test' && !(command === 'run' && rest[0] in scripts)) throw new StepError(usage);

  if (!isFittingNode()) {
    const node = await ensureNode();
    return await launch(node, process.argv.slice(1));
  }
  await ensureNode();
  await ensureDependencies();

  if (command === 'run') {
    const [name, ...args] = rest;
    const script = scripts[name];
    if (script.app) await ensureApp();
    return await launch(process.execPath, [join(root, script.file), ...(script.args ?? []), ...args]);
  }
  if (command === 'test') {
    await ensureSystemPackages('electron', 'tests');
    const electron = await ensureElectron();
    await ensureApp();
    return await launch(process.execPath, [join(root, 'build/test.ts'), ...rest], electron?.environment);
  }
  return await start(rest);
}

async function start(args) {
  if (!hasDisplay()) {
    say('no display here: starting the headless host instead; open the printed addresses in a browser');
    await ensureApp();
    return await launch(process.execPath, [join(root, 'out/main/headless.js'), ...args]);
  }
  await ensureSystemPackages('electron');
  const electron = await ensureElectron();
  await ensureApp();
  if (electron === undefined) {
    say('starting the headless host instead of Electron; open the printed addresses in a browser');
    return await launch(process.execPath, [join(root, 'out/main/headless.js'), ...args]);
  }
  return await launch(electron.executable, [...electron.flags, root, ...args], electron.environment);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = fail(error);
}
