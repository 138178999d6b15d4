import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, stampDir } from './paths.mjs';
import { npm } from './run.mjs';
import { slowly } from './say.mjs';
import { isStamped, sha256, stamp } from './stamp.mjs';

/**
 * Installs exactly what the lockfile says, unless that was done already.
 * No install scripts: no dependency needs one here (Electron's binary is fetched by its own step).
 */
export async function ensureDependencies() {
  const lock = sha256(readFileSync(join(root, 'package-lock.json')));
  const file = join(stampDir, 'dependencies');
  if (isStamped(file, lock) && existsSync(join(root, 'node_modules', '.package-lock.json'))) return;
  await slowly('installing the dependencies of the lockfile', () =>
    npm(
      ['ci', '--ignore-scripts', '--no-audit', '--no-fund'],
      root,
      'Check the network and the free disk space, then run the command again.',
    ),
  );
  stamp(file, lock);
}
