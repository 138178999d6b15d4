import { createHash } from 'node:crypto';
import { mkdir, realpath, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ParleyError } from '../../shared/base/errors.ts';

/** ms between tries */
const RETRY = 100;

/**
 * Keeps two hosts (two headless ones, or one and Electron) from working on the same folder: a local socket named after it, which the
 * system takes away with the process however that ends.
 * @param patience how long to wait for another one that is just ending, ms
 * @returns a function that gives the folder free
 * @throws ParleyError `request.invalid-state` where another one has it
 */
export async function lockFolder(folder: string, patience = 0): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const hash = createHash('sha256')
    .update(await realpath(folder))
    .digest('hex')
    .slice(0, 24);
  const name = socketName(`parley-${hash}`);
  const until = performance.now() + patience;
  let server = await tryLock(name);
  while (server === null && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, RETRY));
    server = await tryLock(name);
  }
  if (server === null) throw new ParleyError('request.invalid-state', `another Parley uses the folder ${folder}`);
  const held = server;
  return () => new Promise((resolve) => held.close(() => resolve()));
}

async function tryLock(name: string): Promise<Server | null> {
  return (await listen(name)) ?? ((await isStale(name)) ? await listen(name) : null);
}

function socketName(name: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  if (process.platform === 'linux') return `\0${name}`;
  return join(tmpdir(), `${name}.sock`);
}

function listen(name: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)));
    server.listen(name, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** Only a socket with a name in the file system outlives its process. */
async function isStale(name: string): Promise<boolean> {
  if (!name.endsWith('.sock')) return false;
  const answered = await new Promise<boolean>((resolve) => {
    const probe = connect(name, () => resolve(true));
    probe.once('error', () => resolve(false));
    probe.once('connect', () => probe.destroy());
  });
  if (!answered) await unlink(name).catch(() => {});
  return !answered;
}
