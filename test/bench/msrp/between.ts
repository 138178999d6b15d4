import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Figures, Job } from './job.ts';
import { quantile } from './job.ts';
import type { PeerJob } from './peer.ts';

export const MIB = 1 << 20;

/** `cut`: the fast one with writes of `job.chunk` octets, handed over together */
export type CopyKind = 'plain' | 'fast' | 'cut' | 'engine';

export interface Outcome {
  readonly seconds: number;
  /** octets above what the process had before it began */
  readonly sendRss: number;
  readonly receiveRss: number;
  /** of both processes: before their first job, and at most in this one */
  readonly idleRss: number;
  readonly peakRss: number;
  readonly sendCpuMs: number;
  readonly receiveCpuMs: number;
  readonly sent: Figures;
  readonly received: Figures;
}

export interface TestFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export function makeFile(folder: string, mebibytes: number): TestFile {
  const path = join(folder, `source-${mebibytes}`);
  const block = Buffer.alloc(4 * MIB);
  const hash = createHash('sha256');
  const fd = openSync(path, 'w');
  for (let at = 0; at < mebibytes; at += 4) {
    randomFillSync(block, 0, 65_536 * 4);
    hash.update(block);
    writeSync(fd, block);
  }
  closeSync(fd);
  return { path, size: mebibytes * MIB, sha256: hash.digest('hex') };
}

/** Of one size, and of nothing but holes on the disk: where only memory is looked at. */
export function makeHollowFile(folder: string, mebibytes: number): TestFile {
  const path = join(folder, `hollow-${mebibytes}`);
  const block = Buffer.alloc(4 * MIB);
  const hash = createHash('sha256');
  for (let at = 0; at < mebibytes; at += 4) hash.update(block);
  closeSync(openSync(path, 'w'));
  truncateSync(path, mebibytes * MIB);
  return { path, size: mebibytes * MIB, sha256: hash.digest('hex') };
}

/** A file from one process to another. What arrived is removed. @param before files that go the same way first, in the same processes */
export async function copy(
  kind: CopyKind,
  file: TestFile,
  folder: string,
  options: Partial<Pick<Job, 'sha256' | 'chunk' | 'secure' | 'count'>> = {},
  before: readonly TestFile[] = [],
): Promise<Outcome> {
  return (await copies(kind, [...before, file], folder, options)).at(-1) as Outcome;
}

/** The same of several files, one after the other. */
export async function copies(kind: CopyKind, files: readonly TestFile[], folder: string, options: Partial<Job> = {}): Promise<Outcome[]> {
  const arrived = join(folder, 'arrived');
  mkdirSync(arrived);
  const pairs = files.map((file, n): [PeerJob, PeerJob] => {
    const job = { ...file, count: 1, ...options };
    return [
      { ...job, role: `${kind}Send` },
      { ...job, role: `${kind}Receive`, path: join(arrived, `${n}`) },
    ];
  });
  try {
    return await inARow(pairs, ({ path }) => rmSync(path));
  } finally {
    rmSync(arrived, { recursive: true, force: true });
  }
}

/** Starts both sides, and the clock once both are ready. */
export async function between(send: PeerJob, receive: PeerJob): Promise<Outcome> {
  return (await inARow([[send, receive]]))[0] as Outcome;
}

/**
 * Two processes that do all of that, one after the other.
 * @param arrived called after each, while no clock runs. Each has a new file: to cut off the one that is there takes a quarter of a copy's time,
 * which the plain copies spend before the clock starts and the engine after.
 */
