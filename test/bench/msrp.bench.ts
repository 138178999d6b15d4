import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PeerJob } from './msrp/peer.ts';

/** One line of a report: how this product does against something that is not its own. */
export interface Measured {
  readonly name: string;
  /** ours ÷ theirs, more is better */
  readonly ratio: number;
  readonly against: string;
  readonly figures: Record<string, number | string>;
}

const LARGE = process.env['PARLEY_BENCH_LARGE'] === '1';
const MIB = 1 << 20;
const ROUNDS = 3;
const MESSAGES = 100_000;

interface Outcome {
  readonly seconds: number;
  readonly sendRss: number;
  readonly receiveRss: number;
  readonly sendCpuMs: number;
  readonly receiveCpuMs: number;
}

/** What `pipeline` gives, the fastest plain copy, and the engine, side by side; each side in a process of its own, over loopback. */
export async function run(): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  try {
    const disk = statfsSync(folder);
    const largest = LARGE ? 2048 : 512;
    if (disk.bavail * disk.bsize < largest * MIB * 3) throw new Error(`not enough room on ${folder}`);
    const measured: Measured[] = [];
    for (const size of LARGE ? [256, 1024] : [256]) measured.push(...(await copies(folder, size)));
    measured.push(await memory(folder, largest), await messages());
    return measured;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function copies(folder: string, mebibytes: number): Promise<Measured[]> {
  const file = makeFile(folder, mebibytes);
  const rates: Record<'plain' | 'fast' | 'engine', Outcome[]> = { plain: [], fast: [], engine: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of ['plain', 'fast', 'engine'] as const) rates[kind].push(await copy(kind, file, folder));
  }
  rmSync(file.path);
  const rate = (kind: keyof typeof rates): number => file.size / 1e6 / median(rates[kind].map((outcome) => outcome.seconds));
  const cpu = (kind: keyof typeof rates, side: 'sendCpuMs' | 'receiveCpuMs'): number =>
    Math.round(median(rates[kind].map((outcome) => outcome[side])));
  const figures: Record<string, number | string> = {};
  for (const kind of ['engine', 'fast', 'plain'] as const) {
    figures[`${kind} MB/s`] = Math.round(rate(kind));
    figures[`${kind} CPU ms sender/receiver`] = `${cpu(kind, 'sendCpuMs')}/${cpu(kind, 'receiveCpuMs')}`;
  }
  return [
    {
      name: `MSRP file ${mebibytes} MiB, SHA-256 on both ends`,
      ratio: round2(rate('engine') / rate('fast')),
      against: 'the fastest plain copy',
      figures,
    },
    {
      name: `MSRP file ${mebibytes} MiB, SHA-256 on both ends`,
      ratio: round2(rate('engine') / rate('plain')),
      against: 'stream pipeline',
      figures,
    },
  ];
}

/** Flat: a file many times as large must not take more memory than a small one. */
async function memory(folder: string, mebibytes: number): Promise<Measured> {
  const peaks: { send: number; receive: number }[] = [];
  for (const size of [64, mebibytes]) {
    const file = makeFile(folder, size);
    const outcomes = [await copy('engine', file, folder), await copy('engine', file, folder), await copy('engine', file, folder)];
    peaks.push({ send: median(outcomes.map((o) => o.sendRss)) / MIB, receive: median(outcomes.map((o) => o.receiveRss)) / MIB });
    rmSync(file.path);
  }
  const [small, large] = peaks as [(typeof peaks)[0], (typeof peaks)[0]];
  return {
    name: `MSRP peak memory above idle, 64 MiB against ${mebibytes} MiB`,
    ratio: round2((small.send + small.receive) / (large.send + large.receive)),
    against: 'the same engine with a small file',
    figures: {
      'sender MiB, small file': round2(small.send),
      'sender MiB, large file': round2(large.send),
      'receiver MiB, small file': round2(small.receive),
      'receiver MiB, large file': round2(large.receive),
    },
  };
}

/** Chat texts with 32 of them unanswered at any time. */
async function messages(): Promise<Measured> {
  const job = { path: '', size: 300, sha256: '', count: MESSAGES };
  const rates: Record<'messages' | 'echo', number[]> = { messages: [], echo: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of ['messages', 'echo'] as const) {
      const { seconds } = await between({ ...job, role: `${kind}Send` }, { ...job, role: `${kind}Receive` });
      rates[kind].push(MESSAGES / seconds);
    }
  }
  return {
    name: 'MSRP messages of 300 octets, 32 outstanding',
    ratio: round2(median(rates.messages) / median(rates.echo)),
    against: 'plain TCP echo of 300 octets',
    figures: { 'messages/s': Math.round(median(rates.messages)), 'echoes/s': Math.round(median(rates.echo)) },
  };
}

interface TestFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

function makeFile(folder: string, mebibytes: number): TestFile {
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

async function copy(kind: 'plain' | 'fast' | 'engine', file: TestFile, folder: string): Promise<Outcome> {
  const target = join(folder, 'target');
  try {
    return await between({ ...file, role: `${kind}Send`, count: 0 }, { ...file, role: `${kind}Receive`, path: target, count: 0 });
  } finally {
    rmSync(target, { force: true });
  }
}

interface Done {
  readonly rssAboveIdle: number;
  readonly cpuMs: number;
}

/** Starts both sides, and the clock once both are ready. */
async function between(send: PeerJob, receive: PeerJob): Promise<Outcome> {
  const sender = start(send);
  const receiver = start(receive);
  try {
    const [a, b] = await Promise.all([sender.ready, receiver.ready]);
    const began = performance.now();
    receiver.go(a);
    sender.go(b);
    const [sent, received] = await Promise.all([sender.done, receiver.done]);
    const seconds = (performance.now() - began) / 1000;
    return { seconds, sendRss: sent.rssAboveIdle, receiveRss: received.rssAboveIdle, sendCpuMs: sent.cpuMs, receiveCpuMs: received.cpuMs };
  } finally {
    sender.stop();
    receiver.stop();
  }
}

function start(job: PeerJob): { ready: Promise<unknown>; done: Promise<Done>; go(other: unknown): void; stop(): void } {
  const profile = process.env['PARLEY_BENCH_PROFILE'];
  const execArgv = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${job.role}.cpuprofile`];
  const child: ChildProcess = fork(new URL('./msrp/peer.ts', import.meta.url), [JSON.stringify(job)], { execArgv });
  const wait = <T>(kind: string, pick: (message: never) => T): Promise<T> =>
    new Promise((resolve, reject) => {
      child.on('message', (message: { kind: string; reason?: string }) => {
        if (message.kind === kind) resolve(pick(message as never));
        else if (message.kind === 'failed') reject(new Error(`${job.role}: ${message.reason}`));
      });
      child.once('exit', (code) => reject(new Error(`${job.role} ended with ${code}`)));
    });
  const ready = wait('ready', (message: { contact: unknown }) => message.contact);
  const done = wait('done', (message: Done) => message);
  done.catch(() => {});
  return { ready, done, go: (other) => void child.send({ other }), stop: () => void (child.connected && child.disconnect()) };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const { name, ratio, against, figures } of await run()) console.log(`${name}: ${ratio} of ${against}`, figures);
}
