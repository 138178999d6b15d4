import { type Dirent, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Fast ones first; a suite not named here runs before the ones that need a network tap, kills or a display. */
const order = ['unit', 'property', 'contract', 'vectors', 'integration', 'interop', '', 'wire', 'crash', 'e2e'];
/** Folders of test/ that hold no suite. */
const others = new Set(['bench', 'conformance', 'harness', 'fixtures']);

/** The suites of a test folder in the order they run: every folder that claims to be one. */
export function suitesIn(testFolder: string): string[] {
  if (!existsSync(testFolder)) return [];
  const isSuite = (entry: Dirent): boolean => entry.isDirectory() && !others.has(entry.name) && holdsFiles(join(testFolder, entry.name));
  const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.indexOf(''));
  return readdirSync(testFolder, { withFileTypes: true })
    .filter(isSuite)
    .map((entry) => entry.name)
    .sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

function holdsFiles(folder: string): boolean {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).some((entry) => entry.isFile());
}
