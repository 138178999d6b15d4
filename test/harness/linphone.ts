import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const READS = fileURLToPath(new URL('../interop/linphone/reads.c', import.meta.url));
const PROGRAM = (process.env['PATH'] ?? '')
  .split(':')
  .map((folder) => join(folder, 'linphone-daemon'))
  .find((path) => existsSync(path));
const LIBRARY = ['x86_64-linux-gnu', 'aarch64-linux-gnu']
  .map((machine) => `/usr/lib/${machine}/liblinphone.so.10`)
  .find((path) => existsSync(path));
const START_MS = 20_000;

/** Why there is no liblinphone here; null when there is one. */
export const linphoneMissing: string | null = PROGRAM === undefined || LIBRARY === undefined ? 'linphone-daemon is not installed' : null;

export interface LinphoneAccount {
  readonly address: string;
  readonly user: string;
  readonly password: string;
  readonly domain: string;
  readonly host: string;
  readonly port: number;
  /** of Contact, for a core that chooses devices by what they can do */
  readonly contactParameters?: string;
}

/** Debian's linphone-daemon with one account over TCP, told by its standard input; it wraps texts in message/cpim and asks for notifications. */
export class Linphone {
  /** all that it printed */
  said = '';
  readonly #child: ChildProcess;
  readonly #log: string;

  private constructor(child: ChildProcess, log: string) {
    this.#child = child;
    this.#log = log;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.said += text;
    });
  }

  /** Resolves once registered. @param reads whether its person reads what arrives */
  static async start(folder: string, account: LinphoneAccount, { reads = false } = {}): Promise<Linphone> {
    if (PROGRAM === undefined || LIBRARY === undefined) throw new Error(linphoneMissing ?? '');
    mkdirSync(folder, { recursive: true });
    const configuration = join(folder, 'linphonerc');
    await writeFile(configuration, configurationOf(folder, account));
    const preload = reads ? { LD_PRELOAD: buildReader(folder, LIBRARY) } : {};
    const log = join(folder, 'log');
    const child = spawn(PROGRAM, ['--config', configuration, '--log', log], {
      env: { ...process.env, ...preload, HOME: folder },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const linphone = new Linphone(child, log);
    const end = Date.now() + START_MS;
    while (!linphone.said.includes('LinphoneRegistrationOk')) {
      if (Date.now() > end || child.exitCode !== null) {
        await linphone.stop();
        throw new Error(`linphone-daemon does not register:\n${linphone.said}`);
      }
      linphone.#tell('register-status ALL');
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    return linphone;
  }

  message(to: string, text: string): void {
    this.#tell(`message ${to} ${text}`);
  }

  /** The states that messages of either side went through, in order; the daemon itself tells of no receipt. */
  async states(): Promise<string[]> {
    return [...(await readFile(this.#log, 'utf8')).matchAll(/^.*Chat message .* : moving from \w+ to (\w+)$/gm)].map(
      ([, state]) => state ?? '',
    );
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    this.#tell('quit');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }

  #tell(command: string): void {
    this.#child.stdin?.write(`${command}\n`);
  }
}

/** CPIM in rooms of two is read from the default values alone (liblinphone 5.1). */
function configurationOf(folder: string, account: LinphoneAccount): string {
  const proxy = `<sip:${account.host}:${account.port};transport=tcp>`;
  const sections = {
    sip: { sip_port: 0, sip_tcp_port: -1, sip_tls_port: 0, default_proxy: 0, use_ipv6: 0, register_only_when_network_is_up: 0 },
    proxy_default_values: { cpim_in_basic_chat_rooms_enabled: 1 },
    proxy_0: {
      reg_proxy: proxy,
      reg_route: proxy,
      reg_identity: account.address,
      reg_expires: 600,
      reg_sendregister: 1,
      ...(account.contactParameters === undefined ? {} : { contact_parameters: account.contactParameters }),
    },
    auth_info_0: { username: account.user, passwd: account.password, realm: account.domain, domain: account.domain },
    storage: { uri: join(folder, 'linphone.db') },
    sound: { playback_dev_id: 'ANULL' },
  };
  return Object.entries(sections)
    .map(
      ([name, values]) =>
        `[${name}]\n${Object.entries(values)
          .map(([key, value]) => `${key}=${value}\n`)
          .join('')}`,
    )
    .join('\n');
}

function buildReader(folder: string, library: string): string {
  const path = join(folder, 'reads.so');
  execFileSync('gcc', ['-shared', '-fPIC', '-o', path, READS, library, '-ldl']);
  return path;
}
