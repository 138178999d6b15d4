import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import type { BenchResult } from '../../build/lib/bench-result.ts';
import { HeadlessProcess } from '../harness/headless-process.ts';
import { wholeHistory } from '../harness/history.ts';
import { BUILT_PAGE, buildPage, openBrowser } from '../harness/page.ts';
import { fillOutbox } from './drain/fill.ts';
import { NetworkProcess } from './drain/network.ts';
import { ManyPeers } from './drain/peers.ts';
import { framesOf, percentile } from './frames.ts';

const MESSAGES = Number(process.env['PARLEY_BENCH_MESSAGES'] ?? 10_000);
const CONVERSATIONS = 100;
const IDLE_FRAMES = 300;
/** nothing new for so long is the end, ms */
const QUIET = 2000;
/** what the issue of this bench asks for, messages a second */
const WANTED = 500;

/**
 * Everything that waited in the outbox leaves, is stored by the other side and is reported on, while somebody looks at a window: to one
 * person, both ends real cores and the window at the receiver's end, and to a hundred, where the window is the sender's and the others are
 * one process that answers and notifies without a store. Every program is a process of its own, as on a desk.
 */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const browser = await openBrowser();
  try {
    await buildPage(BUILT_PAGE);
    return [await toOne(browser, join(folder, 'one')), await toMany(browser, join(folder, 'many'))];
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function toOne(browser: Browser, folder: string): Promise<BenchResult> {
  mkdirSync(folder, { recursive: true });
  const network = await NetworkProcess.start(['alice', 'bob']);
  const bob = await HeadlessProcess.start(network.hostArguments('bob', folder));
  const watcher = await bob.connect();
  const { id } = await watcher.call('conversations.open', { address: network.addressOf('alice') });
  const page = await openWindow(browser, bob, 'alice');
  const idle = await framesOf(page, () => wait(IDLE_FRAMES * 17));
  const peers = [network.addressOf('bob')];
  fillOutbox(join(folder, 'alice'), network.addressOf('alice'), peers, MESSAGES);
  let alice: HeadlessProcess | null = null;
  const before = cpuOf(bob, network);
  const busy = await framesOf(page, async () => {
    alice = await HeadlessProcess.start(network.hostArguments('alice', folder));
    await network.quiet(QUIET);
  });
  const cpu = cpuOf(bob, network, alice as unknown as HeadlessProcess) - before;
  const sender = await (alice as unknown as HeadlessProcess).connect();
  const conversation = await sender.call('conversations.open', { address: network.addressOf('bob') });
  const sent = await wholeHistory((part) => sender.call('messages.page', part), conversation.id);
  const arrived = await wholeHistory((part) => watcher.call('messages.page', part), id);
  const result = report(`drain: ${MESSAGES} queued messages of one conversation`, network, idle, busy, {
    'processor ms a message, all three': round(cpu / MESSAGES),
    notified: sent.filter(({ status }) => status === 'delivered' || status === 'displayed').length,
    'out of order or twice': arrived.filter(({ text }, at) => text !== sent[at]?.text).length,
    arrived: arrived.length,
  });
  await Promise.all([bob.stop(), (alice as unknown as HeadlessProcess).stop()]);
  await network.stop();
  return result;
}

async function toMany(browser: Browser, folder: string): Promise<BenchResult> {
  mkdirSync(folder, { recursive: true });
  const names = Array.from({ length: CONVERSATIONS }, (_, n) => `peer${n}`);
  const network = await NetworkProcess.start(['alice', ...names]);
  const peers = await ManyPeers.start(names.map((name) => network.accountOf(name)));
  fillOutbox(
    join(folder, 'alice'),
    network.addressOf('alice'),
    names.map((name) => network.addressOf(name)),
    MESSAGES,
  );
  // the account comes up signed out, so that the window can be looked at while nothing happens
  await network.pause();
  const alice = await HeadlessProcess.start(network.hostArguments('alice', folder));
  const page = await openWindow(browser, alice, 'peer0');
  const idle = await framesOf(page, () => wait(IDLE_FRAMES * 17));
  const before = cpuOf(alice, network);
  const busy = await framesOf(page, async () => {
    await network.resume();
    await network.quiet(QUIET);
  });
  const cpu = cpuOf(alice, network) - before;
  const sender = await alice.connect();
  let notified = 0;
  for (const name of names) {
    const { id } = await sender.call('conversations.open', { address: network.addressOf(name) });
    const sent = await wholeHistory((part) => sender.call('messages.page', part), id);
    notified += sent.filter(({ status }) => status === 'delivered').length;
  }
  const result = report(`drain: ${MESSAGES} queued messages of ${CONVERSATIONS} conversations`, network, idle, busy, {
    'processor ms a message, sender and network': round(cpu / MESSAGES),
    notified,
    ...(await peers.stop()),
  });
  await alice.stop();
  await network.stop();
  return result;
}

function report(name: string, network: NetworkProcess, idle: number[], busy: number[], figures: Record<string, number>): BenchResult {
  const { texts, notifications, all } = network.rates('alice');
  return {
    name,
    ratio: all / WANTED,
    against: `${WANTED} a second, from the first text to the last notification`,
    figures: {
      'messages/s with their notifications': Math.round(all),
      'texts/s': Math.round(texts),
      'notifications/s': Math.round(notifications),
      'frame p95 ms at rest': percentile(idle, 0.95),
      'frame p95 ms meanwhile': percentile(busy, 0.95),
      'frame p95 ratio': percentile(busy, 0.95) / percentile(idle, 0.95),
      'worst frame ms': Math.max(...busy),
      ...figures,
    },
  };
}

async function openWindow(browser: Browser, host: HeadlessProcess, name: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(host.accounts[0]?.url ?? '');
  await page
    .getByRole('button', { name: new RegExp(name, 'i') })
    .first()
    .click();
  await page.locator('[role=log]').waitFor();
  return page;
}

/** What these have used of the processors so far, ms; 0 where that cannot be read. Other programs on the machine change it little. */
function cpuOf(...processes: readonly { readonly pid: number | undefined }[]): number {
  return processes.reduce((sum, { pid }) => {
    const stat = `/proc/${pid}/stat`;
    if (!existsSync(stat)) return sum;
    const fields = readFileSync(stat, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    // utime and stime, in hundredths of a second
    return sum + 10 * (Number(fields[11]) + Number(fields[12]));
  }, 0);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
