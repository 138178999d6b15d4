import { join } from 'node:path';
import { root } from './paths.mjs';
import { run } from './run.mjs';
import { slowly } from './say.mjs';
import { fingerprint, isStamped, stamp } from './stamp.mjs';

const sources = ['shared', 'electron', 'renderer', 'build', 'package.json', 'package-lock.json', 'tsconfig.json'];

/** Builds the app into out/ when a source is newer than the last build. */
export async function ensureApp() {
  const file = join(root, 'out', 'built');
  const state = fingerprint(sources.map((name) => join(root, name)));
  if (isStamped(file, state)) return;
  await slowly('building the app', async () => run(process.execPath, ['build/build.ts', '--strict', '--quiet'], { cwd: root }));
  stamp(file, state);
}
