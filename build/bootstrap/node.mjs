import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { cacheDir } from './paths.mjs';
import { npm } from './run.mjs';
import { StepError, slowly } from './say.mjs';

// Type stripping without a flag came with 22.18; the pinned one is what the tests ran with.
const least = [22, 18];
const pinned = '24.9.0';

export function isFittingNode(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > least[0] || (major === least[0] && minor >= least[1]);
}

/**
 * Makes sure a fitting Node exists and is first on PATH for everything that follows.
 * Gives its path: this process's own Node when it fits, else a private one in the cache folder.
 */
export async function ensureNode() {
  const node = isFittingNode() ? process.execPath : await privateNode();
  process.env.PATH = dirname(node) + delimiter + (process.env.PATH ?? '');
  return node;
}

async function privateNode() {
  const folder = join(cacheDir, 'node');
  const bin = join(folder, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (works(bin)) return bin;
  await slowly(
    `Node ${process.versions.node} is older than ${least.join('.')}: getting Node ${pinned} from npm for Parley alone`,
    async () => {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
      await npm(
        ['install', '--no-audit', '--no-fund', '--no-package-lock', '--foreground-scripts', '--ignore-scripts=false', `node@${pinned}`],
        folder,
        `Check the network, or install Node ${least.join('.')} or newer from https://nodejs.org.`,
      );
    },
  );
  if (!works(bin))
    throw new StepError(`The Node fetched into ${folder} does not run. Delete that folder, or install Node 24 from https://nodejs.org.`);
  return bin;
}

function works(bin) {
  if (!existsSync(bin)) return false;
  const { stdout } = spawnSync(bin, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  return isFittingNode(stdout?.trim() ?? '0.0');
}
