// Stands in for the default app that an Electron taken out of another product lacks:
// loads the app folder given on the command line, as `electron <folder>` does.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { app } from 'electron';

const folder = process.argv.slice(1).find((argument) => !argument.startsWith('-'));
if (folder === undefined) {
  console.error('Usage: electron [options] <app folder> [arguments]');
  process.exit(64);
}
const root = resolve(folder);
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
process.defaultApp = true;
app.setName(manifest.productName ?? manifest.name);
app.setVersion(manifest.version ?? '0.0.0');
app.setAppPath(root);
// Awaited at the top level: Electron holds back `ready` until then, so the app may still register its scheme.
await import(pathToFileURL(join(root, manifest.main ?? 'index.js')).href);
