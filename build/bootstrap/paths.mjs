import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');

/** Where stamps of finished steps go: removed together with the dependencies they speak of. */
export const stampDir = join(root, 'node_modules', '.parley');

/** What is too large or too slow to fetch for every clone: Node, Electron, the addon built for it. */
export const cacheDir = join(cacheHome(), 'parley');

function cacheHome() {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === 'win32') return LOCALAPPDATA || join(homedir(), 'AppData', 'Local');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  return XDG_CACHE_HOME || join(homedir(), '.cache');
}

/** Whether a window could be shown. */
export function hasDisplay() {
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

/** Whether this process is root on a POSIX system. */
export function isRoot() {
  return process.getuid?.() === 0;
}
