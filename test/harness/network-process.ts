import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { steadyNode } from '../../build/lib/steady-node.ts';
import type { HomeNetwork } from '../../electron/home-network/index.ts';

const MAIN = fileURLToPath(new URL('../../electron/home-network/main.ts', import.meta.url));

/** ms in which it has to listen, and to end */
const PATIENCE = 30_000;

export type Announced = Pick<HomeNetwork, 'address' | 'accounts'>;

/** The home network as a process of its own, which a test may kill. */
export class NetworkProcess {
  readonly announced: Announced;
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;

  private constructor(process: ChildProcess, exited: Promise<void>, announced: Announced) {
    this.#process = process;
    this.#exited = exited;
    this.announced = announced;
  }

  /**
   * @param args of the command line. Rejects with what it wrote when it ends before it listens, or does not listen in half a minute
   * @param compiled a folder in which Node keeps compiled modules from one start to the next
   */
  static async start(args: readonly string[], { compiled }: { readonly compiled?: string } = {}): Promise<NetworkProcess> {
    const env = compiled === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: compiled };
    const child = spawn(process.execPath, [...steadyNode, MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
    const log: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line);
      if (log.length > 50) log.shift();
    });
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const line = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
      createInterface({ input: child.stdout }).once('line', (text) => {
        clearTimeout(timer);
        resolve(text);
      });
      void exited.then(() => reject(new Error(`the home network has ended:\n${log.join('\n')}`)));
    });
    return new NetworkProcess(child, exited, JSON.parse(line) as Announced);
  }

  /** Without a word, as a crash or a loss of power. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }

  /** Rejects where it has to be killed because it does not end by itself. */
  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    let isStuck = false;
    const timer = setTimeout(() => {
      isStuck = this.#process.kill('SIGKILL');
    }, PATIENCE);
    await this.#exited;
    clearTimeout(timer);
    if (isStuck) throw new Error(`the home network has not ended ${PATIENCE} ms after SIGTERM`);
  }
}
