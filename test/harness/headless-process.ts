import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { steadyNode } from '../../build/lib/steady-node.ts';
import { type ContractClient, connectContract } from '../../shared/ipc/wire.ts';

const MAIN = fileURLToPath(new URL('../../electron/headless/main.ts', import.meta.url));

type Started = Pick<HeadlessProcess, 'accounts' | 'welcome'>;

/** The headless host as a process of its own, which a test may kill. */
export class HeadlessProcess {
  readonly #process: ChildProcess;
  readonly #sockets: WebSocket[] = [];
  readonly accounts: readonly { address: string; url: string; contract: string }[];
  /** of the page for whoever has no account */
  readonly welcome: string;
  /** what it wrote to stderr */
  readonly log: string[];
  readonly exited: Promise<number | null>;

  private constructor(process: ChildProcess, { accounts, welcome }: Started, log: string[], exited: Promise<number | null>) {
    this.#process = process;
    this.accounts = accounts;
    this.welcome = welcome;
    this.log = log;
    this.exited = exited;
  }

  /** @param inside a command that runs another one in a place of its own */
  static async start(args: readonly string[], inside: readonly string[] = []): Promise<HeadlessProcess> {
    const [program = '', ...rest] = [...inside, process.execPath, ...steadyNode, MAIN, '--json', ...args];
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    const log: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
    const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve);
      void exited.then((code) => reject(new Error(`headless ended with ${code}:\n${log.join('\n')}`)));
    });
    return new HeadlessProcess(child, JSON.parse(line), log, exited);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  async connect(index = 0): Promise<ContractClient> {
    const socket = new WebSocket(this.accounts[index]?.contract as string);
    this.#sockets.push(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => undefined);
    return connectContract({
      send: (text) => socket.send(text),
      onText(listener) {
        const onMessage = (data: WebSocket.RawData) => listener(String(data));
        socket.on('message', onMessage);
        return () => socket.off('message', onMessage);
      },
      onClose(listener) {
        socket.once('close', listener);
        return () => socket.off('close', listener);
      },
    });
  }

  /** without a word, as a power cut */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.exited;
    for (const socket of this.#sockets) socket.terminate();
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    await this.exited;
    for (const socket of this.#sockets) socket.terminate();
  }
}
