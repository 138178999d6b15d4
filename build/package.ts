// Packages the built app for this system with electron-builder; arguments are passed on (`-- --linux dir`).
import { spawnSync } from 'node:child_process';
import { inRepository } from './entries.ts';

const cli = inRepository('node_modules/electron-builder/cli.js');
const args = [cli, '--config', 'build/electron-builder.json', '--publish', 'never', ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, { cwd: inRepository('.'), stdio: 'inherit' });
process.exitCode = status ?? 1;