async function inARow(pairs: readonly (readonly [PeerJob, PeerJob])[], arrived: (receive: PeerJob) => void = () => {}): Promise<Outcome[]> {
  const sender = new Peer(pairs.map(([send]) => send));
  const receiver = new Peer(pairs.map(([, receive]) => receive));
  const outcomes: Outcome[] = [];
  try {
    for (const [, receive] of pairs) {
      const [a, b] = await Promise.all([sender.ready(), receiver.ready()]);
      const began = performance.now();
      receiver.go(a);
      sender.go(b);
      const [sent, received] = await Promise.all([sender.done(), receiver.done()]);
      const seconds = (performance.now() - began) / 1000;
      const [first = null] = outcomes;
      outcomes.push({
        seconds,
        sendRss: sent.peakRss - sent.idleRss,
        receiveRss: received.peakRss - received.idleRss,
        idleRss: first?.idleRss ?? sent.idleRss + received.idleRss,
        peakRss: sent.peakRss + received.peakRss,
        sendCpuMs: sent.cpuMs,
        receiveCpuMs: received.cpuMs,
        sent: sent.figures,
        received: received.figures,
      });
      arrived(receive);
    }
    return outcomes;
  } finally {
    await Promise.all([sender.stop(), receiver.stop()]);
  }
}

/** The same by way of an anchor, which is a third process. */
export async function betweenByAnchor(send: PeerJob, receive: PeerJob): Promise<number> {
  const sender = new Peer([send]);
  const receiver = new Peer([receive]);
  const middle = new Peer([{ ...send, role: 'anchor' }]);
  try {
    const [a, b, m] = await Promise.all([sender.ready(), receiver.ready(), middle.ready()]);
    const [caller, callee] = m as [unknown, unknown];
    const began = performance.now();
    receiver.go(callee);
    middle.go([a, b]);
    sender.go(caller);
    await Promise.all([sender.done(), receiver.done()]);
    return (performance.now() - began) / 1000;
  } finally {
    await Promise.all([sender.stop(), receiver.stop(), middle.stop()]);
  }
}

/** Kills who receives so many ms after the beginning. */
export async function killReceiver(send: PeerJob, receive: PeerJob, afterMs: number): Promise<void> {
  const sender = new Peer([send]);
  const receiver = new Peer([receive]);
  try {
    const [a, b] = await Promise.all([sender.ready(), receiver.ready()]);
    receiver.go(a);
    sender.go(b);
    await wait(afterMs);
    await receiver.kill();
  } finally {
    await sender.stop();
  }
}

interface Done {
  readonly figures: Figures;
  readonly idleRss: number;
  readonly peakRss: number;
  readonly cpuMs: number;
}

type Told =
  | ({ readonly kind: 'ready'; readonly contact: unknown } | ({ readonly kind: 'done' } & Done))
  | { readonly kind: 'failed'; readonly reason: string };

/** A process with its jobs. */
class Peer {
  readonly #child: ChildProcess;
  readonly #role: string;
  readonly #ended: Promise<void>;
  readonly #told: Told[] = [];
  #heard: () => void = () => {};

  constructor(jobs: readonly PeerJob[]) {
    this.#role = jobs[0]?.role ?? '';
    this.#child = fork(new URL('./peer.ts', import.meta.url), [JSON.stringify(jobs)]);
    this.#child.on('message', (message: Told) => this.#hear(message));
    this.#ended = new Promise<void>((resolve) => {
      this.#child.once('exit', (code) => {
        this.#hear({ kind: 'failed', reason: `ended with ${code}` });
        resolve();
      });
    });
  }

  async ready(): Promise<unknown> {
    const told = await this.#next();
    return told.kind === 'ready' ? told.contact : this.#failed(told);
  }

  async done(): Promise<Done> {
    const told = await this.#next();
    return told.kind === 'done' ? told : this.#failed(told);
  }

  go(other: unknown): void {
    this.#child.send({ other });
  }

  stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    return this.#ended;
  }

  kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    return this.#ended;
  }

  #hear(told: Told): void {
    this.#told.push(told);
    this.#heard();
  }

  async #next(): Promise<Told> {
    while (this.#told.length === 0) await new Promise<void>((resolve) => (this.#heard = resolve));
    return this.#told.shift() as Told;
  }

  #failed(told: Told): never {
    throw new Error(`${this.#role}: ${told.kind === 'failed' ? told.reason : `${told.kind} too early`}`);
  }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
