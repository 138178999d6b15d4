import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import type { SipTransport } from '../../shared/model/account.ts';
import { TestAuthority } from './certificates.ts';
import { accepts, freePort } from './ports.ts';

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
  ['db_sqlite.so', 'kamailio-sqlite-modules'],
  ['msrp.so', 'kamailio'],
] as const;
const TRIES = 3;
const LACKING = PARTS.find(([part]) => !existsSync(`${MODULES}${part}`))?.[1];
const TABLES = '/usr/share/kamailio/db_sqlite';
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

export interface KamailioOptions {
  readonly digest: 'MD5' | 'SHA-256';
  readonly host?: '127.0.0.1' | '::1';
  /** see kamailio.cfg */
  readonly defines?: readonly ('STORES_ALL' | 'STAMPS_BODY')[];
}

interface Ports {
  readonly tcp: number;
  readonly tls: number;
  readonly relay: number;
}

/** A Kamailio of its own on free ports of loopback, with a certificate for its domain. */
export class Kamailio {
  static readonly domain = 'test.example';
  readonly host: '127.0.0.1' | '::1';
  readonly authority: TestAuthority;
  readonly #ports: Ports;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #log = '';

  private constructor(host: '127.0.0.1' | '::1', ports: Ports, authority: TestAuthority, child: ChildProcess, folder: string) {
    this.host = host;
    this.#ports = ports;
    this.authority = authority;
    this.#child = child;
    this.#folder = folder;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-20_000);
    });
  }

  /** @throws Error with its log when it does not listen in time */
  static async start(options: KamailioOptions): Promise<Kamailio> {
    for (let tries = 1; ; tries++) {
      try {
        return await Kamailio.#startOnce(options);
      } catch (thrown) {
        // a port that was free is somebody else's by the time Kamailio wants it
        if (tries === TRIES) throw thrown;
      }
    }
  }

  static async #startOnce({ digest, host = '127.0.0.1', defines = [] }: KamailioOptions): Promise<Kamailio> {
    if (PROGRAM === undefined || MODULES === undefined) throw new Error(kamailioMissing ?? '');
    const folder = await mkdtemp(join(tmpdir(), 'parley-kamailio-'));
    const ports = { tcp: await freePort(host), tls: await freePort(host), relay: await freePort(host) };
    const authority = new TestAuthority();
    const { key, cert } = authority.issue(`DNS:${Kamailio.domain},IP:127.0.0.1,IP:::1`);
    await writeFile(join(folder, 'server.key'), key);
    await writeFile(join(folder, 'server.pem'), cert);
    await writeFile(join(folder, 'tls.cfg'), TLS.replaceAll('@FOLDER@', folder));
    await makeSilo(join(folder, 'silo.sqlite'));
    const text = await readFile(CONFIGURATION, 'utf8');
    const path = join(folder, 'kamailio.cfg');
    const values = {
      '@HOST@': host === '::1' ? '[::1]' : host,
      '@PORT@': String(ports.tcp),
      '@TLS_PORT@': String(ports.tls),
      '@RELAY_PORT@': String(ports.relay),
      '@FOLDER@': folder,
      '@MODULES@': MODULES,
    };
    await writeFile(
      path,
      Object.entries(values).reduce((filled, [name, value]) => filled.replaceAll(name, value), text),
    );
    const options = ['-f', path, '-P', join(folder, 'pid'), '-Y', folder, '-w', folder, '-m', '32', '-M', '8', '-DD', '-E'];
    const defined = [...(digest === 'SHA-256' ? ['WITH_SHA256'] : []), ...defines].flatMap((name) => ['-A', name]);
    const child = spawn(PROGRAM, [...options, ...defined], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const kamailio = new Kamailio(host, ports, authority, child, folder);
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

  /** as an account names it */
  get relay(): string {
    return `msrps://${this.host === '::1' ? '[::1]' : this.host}:${this.#ports.relay};tcp`;
  }

  get relayPort(): number {
    return this.#ports.relay;
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
      const open = await Promise.all(Object.values(this.#ports).map((port) => accepts(this.host, port)));
      if (open.every((each) => each)) return;
      if (Date.now() > end || this.#child.exitCode !== null) throw new Error(`kamailio does not listen:\n${this.#log}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** The tables of its offline store, by the scripts that come with it. */
async function makeSilo(path: string): Promise<void> {
  const database = new Database(path);
  for (const name of ['standard', 'msilo']) database.exec(await readFile(`${TABLES}/${name}-create.sql`, 'utf8'));
  database.close();
}
