import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CONFIGURATION = fileURLToPath(new URL('../interop/kamailio/kamailio.cfg', import.meta.url));
const MODULES = [
  '/usr/lib/x86_64-linux-gnu/kamailio/modules/',
  '/usr/lib/aarch64-linux-gnu/kamailio/modules/',
  '/usr/lib64/kamailio/modules/',
  '/usr/lib/kamailio/modules/',
].find((folder) => existsSync(`${folder}outbound.so`));
const PROGRAM = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  .map((folder) => `${folder}/kamailio`)
  .find((path) => existsSync(path));
const START_MS = 15_000;
const STOP_MS = 5_000;

/** Why no Kamailio can run here; null when one can. */
export const kamailioMissing: string | null =
  PROGRAM === undefined ? 'kamailio is not installed' : MODULES === undefined ? 'kamailio-outbound-modules is not installed' : null;

/** A Kamailio of its own on a free port of loopback. */
export class Kamailio {
  static readonly domain = 'test.example';
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #log = '';

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-20_000);
    });
  }

  /** @throws Error with its log when it does not listen in time */
  static async start(digest: 'MD5' | 'SHA-256'): Promise<Kamailio> {
    if (PROGRAM === undefined || MODULES === undefined) throw new Error(kamailioMissing ?? '');
    const folder = await mkdtemp(join(tmpdir(), 'parley-kamailio-'));
    const port = await freePort();
    const text = await readFile(CONFIGURATION, 'utf8');
    const path = join(folder, 'kamailio.cfg');
    await writeFile(path, text.replaceAll('@PORT@', String(port)).replaceAll('@MODULES@', MODULES));
    const options = ['-f', path, '-P', join(folder, 'pid'), '-Y', folder, '-w', folder, '-m', '32', '-M', '8', '-DD', '-E'];
    const child = spawn(PROGRAM, [...options, ...(digest === 'SHA-256' ? ['-A', 'WITH_SHA256'] : [])], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const kamailio = new Kamailio(port, child, folder);
    try {
      await kamailio.#listening();
    } catch (thrown) {
      await kamailio.stop();
      throw thrown;
    }
    return kamailio;
  }

  /** what it wrote, the last of it */
  get log(): string {
    return this.#log;
  }

  /** The main process ends its children; the folder goes with it. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(timer);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #listening(): Promise<void> {
    const end = Date.now() + START_MS;
    for (;;) {
      if (await accepts(this.port)) return;
      if (Date.now() > end || this.#child.exitCode !== null) throw new Error(`kamailio does not listen:\n${this.#log}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

/** Kamailio takes no port 0. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
