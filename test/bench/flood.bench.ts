import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import type { BenchResult } from '../../build/lib/bench-result.ts';
import { HeadlessProcess } from '../harness/headless-process.ts';
import { wholeHistory } from '../harness/history.ts';
import { BUILT_PAGE, buildPage, openBrowser } from '../harness/page.ts';
import { SipPeer } from '../harness/sip-peer.ts';
import { NetworkProcess } from './drain/network.ts';
import { framesOf, percentile } from './frames.ts';

const PER_SECOND = 1000;
const SECONDS = 15;
const CLICKS = 30;
const CPM = '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"';

/** A window while a stranger sends a thousand requests a second (MESSAGE, OPTIONS, INVITE, nonsense), against the same window left alone. */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const browser = await openBrowser();
  const network = await NetworkProcess.start(['alice', 'bob', 'carol', 'mallory']);
  const [alice, bob] = [
    await HeadlessProcess.start(network.hostArguments('alice', folder)),
    await HeadlessProcess.start(network.hostArguments('bob', folder)),
  ];
  try {
    await buildPage(BUILT_PAGE);
    const [here, there] = [await alice.connect(), await bob.connect()];
    for (const name of ['bob', 'carol']) await here.call('conversations.open', { address: network.addressOf(name) });
    const friend = await there.call('conversations.open', { address: network.addressOf('alice') });
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
    await page.goto(alice.accounts[0]?.url ?? '');
    await page.getByRole('button', { name: /bob/i }).first().waitFor();

    const arrivals: number[] = [];
    let written = 0;
    const friendly = async (): Promise<void> => {
      const text = `friend ${++written}`;
      const began = performance.now();
      const arrived = new Promise<void>((resolve) => {
        const off = here.on('message.changed', (message) => {
          if (message.text !== text) return;
          off();
          resolve();
        });
      });
      await there.call('messages.sendText', { conversationId: friend.id, clientId: `friendly-0123456789-${written}`, text });
      await arrived;
      arrivals.push(performance.now() - began);
    };
    const measured = async () => {
      arrivals.length = 0;
      let clicks: number[] = [];
      const frames = await framesOf(page, async () => {
        clicks = await clicksOf(page, ['bob', 'carol']);
        for (let at = 0; at < 5; at++) await friendly();
      });
      return { clicks, frames, arrivals: [...arrivals] };
    };
    await measured();
    const idle = await measured();
    const memoryBefore = memoryOf(alice);
    const mallory = await SipPeer.connect(hostAndPort(network.accountOf('mallory').outboundProxy), network.accountOf('mallory'));
    await mallory.register();
    const flood = startFlood(mallory, network.addressOf('alice'));
    await wait(2000);
    const busy = await measured();
    await wait(Math.max(0, SECONDS * 1000 - flood.elapsed()));
    const sent = flood.stop();
    const stranger = await here.call('conversations.open', { address: network.addressOf('mallory') });
    const stored = await wholeHistory((part) => here.call('messages.page', part), stranger.id);
    await mallory.close();
    return [
      {
        name: `flood: ${PER_SECOND} requests a second of a stranger, a click until its answer, p95`,
        ratio: percentile(idle.clicks, 0.95) / percentile(busy.clicks, 0.95),
        against: 'the same window left alone',
        figures: {
          'requests sent': sent.requests,
          'requests a second': Math.round(sent.requests / sent.seconds),
          'of them stored': stored.length,
          'click p95 ms, alone': percentile(idle.clicks, 0.95),
          'click p95 ms, flooded': percentile(busy.clicks, 0.95),
          'frame p95 ms, alone': percentile(idle.frames, 0.95),
          'frame p95 ms, flooded': percentile(busy.frames, 0.95),
          'text of a friend p50 ms, alone': percentile(idle.arrivals, 0.5),
          'text of a friend p50 ms, flooded': percentile(busy.arrivals, 0.5),
          'text of a friend worst ms, flooded': percentile(busy.arrivals, 1),
          'memory MB, before': memoryBefore,
          'memory MB, after': memoryOf(alice),
          'lines in the log': alice.log.filter((line) => line.includes('too many requests')).length,
        },
      },
    ];
  } finally {
    await browser.close();
    await Promise.all([alice.stop(), bob.stop()]);
    await network.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** ms from a click on a conversation to its messages on the screen, in turn */
function clicksOf(page: Page, names: readonly string[]): Promise<number[]> {
  return page.evaluate(
    async ({ names, count }) => {
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      const times: number[] = [];
      for (let at = 0; at < count; at++) {
        const name = names[at % names.length] as string;
        const rows = [...document.querySelectorAll<HTMLElement>('nav .row')];
        const row = rows.find((each) => each.textContent?.toLowerCase().includes(name));
        const began = performance.now();
        row?.click();
        const isShown = () => document.querySelector('[role=log]')?.getAttribute('aria-label')?.toLowerCase().includes(name) === true;
        while (!isShown() && performance.now() - began < 10_000) await frame();
        times.push(performance.now() - began);
        for (let pause = 0; pause < 6; pause++) await frame();
      }
      return times;
    },
    { names, count: CLICKS },
  );
}

function startFlood(peer: SipPeer, target: string): { elapsed(): number; stop(): { requests: number; seconds: number } } {
  const began = performance.now();
  let requests = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000) * PER_SECOND);
    for (; requests < due; requests++) peer.send(request(peer, target, requests));
    peer.inbox.length = 0;
  }, 5);
  return {
    elapsed: () => performance.now() - began,
    stop() {
      clearInterval(timer);
      return { requests, seconds: (performance.now() - began) / 1000 };
    },
  };
}

function request(peer: SipPeer, target: string, at: number) {
  const contact = ['Contact', `<${peer.contactUri}>`] as const;
  switch (at % 4) {
    case 0:
      return peer.build('MESSAGE', target, {
        headers: [
          ['Accept-Contact', CPM],
          ['Content-Type', 'text/plain'],
        ],
        body: `flood ${at}`,
      });
    case 1:
      return peer.build('OPTIONS', target, { headers: [['Accept-Contact', CPM]] });
    case 2:
      return peer.build('INVITE', target, {
        headers: [['Accept-Contact', CPM], contact, ['Content-Type', 'application/sdp']],
        body: 'nonsense',
      });
    default:
      return peer.build('MESSAGE', target, { headers: [['Content-Type', 'x/y']], body: '\u0000nonsense' });
  }
}

/** resident, where the system tells it; else 0 */
function memoryOf(host: HeadlessProcess): number {
  const file = `/proc/${host.pid}/status`;
  const found = existsSync(file) ? /^VmRSS:\s+([0-9]+) kB/m.exec(readFileSync(file, 'utf8')) : null;
  return found === null ? 0 : Math.round(Number(found[1]) / 1024);
}

function hostAndPort(proxy: string): { host: string; port: number } {
  const colon = proxy.lastIndexOf(':');
  return { host: proxy.slice(0, colon), port: Number(proxy.slice(colon + 1)) };
}
