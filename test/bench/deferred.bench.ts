import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { type BenchResult, target } from '../../build/lib/bench-result.ts';
import type { HomeAccount } from '../../electron/home-network/index.ts';
import { HeadlessProcess } from '../harness/headless-process.ts';
import { BUILT_PAGE, buildPage, openBrowser } from '../harness/page.ts';
import { framesOf, percentile } from './frames.ts';

const MANY = Number(process.env['PARLEY_BENCH_MESSAGES'] ?? 10_000);
const SENDERS = 100;
const IDLE_MS = 5000;
/** what the issue of this bench asks for, messages a second */
const WANTED = 500;
const NETWORK = fileURLToPath(new URL('deferred/network-main.ts', import.meta.url));

interface Drained {
  readonly seconds: number;
  readonly idle: readonly number[];
  readonly busy: readonly number[];
  readonly conversations: number;
}

/** Everything that waits in the network comes into a client that stores and lists it, while somebody looks at the list of it. */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const browser = await openBrowser();
  try {
    await buildPage(BUILT_PAGE);
    // what has not run yet runs slower: the first one counts for nothing
    await drain(browser, join(folder, 'first'), 1000);
    const few = await drain(browser, join(folder, 'few'), 1000);
    const many = await drain(browser, join(folder, 'many'), MANY);
    const cost = many.seconds / (MANY / 1000) / few.seconds;
    return [report(1000, few), report(MANY, many, cost)];
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function drain(browser: Browser, folder: string, messages: number): Promise<Drained> {
  mkdirSync(folder, { recursive: true });
  const { network, account } = await startNetwork(messages);
  const { address, user, password, outboundProxy, transport, displayName } = account;
  const file = join(folder, 'alice.json');
  writeFileSync(file, JSON.stringify({ address, user, password, outboundProxy, transport, displayName }));
  const alice = await HeadlessProcess.start(['--account', file, '--user-data', join(folder, 'alice')]);
  const core = await alice.connect();
  while ((await core.call('deferred.overview', {})).count !== messages) await wait(50);
  const page = await openWindow(browser, alice);
  const idle = await framesOf(page, () => wait(IDLE_MS));
  let seconds = 0;
  const busy = await framesOf(page, async () => {
    const from = performance.now();
    const drained = new Promise<void>((resolve) => {
      core.on('deferred.changed', ({ count, fetching }) => {
        if (count === 0 && fetching === null) resolve();
      });
    });
    await core.call('deferred.orderAll', { order: 'deliver' });
    await drained;
    seconds = (performance.now() - from) / 1000;
    // visible: the window has heard of all of it
    await page.getByText('Nothing waits in your network.').waitFor();
  });
  // nobody has written to them: they are requests
  const { items } = await core.call('conversations.page', { limit: 200, requests: true });
  const unread = items.reduce((sum, conversation) => sum + conversation.unread, 0);
  if (unread !== messages) throw new Error(`${unread} of ${messages} messages came`);
  await alice.stop();
  network.kill('SIGTERM');
  return { seconds, idle, busy, conversations: items.length };
}

async function startNetwork(messages: number): Promise<{ network: ChildProcess; account: HomeAccount }> {
  const network = spawn(process.execPath, [NETWORK, String(messages), String(SENDERS)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: network.stdout as NodeJS.ReadableStream }).once('line', resolve);
    network.once('exit', (code) => reject(new Error(`the home network ended with ${code}`)));
  });
  return { network, account: JSON.parse(line) };
}

async function openWindow(browser: Browser, host: HeadlessProcess): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(host.accounts[0]?.url ?? '');
  await page
    .getByRole('navigation')
    .getByRole('button', { name: /^Waiting in your network/ })
    .click();
  await page.getByRole('list', { name: 'Waiting in your network' }).getByRole('listitem').first().waitFor();
  return page;
}

function report(messages: number, { seconds, idle, busy, conversations }: Drained, cost?: number): BenchResult {
  const rate = messages / seconds;
  const frames = percentile(busy, 0.95) / percentile(idle, 0.95);
  return {
    name: `deferred: ${messages} waiting messages of ${conversations} people`,
    ratio: rate / WANTED,
    against: `${WANTED} a second, stored and listed`,
    target: target(rate, 'at least', WANTED, 'a second'),
    figures: {
      'messages/s': Math.round(rate),
      'frame p95 ms at rest': percentile(idle, 0.95),
      'frame p95 ms meanwhile': percentile(busy, 0.95),
      'frame p95 ratio (at most 1.25)': Math.round(frames * 100) / 100,
      'worst frame ms': Math.round(Math.max(...busy)),
      ...(cost === undefined ? {} : { 'cost of a message against a tenth of them (0.9 to 1.1)': Math.round(cost * 100) / 100 }),
    },
  };
}
