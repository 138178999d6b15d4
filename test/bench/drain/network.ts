import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { HomeAccount } from '../../../electron/home-network/index.ts';

const MAIN = fileURLToPath(new URL('../../../electron/home-network/main.ts', import.meta.url));

/** The home network as a process of its own. Its log, one line a request, is what the bench counts by. */
export class NetworkProcess {
  readonly accounts: readonly HomeAccount[];
  readonly #process: ChildProcess;
  /** when each MESSAGE was accepted by its recipient, ms, by the name of who sent it */
  readonly #accepted = new Map<string, number[]>();
  #lastLine = performance.now();

  private constructor(process: ChildProcess, accounts: readonly HomeAccount[]) {
    this.#process = process;
    this.accounts = accounts;
    createInterface({ input: process.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      const [, from = ''] = /^\S+ MESSAGE (\S+) -> \S+ 200 /.exec(line) ?? [];
      if (from === '') return;
      this.#lastLine = performance.now();
      const times = this.#accepted.get(from) ?? [];
      this.#accepted.set(from, times);
      times.push(this.#lastLine);
    });
  }

  static async start(users: readonly string[]): Promise<NetworkProcess> {
    const child = spawn(process.execPath, [MAIN, '--users', users.join(',')], { stdio: ['ignore', 'pipe', 'pipe'] });
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve);
      child.once('exit', (code) => reject(new Error(`the home network ended with ${code}`)));
    });
    return new NetworkProcess(child, (JSON.parse(line) as { accounts: HomeAccount[] }).accounts);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  accountOf(user: string): HomeAccount {
    const account = this.accounts.find((each) => each.user === user);
    if (account === undefined) throw new Error(`no account ${user}`);
    return account;
  }

  addressOf(user: string): string {
    return this.accountOf(user).address;
  }

  /** of a headless host for that account */
  hostArguments(user: string, folder: string): string[] {
    const { address, password, outboundProxy, transport, displayName } = this.accountOf(user);
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${user}.json`);
    writeFileSync(file, JSON.stringify({ address, user, password, outboundProxy, transport, displayName }));
    return ['--account', file, '--user-data', join(folder, user)];
  }

  /** It answers nobody until {@link resume}. */
  async pause(): Promise<void> {
    this.#process.kill('SIGSTOP');
  }

  async resume(): Promise<void> {
    this.#process.kill('SIGCONT');
  }

  /** Resolves when something came and then nothing more for so long. */
  async quiet(milliseconds: number): Promise<void> {
    while (this.#accepted.size === 0) await wait(100);
    while (performance.now() - this.#lastLine < milliseconds) await wait(100);
  }

  /** a second: texts of that user, notifications of all others, and texts until the last of these */
  rates(sender: string): { texts: number; notifications: number; all: number } {
    const texts = this.#accepted.get(sender) ?? [];
    const notifications = [...this.#accepted].filter(([from]) => from !== sender).flatMap(([, times]) => times);
    const first = Math.min(...texts.slice(0, 1));
    const rate = (count: number, times: readonly number[]) => (count * 1000) / (times.reduce((a, b) => Math.max(a, b), first) - first);
    return {
      texts: rate(texts.length, texts),
      notifications: rate(notifications.length, notifications),
      all: rate(texts.length, [...texts, ...notifications]),
    };
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGTERM');
    await ended;
  }
}
