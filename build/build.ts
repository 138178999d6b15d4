// Builds the app into out/. `--strict`: an entry without its source is an error; `--quiet`: only warnings and errors.
import { existsSync } from 'node:fs';
import { build, type UserConfig } from 'vite';
import { existing, inRepository, mainEntries, preloadEntries, rendererEntry } from './entries.ts';
import main from './vite.main.config.ts';
import preload from './vite.preload.config.ts';
import renderer from './vite.renderer.config.ts';

const strict = process.argv.includes('--strict');
const logLevel = process.argv.includes('--quiet') ? 'warn' : 'info';

const missing = [...Object.values({ ...mainEntries, ...preloadEntries }), rendererEntry].filter((path) => !existsSync(inRepository(path)));
for (const path of missing) console.error(`build: ${path} is not there${strict ? '' : ', skipped'}`);
if (strict && missing.length > 0) process.exit(1);

const parts: [UserConfig, boolean][] = [
  [main, Object.keys(existing(mainEntries)).length > 0],
  [preload, Object.keys(existing(preloadEntries)).length > 0],
  [renderer, existsSync(inRepository(rendererEntry))],
];
for (const [config, wanted] of parts) {
  if (!wanted) continue;
  try {
    await build({ ...config, configFile: false, logLevel });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
