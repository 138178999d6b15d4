import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { BenchResult } from '../../build/lib/bench-result.ts';
import { accountPaths } from '../../electron/app/paths.ts';
import { openDatabase } from '../../electron/store/database.ts';
import { HeadlessProcess } from '../harness/headless-process.ts';
import { BUILT_PAGE, buildPage, openBrowser } from '../harness/page.ts';
import { percentile } from './frames.ts';

const MESSAGES = Number(process.env['PARLEY_BENCH_MESSAGES'] ?? 1_000_000);
const CONVERSATIONS = 1000;
const ROUNDS = 5;
const ADDRESS = 'sip:alice@example.com';

/**
 * From the start of the program to the first conversation list on the screen, with many messages and with none. All the while the SIP core is a black hole:
 * it takes the connection and never says a word.
 */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const browser = await openBrowser();
  try {
    await buildPage(BUILT_PAGE);
    const account = join(folder, 'alice.json');
    const outboundProxy = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    writeFileSync(account, JSON.stringify({ address: ADDRESS, user: 'alice', password: 'x', outboundProxy }));
    const stores = { none: join(folder, 'none'), many: join(folder, 'many') };
    fill(stores.none, 0);
    fill(stores.many, MESSAGES);
    const times: Record<keyof typeof stores, Painted[]> = { none: [], many: [] };
    for (let round = 0; round <= ROUNDS; round++) {
      for (const name of ['none', 'many'] as const) {
        const painted = await paint(
          browser,
          ['--account', account, '--user-data', stores[name]],
          name === 'many' ? 'nav .row' : 'nav .empty',
        );
        // the first round warms the files and the browser
        if (round > 0) times[name].push(painted);
      }
    }
    const median = (name: keyof typeof stores, part: keyof Painted) =>
      percentile(
        times[name].map((each) => each[part]),
        0.5,
      );
    return [
      {
        name: `paint: the first conversation list, ${MESSAGES} messages`,
        ratio: median('none', 'total') / median('many', 'total'),
        against: 'the same with an empty store; the network is a black hole for both',
        figures: {
          'ms from the start': median('many', 'total'),
          'ms from the start, empty': median('none', 'total'),
          'times as long': Math.round((100 * median('many', 'total')) / median('none', 'total')) / 100,
          'of it the page, ms': median('many', 'page'),
          'of it the page, empty, ms': median('none', 'page'),
        },
      },
    ];
  } finally {
    await browser.close();
    silent.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** ms */
interface Painted {
  readonly total: number;
  readonly page: number;
}

async function paint(browser: Browser, args: readonly string[], selector: string): Promise<Painted> {
  const began = performance.now();
  const host = await HeadlessProcess.start(args);
  const hostMs = performance.now() - began;
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  try {
    await context.addInitScript((wanted) => {
      const look = (): void => {
        if (document.querySelector(wanted) === null) requestAnimationFrame(look);
        // after the frame that shows it
        else requestAnimationFrame(() => setTimeout(() => Object.assign(globalThis, { paintedAt: performance.now() }), 0));
      };
      look();
    }, selector);
    const page = await context.newPage();
    await page.goto(host.accounts[0]?.url ?? '');
    const painted = await page.waitForFunction(() => (globalThis as unknown as { paintedAt?: number }).paintedAt, undefined, {
      timeout: 60_000,
    });
    const pageMs = (await painted.jsonValue()) ?? 0;
    return { total: hostMs + pageMs, page: pageMs };
  } finally {
    await context.close();
    await host.stop();
  }
}

function fill(userData: string, messages: number): void {
  const { data } = accountPaths(userData, ADDRESS, userData);
  mkdirSync(data, { recursive: true });
  const database = openDatabase({ path: join(data, 'parley.db'), nativeBinding: null });
  // searching has a bench of its own
  const trigger = database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'search_message'").get() as { sql: string };
  database.exec('DROP TRIGGER search_message');
  database.transaction(() => {
    const conversation = database.prepare(
      `INSERT INTO conversations (peer, title, cpm_conversation_id, updated_at, last_message_id, last_direction, last_kind, last_text, last_status)
       VALUES (?, ?, 'c', ?, ?, 'out', 'text', 'a line as people write them', 'delivered')`,
    );
    for (let n = 0; messages > 0 && n < CONVERSATIONS; n++) conversation.run(`sip:peer${n}@example.com`, `Peer ${n}`, n, n + 1);
    const insert = database.prepare(
      `INSERT INTO messages (conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
       VALUES (?, 'out', 'text', 'a line as people write them', 'delivered', ?, ?, ?, 'c')`,
    );
    for (let n = 0; n < messages; n++) insert.run(1 + (n % CONVERSATIONS), n, n, `m${n}`);
  })();
  database.exec(trigger.sql);
  database.close();
}
