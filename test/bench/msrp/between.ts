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

export interface Outcome {
  readonly seconds: number;
  /** octets above what the process had before it began */
  readonly sendRss: number;
  readonly receiveRss: number;
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

/** A file from one process to another. What arrived is removed. */
export async function copy(
  kind: 'plain' | 'fast' | 'engine',
  file: TestFile,
  folder: string,
  options: Partial<Pick<Job, 'sha256' | 'chunk' | 'secure' | 'count'>> = {},
): Promise<Outcome> {
  const arrived = join(folder, 'arrived');
  mkdirSync(arrived);
  const job = { ...file, count: 1, ...options };
  try {
    return await between({ ...job, role: `${kind}Send` }, { ...job, role: `${kind}Receive`, path: join(arrived, 'target') });
  } finally {
    rmSync(arrived, { recursive: true, force: true });
  }
}

interface Done {
  readonly figures: Figures;
  readonly rssAboveIdle: number;
  readonly cpuMs: number;
}

/** Starts both sides, and the clock once both are ready. */
export async function between(send: PeerJob, receive: PeerJob): Promise<Outcome> {
  const sender = start(send);
  const receiver = start(receive);
  try {
    const [a, b] = await Promise.all([sender.ready, receiver.ready]);
    const began = performance.now();
    receiver.go(a);
    sender.go(b);
    const [sent, received] = await Promise.all([sender.done, receiver.done]);
    return {
      seconds: (performance.now() - began) / 1000,
      sendRss: sent.rssAboveIdle,
      receiveRss: received.rssAboveIdle,
      sendCpuMs: sent.cpuMs,
      receiveCpuMs: received.cpuMs,
      sent: sent.figures,
      received: received.figures,
    };
  } finally {
    await Promise.all([sender.stop(), receiver.stop()]);
  }
}

interface Peer {
  readonly ready: Promise<unknown>;
  readonly done: Promise<Done>;
  go(other: unknown): void;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** The same by way of an anchor, which is a third process. */
export async function betweenByAnchor(send: PeerJob, receive: PeerJob): Promise<number> {
  const sender = start(send);
  const receiver = start(receive);
  const middle = start({ ...send, role: 'anchor' });
  try {
    const [a, b, m] = await Promise.all([sender.ready, receiver.ready, middle.ready]);
    const [caller, callee] = m as [unknown, unknown];
    const began = performance.now();
    receiver.go(callee);
    middle.go([a, b]);
    sender.go(caller);
    await Promise.all([sender.done, receiver.done]);
    return (performance.now() - began) / 1000;
  } finally {
    await Promise.all([sender.stop(), receiver.stop(), middle.stop()]);
  }
}

/** Kills who receives so many ms after the beginning. */
export async function killReceiver(send: PeerJob, receive: PeerJob, afterMs: number): Promise<void> {
  const sender = start(send);
  const receiver = start(receive);
  try {
    const [a, b] = await Promise.all([sender.ready, receiver.ready]);
    receiver.go(a);
    sender.go(b);
    await wait(afterMs);
    await receiver.kill();
  } finally {
    await sender.stop();
  }
}

function start(job: PeerJob): Peer {
  const profile = process.env['PARLEY_BENCH_PROFILE'];
  const execArgv = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${job.role}.cpuprofile`];
  const child: ChildProcess = fork(new URL('./peer.ts', import.meta.url), [JSON.stringify(job)], { execArgv });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const hear = <T>(kind: string, pick: (message: never) => T): Promise<T> =>
    new Promise((resolve, reject) => {
      child.on('message', (message: { kind: string; reason?: string }) => {
        if (message.kind === kind) resolve(pick(message as never));
        else if (message.kind === 'failed') reject(new Error(`${job.role}: ${message.reason}`));
      });
      child.once('exit', (code) => reject(new Error(`${job.role} ended with ${code}`)));
    });
  const ready = hear('ready', (message: { contact: unknown }) => message.contact);
  const done = hear('done', (message: Done) => message);
  done.catch(() => {});
  const stop = (): Promise<void> => {
    if (child.connected) child.disconnect();
    return ended;
  };
  const kill = (): Promise<void> => {
    child.kill('SIGKILL');
    return ended;
  };
  return { ready, done, go: (other) => void child.send({ other }), stop, kill };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
