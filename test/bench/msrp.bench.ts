import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BenchResult, target } from '../../build/lib/bench-result.ts';
import { TestAuthority } from '../harness/certificates.ts';
import type { CopyKind, Outcome, TestFile } from './msrp/between.ts';
import { between, betweenByAnchor, copies, copy, killReceiver, MIB, makeFile, makeHollowFile, median, round2 } from './msrp/between.ts';
import type { Job } from './msrp/job.ts';

/** MiB */
const SMALL = 256;
const LARGE = 4096;
const LARGEST = 8192;
const WARMING = 1024;
const MESSAGES = 100_000;
const LONELY_MESSAGES = 10_000;
const AT_ONCE = 20;
const KILLS = 20;

/** The engine beside plain copies of the same octets; each side in a process of its own, over loopback, files on the disk of the temporary folder. */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  try {
    const disk = statfsSync(folder);
    if (disk.bavail * disk.bsize < LARGEST * MIB * 1.25) throw new Error(`not enough room on ${folder}`);
    const file = makeFile(folder, SMALL);
    const results = [
      ...(await hashed(folder, file)),
      ...(await chunks(folder, file, 10_240, 0.5)),
      ...(await chunks(folder, file, 2048, 0.25)),
      hashingAlone(),
      await overTls(folder, file),
      await anchored(folder, file),
      await killed(folder, file),
      await atOnce(folder),
      await messages(),
      await lonelyMessages(),
      ...(await chatBesideFile(folder)),
    ];
    rmSync(file.path);
    return [...results, ...(await large(folder))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Outcomes = Readonly<Record<string, Outcome[]>>;

/** files that go the same way before, in the same processes: whoever sends a file has not started for it */
const WARM_UP = 2;

/**
 * Side by side, round after round, so that whatever else the machine does meets all of them.
 * @param before files that each pair of processes has copied the same way before
 */
async function rounds(
  count: number,
  kinds: readonly CopyKind[],
  file: TestFile,
  folder: string,
  options: Partial<Job> = {},
  before: readonly TestFile[] = [],
): Promise<Outcomes> {
  const outcomes: Record<string, Outcome[]> = Object.fromEntries(kinds.map((kind) => [kind, []]));
  for (let round = 0; round < count; round++) {
    for (const kind of kinds)
      outcomes[kind]?.push(await copy(kind, file, folder, kind === 'engine' ? options : { ...options, count: 1 }, before));
  }
  return outcomes;
}

/** of each round; their median is less moved by what else the machine does than the quotient of medians */
function ratioOf(outcomes: Outcomes, ours: CopyKind, theirs: CopyKind): number {
  return round2(median((outcomes[ours] ?? []).map(({ seconds }, round) => (outcomes[theirs]?.[round]?.seconds ?? 0) / seconds)));
}

function figuresOf(outcomes: Outcomes, size: number): Record<string, number | string> {
  const figures: Record<string, number | string> = {};
  for (const [kind, all] of Object.entries(outcomes)) {
    figures[`${kind} MB/s`] = Math.round(size / 1e6 / median(all.map(({ seconds }) => seconds)));
    const cpu = (side: 'sendCpuMs' | 'receiveCpuMs'): number => Math.round(median(all.map((outcome) => outcome[side])));
    figures[`${kind} CPU ms sender/receiver`] = `${cpu('sendCpuMs')}/${cpu('receiveCpuMs')}`;
  }
  return figures;
}

async function hashed(folder: string, file: TestFile): Promise<BenchResult[]> {
  const name = `MSRP file ${SMALL} MiB, disk to disk, SHA-256 on both ends`;
  const warm = await rounds(5, ['fast', 'engine'], file, folder, {}, warmUp(file));
  const ratio = ratioOf(warm, 'engine', 'fast');
  const cold = await rounds(7, ['plain', 'fast', 'engine'], file, folder);
  const coldRatio = ratioOf(cold, 'engine', 'fast');
  return [
    { name, ratio, against: 'the fastest plain copy', figures: figuresOf(warm, file.size), target: target(ratio, 'at least', 0.85) },
    {
      name: `${name}, the first one of its process`,
      ratio: coldRatio,
      against: 'the fastest plain copy, which is the first one of its process too',
      figures: figuresOf(cold, file.size),
      target: target(coldRatio, 'at least', 0.85),
    },
    { name, ratio: ratioOf(cold, 'engine', 'plain'), against: 'stream pipeline', figures: figuresOf(cold, file.size) },
  ];
}

function warmUp(file: TestFile): TestFile[] {
  return Array.from({ length: WARM_UP }, () => file);
}

/** Beside the fastest copy, and beside one that does what nobody can leave out: the system gets as many parts as there are chunks. */
async function chunks(folder: string, file: TestFile, chunk: number, limit: number): Promise<BenchResult[]> {
  const options = { chunk, sha256: null };
  const warm = await rounds(5, ['fast', 'cut', 'engine'], file, folder, options, warmUp(file));
  const cold = await rounds(3, ['fast', 'engine'], file, folder, options);
  const name = `MSRP file ${SMALL} MiB in chunks of ${chunk}, no hash`;
  const figures = figuresOf(warm, file.size);
  const ratio = ratioOf(warm, 'engine', 'fast');
  const coldRatio = ratioOf(cold, 'engine', 'fast');
  return [
    { name, ratio, against: 'the fastest plain copy, no hash', figures, target: target(ratio, 'at least', limit) },
    {
      name: `${name}, the first one of its process`,
      ratio: coldRatio,
      against: 'the fastest plain copy, which is the first one of its process too',
      figures: figuresOf(cold, file.size),
      target: target(coldRatio, 'at least', limit),
    },
    { name, ratio: ratioOf(warm, 'engine', 'cut'), against: `the same plain copy, its writes in parts of ${chunk}`, figures },
    {
      name: `plain copy with writes in parts of ${chunk}, no hash`,
      ratio: ratioOf(warm, 'cut', 'fast'),
      against: 'the fastest plain copy',
      figures,
    },
  ];
}

/** What no copy with a hash can be faster than: one core that hashes and does nothing else. */
function hashingAlone(): BenchResult {
  const block = Buffer.alloc(MIB / 2, 'x');
  const rates = Array.from({ length: 5 }, () => {
    const hash = createHash('sha256');
    const began = performance.now();
    for (let at = 0; at < SMALL * MIB; at += block.length) hash.update(block);
    hash.digest();
    return (SMALL * MIB) / 1000 / (performance.now() - began);
  });
  return { name: 'SHA-256 alone, one core', ratio: 1, against: 'itself', figures: { 'MB/s': Math.round(median(rates)) } };
}

async function overTls(folder: string, file: TestFile): Promise<BenchResult> {
  const authority = new TestAuthority();
  const secure = { ...authority.issue('DNS:localhost'), ca: authority.certificate };
  const outcomes = await rounds(5, ['fast', 'engine'], file, folder, { secure });
  const ratio = ratioOf(outcomes, 'engine', 'fast');
  return {
    name: `MSRP file ${SMALL} MiB over TLS, SHA-256 on both ends`,
    ratio,
    against: 'the fastest plain copy over TLS',
    figures: figuresOf(outcomes, file.size),
    target: target(ratio, 'at least', 0.8),
  };
}

async function anchored(folder: string, file: TestFile): Promise<BenchResult> {
  const times: Record<'fast' | 'anchored', number[]> = { fast: [], anchored: [] };
  const path = join(folder, 'anchored');
  for (let round = 0; round < 5; round++) {
    times.fast.push((await copy('fast', file, folder)).seconds);
    const job = { ...file, count: 1 };
    times.anchored.push(await betweenByAnchor({ ...job, role: 'engineSend' }, { ...job, path, role: 'engineReceive' }));
    rmSync(path);
  }
  const ratio = round2(median(times.anchored.map((seconds, round) => (times.fast[round] as number) / seconds)));
  return {
    name: `MSRP file ${SMALL} MiB by way of the home network's anchor, SHA-256 on both ends`,
    ratio,
    against: 'the fastest plain copy, without anything between',
    figures: Object.fromEntries(Object.entries(times).map(([kind, all]) => [`${kind} MB/s`, Math.round(file.size / 1e6 / median(all))])),
    target: target(ratio, 'at least', 0.4),
  };
}

/** What a SIGKILL of the receiver costs: octets whose chunks were answered and which are not in the partial file, whose every octet is right. */
async function killed(folder: string, file: TestFile): Promise<BenchResult> {
  const path = join(folder, 'killed');
  const lost: number[] = [];
  let kept = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const job = { ...file, count: 1 };
    await killReceiver({ ...job, role: 'engineSend' }, { ...job, path, role: 'keptReceive' }, Math.random() * 400);
    const note = readFileSync(`${path}.arrived`);
    const arrived = note.length === 8 ? note.readDoubleLE() : 0;
    const there = existsSync(path) ? statSync(path).size : 0;
    assertSamePrefix(path, file.path, there);
    lost.push(arrived - there);
    kept += there / KILLS;
    rmSync(path, { force: true });
  }
  const most = round2(Math.max(...lost) / MIB);
  return {
    name: `MSRP file: sent again of what was acknowledged, after a SIGKILL of the receiver, the worst of ${KILLS}`,
    ratio: round2(1 / Math.max(most, 0.01)),
    against: '1 MiB',
    figures: { 'worst MiB': most, 'median MiB': round2(median(lost) / MIB), 'kept MiB on average': round2(kept / MIB) },
    target: target(most, 'at most', 1, 'MiB'),
  };
}

function assertSamePrefix(path: string, source: string, length: number): void {
  const [ours, theirs] = [path, source].map((name) => (length === 0 ? 0 : openSync(name, 'r'))) as [number, number];
  const [a, b] = [Buffer.alloc(MIB), Buffer.alloc(MIB)];
  for (let at = 0; at < length; at += MIB) {
    const count = Math.min(MIB, length - at);
    readSync(ours, a, 0, count, at);
    readSync(theirs, b, 0, count, at);
    if (a.compare(b, 0, count, 0, count) !== 0) throw new Error(`the partial file is wrong near ${at}`);
  }
  for (const fd of length === 0 ? [] : [ours, theirs]) closeSync(fd);
}

/** Large files and small ones: what they take beside the time. */
async function large(folder: string): Promise<BenchResult[]> {
  const peaks: Record<string, { send: number; receive: number }> = {};
  const note = (mebibytes: number, all: readonly Outcome[]): void => {
    const peak = (side: 'sendRss' | 'receiveRss'): number => round2(median(all.map((outcome) => outcome[side])) / MIB);
    peaks[mebibytes] = { send: peak('sendRss'), receive: peak('receiveRss') };
  };
  const file = makeFile(folder, LARGE);
  const outcomes = await rounds(3, ['fast', 'engine'], file, folder);
  rmSync(file.path);
  note(LARGE, outcomes['engine'] ?? []);
  for (const [mebibytes, count] of [
    [64, 3],
    [512, 1],
    [LARGEST, 1],
  ] as const) {
    const hollow = makeHollowFile(folder, mebibytes);
    note(mebibytes, (await rounds(count, ['engine'], hollow, folder))['engine'] ?? []);
    rmSync(hollow.path);
  }
  const flat = await slope(folder);
  const ratio = ratioOf(outcomes, 'engine', 'fast');
  const sides = Object.values(peaks).flatMap(({ send, receive }) => [send, receive]);
  const figures = Object.fromEntries(
    Object.entries(peaks).map(([size, { send, receive }]) => [`MiB sender/receiver, ${size} MiB`, `${send}/${receive}`]),
  );
  return [
    {
      name: `MSRP file ${LARGE} MiB, disk to disk, SHA-256 on both ends`,
      ratio,
      against: 'the fastest plain copy',
      figures: figuresOf(outcomes, file.size),
      target: target(ratio, 'at least', 0.85),
    },
    {
      name: 'MSRP peak memory above idle, one file, either side',
      ratio: round2(16 / Math.max(...sides)),
      against: '16 MiB',
      figures,
      target: target(Math.max(...sides), 'at most', 16, 'MiB'),
    },
    flat,
  ];
}

/**
 * Whether memory grows with the size of the file: files one after the other in the same processes, after one that is large enough for code to
 * be compiled and for the young generation to find its size, which a file of 64 MiB alone does not see.
 */
async function slope(folder: string): Promise<BenchResult> {
  const sizes = [WARMING, 64, 512, LARGEST];
  const files = sizes.map((size) => makeHollowFile(folder, size));
  const outcomes = await copies('engine', files, folder);
  for (const { path } of files) rmSync(path);
  const peaks = outcomes.map(({ peakRss, idleRss }) => round2((peakRss - idleRss) / MIB));
  const [, small = 0, , largest = 0] = peaks;
  const growth = round2(largest - small);
  return {
    name: `MSRP peak memory, both sides: ${LARGEST} MiB above 64 MiB, after one of ${WARMING} MiB`,
    ratio: round2(small / largest),
    against: 'the same processes with a small file',
    figures: Object.fromEntries(sizes.map((size, n) => [`${n + 1}. ${size} MiB: MiB above idle, both sides`, peaks[n]])),
    target: target(growth, 'at most', 8, 'MiB'),
  };
}

async function atOnce(folder: string): Promise<BenchResult> {
  const file = makeFile(folder, 32);
  const outcomes = (await rounds(3, ['engine'], file, folder, { count: AT_ONCE }))['engine'] ?? [];
  rmSync(file.path);
  const [send, receive] = (['sendRss', 'receiveRss'] as const).map((side) => round2(median(outcomes.map((each) => each[side])) / MIB)) as [
    number,
    number,
  ];
  return {
    name: `MSRP peak memory above idle, ${AT_ONCE} files at once, either side`,
    ratio: round2(64 / Math.max(send, receive)),
    against: '64 MiB',
    figures: { 'sender MiB': send, 'receiver MiB': receive },
    target: target(Math.max(send, receive), 'at most', 64, 'MiB'),
  };
}

/** Chat texts with 32 of them unanswered at any time. */
async function messages(): Promise<BenchResult> {
  const job = { path: '', size: 300, sha256: null, count: MESSAGES };
  const rates: Record<'messages' | 'echo', number[]> = { messages: [], echo: [] };
  for (let round = 0; round < 3; round++) {
    for (const kind of ['messages', 'echo'] as const) {
      const { seconds } = await between({ ...job, role: `${kind}Send` }, { ...job, role: `${kind}Receive` });
      rates[kind].push(MESSAGES / seconds);
    }
  }
  const rate = Math.round(median(rates.messages));
  return {
    name: 'MSRP messages of 300 octets, 32 outstanding',
    ratio: round2(rate / median(rates.echo)),
    against: 'plain TCP echo of 300 octets',
    figures: { 'messages/s': rate, 'echoes/s': Math.round(median(rates.echo)) },
    target: target(rate, 'at least', 50_000, 'messages/s'),
  };
}

async function lonelyMessages(): Promise<BenchResult> {
  const job = { path: '', size: 300, sha256: null, count: LONELY_MESSAGES };
  const times: Record<'messages' | 'echo', number[]> = { messages: [], echo: [] };
  for (let round = 0; round < 5; round++) {
    const ours = await between({ ...job, role: 'lonelyMessagesSend' }, { ...job, role: 'messagesReceive' });
    times.messages.push(ours.sent['p50'] ?? 0);
    const theirs = await between({ ...job, role: 'lonelyEchoSend' }, { ...job, role: 'echoReceive' });
    times.echo.push(theirs.sent['p50'] ?? 0);
  }
  const asLong = round2(median(times.messages.map((time, round) => time / (times.echo[round] as number))));
  return {
    name: 'MSRP message of 300 octets, SEND to 200, one outstanding, p50',
    ratio: round2(1 / asLong),
    against: 'plain TCP echo',
    figures: { 'us, SEND to 200': Math.round(1000 * median(times.messages)), 'us, echo': Math.round(1000 * median(times.echo)) },
    target: target(asLong, 'at most', 1.5, '× as long'),
  };
}

async function chatBesideFile(folder: string): Promise<BenchResult[]> {
  const file = makeFile(folder, 1024);
  const outcomes: Outcome[] = [];
  for (let round = 0; round < 3; round++) {
    const path = join(folder, 'target');
    outcomes.push(await between({ ...file, count: 0, role: 'chatSend' }, { ...file, path, count: 0, role: 'chatReceive' }));
    rmSync(path);
  }
  rmSync(file.path);
  const sent = (name: string): number => round2(median(outcomes.map((outcome) => outcome.sent[name] ?? 0)));
  const received = (name: string): number => round2(median(outcomes.map((outcome) => outcome.received[name] ?? 0)));
  const above = round2(sent('busyP99') - sent('idleP99'));
  const delay = Math.max(sent('loopP99'), received('loopP99'));
  return [
    {
      name: 'MSRP chat beside a file on the same connection, SEND to 200, p99 above idle',
      ratio: round2(5 / Math.max(above, 0.1)),
      against: '5 ms',
      figures: {
        'idle p99 ms': sent('idleP99'),
        'busy p50 ms': sent('busyP50'),
        'busy p99 ms': sent('busyP99'),
        messages: sent('written'),
      },
      target: target(above, 'at most', 5, 'ms'),
    },
    {
      name: 'MSRP event-loop delay while a file flows, p99, the later side',
      ratio: round2(10 / delay),
      against: '10 ms',
      figures: {
        'sender p50/p99 ms': `${sent('loopP50')}/${sent('loopP99')}`,
        'receiver p50/p99 ms': `${received('loopP50')}/${received('loopP99')}`,
      },
      target: target(delay, 'at most', 10, 'ms'),
    },
  ];
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const result of await run()) console.log(JSON.stringify(result, null, 1));
}
