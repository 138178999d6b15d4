import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Absolute path of something in the repository. */
export function inRepository(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

export const repository = inRepository('.');

/** Name in `out/` to source, a program each. */
export const mainEntries: Readonly<Record<string, string>> = {
  main: 'electron/shell/main.ts',
  headless: 'electron/headless/main.ts',
  'home-network': 'electron/home-network/main.ts',
  'store-worker': 'electron/store/worker.ts',
  'home-network-worker': 'electron/home-network/databases/worker.ts',
};

export const preloadEntries: Readonly<Record<string, string>> = { preload: 'electron/shell/preload.ts' };

export const rendererEntry = 'renderer/index.html';

/** The entries whose source is there, with absolute paths. */
export function existing(entries: Readonly<Record<string, string>>): Record<string, string> {
  const all = Object.entries(entries).map(([name, path]) => [name, inRepository(path)] as const);
  return Object.fromEntries(all.filter(([, path]) => existsSync(path)));
}
