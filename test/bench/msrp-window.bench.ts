import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { type BenchResult, target } from '../../build/lib/bench-result.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { ContractClient } from '../../shared/ipc/wire.ts';
import type { Message } from '../../shared/model/message.ts';
import { HeadlessProcess } from '../harness/headless-process.ts';
import { buildPage, openBrowser } from '../harness/page.ts';
import { NetworkProcess } from './drain/network.ts';
import { framesOf, percentile } from './frames.ts';
import { makeFile, median, round2 } from './msrp/between.ts';
import type { Figures } from './msrp/job.ts';

const SIZE_MIB = 512;
const ROUNDS = 3;
const IDLE_MS = 3000;
const PATIENCE_MS = 120_000;
const WATCH = new URL('./msrp/loop-watch.ts', import.meta.url);

/** A file between two whole clients, each a process of its own, while somebody looks at the window of the one that gets it. */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const browser = await openBrowser();
  const network = await NetworkProcess.start(['alice', 'bob']);
  process.env['NODE_OPTIONS'] = `--import ${WATCH.href}`;
  const hosts: HeadlessProcess[] = [];
  try {
    await buildPage(fileURLToPath(new URL('../../out/renderer', import.meta.url)));
    const file = makeFile(folder, SIZE_MIB);
    const [alice, bob] = [await host('alice'), await host('bob')];
    const [sender, receiver] = [await alice.connect(), await bob.connect()];
    const { id } = await sender.call('conversations.open', { address: network.addressOf('bob') });
    const theirs = (await receiver.call('conversations.open', { address: network.addressOf('alice') })).id;
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await page.goto(bob.accounts[0]?.url ?? '');
    await page.getByRole('button', { name: /alice/i }).first().click();
    await page.locator('[role=log]').waitFor();

    const measured: Round[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const token = await upload(alice, file.path);
      const rest = await watched(page, hosts, () => wait(IDLE_MS));
      const began = performance.now();
      const clientId = randomToken(24);
      await sender.call('files.send', { conversationId: id, clientId, token });
      const offered = await untilState(receiver, theirs, 'offered');
      const hashed = performance.now();
      const flow = async (): Promise<void> => {
        await receiver.call('transfers.accept', { transferId: offered.transfer?.id ?? 0 });
        await untilState(receiver, theirs, 'done');
      };
      const { frames, loops } = await watched(page, hosts, flow);
      const ended = performance.now();
      measured.push({ idle: rest.frames, busy: frames, restLoops: rest.loops, loops, hashMs: hashed - began, flowMs: ended - hashed });
    }
    return report(measured);
  } finally {
    delete process.env['NODE_OPTIONS'];
    await Promise.all(hosts.map((each) => each.stop()));
    await browser.close();
    await network.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async function host(user: string): Promise<HeadlessProcess> {
    const started = await HeadlessProcess.start(network.hostArguments(user, folder));
    hosts.push(started);
    return started;
  }
}

interface Round {
  /** ms between frames */
  readonly idle: number[];
  readonly busy: number[];
  /** of each host */
  readonly loops: Figures[];
  readonly restLoops: Figures[];
  /** until the other side was asked: the file is copied and hashed before */
  readonly hashMs: number;
  readonly flowMs: number;
}

async function watched(
  page: Page,
  hosts: readonly HeadlessProcess[],
  meanwhile: () => Promise<unknown>,
): Promise<{ frames: number[]; loops: Figures[] }> {
  const signal = (): void => {
    for (const { pid } of hosts) process.kill(pid ?? 0, 'SIGUSR2');
  };
  const heard = hosts.map(({ log }) => log.length);
  signal();
  const frames = await framesOf(page, meanwhile);
  signal();
  const loops = hosts.map(async ({ log }, at) => {
    for (;;) {
      const line = log.slice(heard[at]).find((each) => each.startsWith('loop '));
      if (line !== undefined) return JSON.parse(line.slice(5)) as Figures;
      await wait(20);
    }
  });
  return { frames, loops: await Promise.all(loops) };
}

/** The last message of that conversation, once it is a file in that state. */
async function untilState(client: ContractClient, conversationId: number, state: string): Promise<Message> {
  for (const began = performance.now(); ; ) {
    if (performance.now() - began > PATIENCE_MS) throw new Error(`no file became ${state}`);
    const last = (await client.call('messages.page', { conversationId, limit: 1 })).items.at(-1);
    if (last?.transfer?.state === state) return last;
    if (last?.transfer?.state === 'failed') throw new Error(`the file failed: ${last.transfer.error?.code}`);
    await wait(50);
  }
}

/** A headless host takes files from its page; this is its page. */
function upload(host: HeadlessProcess, path: string): Promise<string> {
  const url = new URL(String(host.accounts[0]?.contract).replace(/^ws/, 'http').replace('/contract', '/files'));
  url.searchParams.set('name', 'large.bin');
  return new Promise((resolve, reject) => {
    const post = request(url, { method: 'POST', headers: { Origin: url.origin } }, (response) => {
      response.setEncoding('utf8');
      let text = '';
      response.on('data', (part: string) => (text += part));
      response.on('end', () => resolve((JSON.parse(text) as { token: string }).token));
    });
    post.on('error', reject);
    createReadStream(path).pipe(post);
  });
}

function report(measured: readonly Round[]): BenchResult[] {
  const of = (pick: (round: Round) => number): number => round2(median(measured.map(pick)));
  const frames = of(({ idle, busy }) => percentile(busy, 0.95) / percentile(idle, 0.95));
  const delay = of(({ loops }) => Math.max(...loops.map((each) => each['loopP99'] ?? 0)));
  const octets = SIZE_MIB * 1.048576;
  return [
    {
      name: `window: frames while a file of ${SIZE_MIB} MiB comes in, p95`,
      ratio: round2(1 / frames),
      against: 'the same window at rest',
      figures: {
        'frame p95 ms at rest': of(({ idle }) => percentile(idle, 0.95)),
        'frame p95 ms meanwhile': of(({ busy }) => percentile(busy, 0.95)),
        'worst frame ms': of(({ busy }) => Math.max(...busy)),
        'MB/s from client to client': of(({ flowMs }) => (octets / flowMs) * 1000),
        's to prepare and hash before it is offered': of(({ hashMs }) => hashMs / 1000),
      },
      target: target(frames, 'at most', 1.25, '× of at rest'),
    },
    {
      name: 'main process: event-loop delay while a file flows, p99, the later of both clients',
      ratio: round2(10 / delay),
      against: '10 ms',
      figures: {
        'p99 ms at rest': of(({ restLoops }) => Math.max(...restLoops.map((each) => each['loopP99'] ?? 0))),
        'sender p99 ms': of(({ loops }) => loops[0]?.['loopP99'] ?? 0),
        'receiver p99 ms': of(({ loops }) => loops[1]?.['loopP99'] ?? 0),
      },
      target: target(delay, 'at most', 10, 'ms'),
    },
  ];
}
