import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SipTransport } from '../../shared/model/account.ts';
import { TestAuthority } from './certificates.ts';

const CONFIGURATION = fileURLToPath(new URL('../interop/kamailio/kamailio.cfg', import.meta.url));
const MODULES = [
  '/usr/lib/x86_64-linux-gnu/kamailio/modules/',
  '/usr/lib/aarch64-linux-gnu/kamailio/modules/',
  '/usr/lib64/kamailio/modules/',
  '/usr/lib/kamailio/modules/',
].find((folder) => existsSync(`${folder}tm.so`));
const PROGRAM = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  .map((folder) => `${folder}/kamailio`)
  .find((path) => existsSync(path));
/** what stands in a package of its own */
const PARTS = [
  ['outbound.so', 'kamailio-outbound-modules'],
  ['tls.so', 'kamailio-tls-modules'],
  ['websocket.so', 'kamailio-websocket-modules'],
] as const;
const LACKING = PARTS.find(([part]) => !existsSync(`${MODULES}${part}`))?.[1];
const TLS = `[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = @FOLDER@/server.key
certificate = @FOLDER@/server.pem
`;
const START_MS = 15_000;
const STOP_MS = 5_000;

/** Why no Kamailio can run here; null when one can. */
export const kamailioMissing: string | null =
  PROGRAM === undefined ? 'kamailio is not installed' : LACKING !== undefined ? `${LACKING} is not installed` : null;

/** A Kamailio of its own on free ports of loopback, with a certificate for its domain. */
export class Kamailio {
  static readonly domain = 'test.example';
  readonly host = '127.0.0.1';
  readonly authority: TestAuthority;
  readonly #ports: { readonly tcp: number; readonly tls: number };
  readonly #child: ChildProcess;
  readonly #folder: string;
  #log = '';

  private constructor(
    ports: { readonly tcp: number; readonly tls: number },
    authority: TestAuthority,
    child: ChildProcess,
    folder: string,
  ) {
    this.#ports = ports;
    this.authority = authority;
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
    const ports = { tcp: await freePort(), tls: await freePort() };
    const authority = new TestAuthority();
    const { key, cert } = authority.issue(`DNS:${Kamailio.domain}`);
    await writeFile(join(folder, 'server.key'), key);
    await writeFile(join(folder, 'server.pem'), cert);
    await writeFile(join(folder, 'tls.cfg'), TLS.replaceAll('@FOLDER@', folder));
    const text = await readFile(CONFIGURATION, 'utf8');
    const path = join(folder, 'kamailio.cfg');
    const values = { '@PORT@': String(ports.tcp), '@TLS_PORT@': String(ports.tls), '@FOLDER@': folder, '@MODULES@': MODULES };
    await writeFile(
      path,
      Object.entries(values).reduce((filled, [name, value]) => filled.replaceAll(name, value), text),
    );
    const options = ['-f', path, '-P', join(folder, 'pid'), '-Y', folder, '-w', folder, '-m', '32', '-M', '8', '-DD', '-E'];
    const child = spawn(PROGRAM, [...options, ...(digest === 'SHA-256' ? ['-A', 'WITH_SHA256'] : [])], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const kamailio = new Kamailio(ports, authority, child, folder);
    try {
      await kamailio.#listening();
    } catch (thrown) {
      await kamailio.stop();
      throw thrown;
    }
    return kamailio;
  }

  portOf(transport: SipTransport): number {
    return transport === 'tcp' ? this.#ports.tcp : this.#ports.tls;
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
      if ((await accepts(this.#ports.tcp)) && (await accepts(this.#ports.tls))) return;
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
