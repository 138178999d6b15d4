import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ClientPorts } from './port.ts';

/** Where a platform keeps the data of a program: XDG on Linux, as Electron's `userData` elsewhere. */
export function defaultUserData(
  platform: NodeJS.Platform = process.platform,
  env: NodeJS.ProcessEnv = process.env,
  home: string = homedir(),
): string {
  if (platform === 'win32') return join(env['APPDATA'] || join(home, 'AppData', 'Roaming'), 'Parley');
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Parley');
  const xdg = env['XDG_CONFIG_HOME'];
  // The XDG specification has relative values ignored.
  return join(xdg?.startsWith('/') ? xdg : join(home, '.config'), 'Parley');
}

export function demoFolder(userData: string): string {
  return join(userData, 'demo');
}

/** @param name the demo user's name, `alice` */
export function demoPaths(userData: string, name: string): ClientPorts['paths'] {
  const data = join(demoFolder(userData), name);
  return { data, downloads: join(data, 'Downloads') };
}

export function accountPaths(userData: string, address: string, downloads: string): ClientPorts['paths'] {
  return { data: accountFolder(userData, accountName(address)), downloads };
}

/** @param name its {@link accountName} */
export function accountFolder(userData: string, name: string): string {
  return join(userData, 'accounts', name);
}

/** A name for an account that can stand in a folder's name and in a URL: two addresses never share one. */
export function accountName(address: string): string {
  const readable = address
    .replace(/^sip:/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return `${readable}-${createHash('sha256').update(address).digest('hex').slice(0, 8)}`;
}

/** Where a host puts files that have no path of their own: pasted images, uploads. */
export function incomingFolder(data: string): string {
  return join(data, 'uploads');
}
