import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Why this machine cannot capture, or null when it can. */
export function captureHindrance(): string | null {
  try {
    execFileSync('tshark', ['--version'], { stdio: 'ignore' });
  } catch {
    return 'tshark is not installed';
  }
  return process.getuid?.() === 0 ? null : 'capturing on the loopback interface needs root';
}

/** Captures the loopback interface with tshark, a dissector that is not ours. */
export class Capture {
  readonly #process: ChildProcess;
  readonly #file: string;

  private constructor(process: ChildProcess, file: string) {
    this.#process = process;
    this.#file = file;
  }

  /** @param file where the capture goes, `.pcapng` */
  static async start(file: string): Promise<Capture> {
    const process = spawn('tshark', ['-i', 'lo', '-f', 'tcp', '-B', '64', '-q', '-w', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    await new Promise<void>((resolve, reject) => {
      process.once('error', reject);
      process.once('exit', (code) => reject(new Error(`tshark ended with ${code}`)));
      let said = '';
      process.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('Capturing on')) resolve();
      });
    });
    // the line is printed shortly before the first packet is kept
    await wait(700);
    return new Capture(process, file);
  }

  async stop(): Promise<Dissection> {
    await wait(700);
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGINT');
    await ended;
    return new Dissection(this.#file);
  }
}

/** What tshark's own SIP, SDP and MSRP dissectors say of a capture. */
export class Dissection {
  readonly #file: string;
  readonly #decodeAs: string[] = [];
  readonly #preferences: string[] = [];
  /** by the arguments of the run */
  readonly #answers = new Map<string, Promise<string[][]>>();

  constructor(file: string) {
    this.#file = file;
  }

  treatAs(protocol: 'sip' | 'msrp' | 'imap', ports: readonly number[]): this {
    for (const port of ports) this.#decodeAs.push('-d', `tcp.port==${port},${protocol}`);
    return this;
  }

  /**
   * What runs over TLS there, read with the keys of {@link logTlsKeys}. SIP over WebSocket is found inside of `http`; the dissector of MSRP cannot be
   * chosen over TLS, so its octets are `data`.
   */
  treatAsSecure(protocol: 'sip' | 'data' | 'http', port: number, keys: string): this {
    this.#decodeAs.push('-d', `tcp.port==${port},tls`, '-d', `tls.port==${port},${protocol}`);
    if (!this.#preferences.includes(`tls.keylog_file:${keys}`)) this.#preferences.push('-o', `tls.keylog_file:${keys}`);
    return this;
  }

  /** Only the packets of these ports: the rest of the machine talks over the loopback interface too. */
  async narrowTo(ports: readonly number[]): Promise<Dissection> {
    const own = this.#file.replace(/\.pcapng$/, '-own.pcapng');
    await run('tshark', ['-n', '-r', this.#file, '-Y', `tcp.port in {${ports.join(', ')}}`, '-w', own]);
    const other = new Dissection(own);
    other.#decodeAs.push(...this.#decodeAs);
    other.#preferences.push(...this.#preferences);
    return other;
  }

  /** the same capture and ports, with preferences of its own */
  again(): Dissection {
    const other = new Dissection(this.#file);
    other.#decodeAs.push(...this.#decodeAs);
    return other;
  }

  /** tshark works the digests of these users out itself (MD5 only); a wrong one is `sip.authorization.invalid` */
  checkDigests(users: readonly { readonly user: string; readonly password: string }[], realm: string): this {
    this.#preferences.push('-o', 'sip.validate_authorization:TRUE');
    for (const { user, password } of users) this.#preferences.push('-o', `uat:authorization_users_sip:"${user}","${realm}","${password}"`);
    return this;
  }

  /** values of the fields in each packet that the display filter selects; several values of a field are joined by `|` */
  fields(filter: string, ...names: string[]): Promise<string[][]> {
    const read = ['-n', '-r', this.#file, ...this.#preferences, ...this.#decodeAs, '-Y', filter];
    const print = ['-T', 'fields', '-E', 'separator=/t', '-E', 'aggregator=|', ...names.flatMap((name) => ['-e', name])];
    const args = [...read, ...print];
    const key = args.join('\0');
    let answer = this.#answers.get(key);
    if (answer === undefined) {
      answer = ask(args);
      this.#answers.set(key, answer);
    }
    return answer;
  }

  async count(filter: string): Promise<number> {
    return (await this.fields(filter, 'frame.number')).length;
  }
}

async function ask(args: readonly string[]): Promise<string[][]> {
  const { stdout } = await run('tshark', args, { maxBuffer: 256 << 20 });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
}
