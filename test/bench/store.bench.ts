import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import type { BenchResult } from '../../build/lib/bench-result.ts';
import { openHandle } from '../../electron/sqlite/handles.ts';
import { openDatabase } from '../../electron/store/database.ts';
import { openStore } from '../../electron/store/open-store.ts';
import type { Store } from '../../electron/store/port.ts';
import { createReads } from '../../electron/store/reads.ts';
import { createWrites } from '../../electron/store/writes.ts';

const MESSAGES = 100_000;
const PAGE = 50;
const PAGES = 2000;
const COMMITS = 1000;
const ROUNDS = 5;
const TEXT = 'a line as people write them, neither short nor long, with a little more to say at its end';

/** A store with one long thread and some others beside it. */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  try {
    const path = join(folder, 'long.db');
    const shortPath = join(folder, 'short.db');
    fill(path, MESSAGES);
    fill(shortPath, PAGE);
    return [...pages(path, shortPath), ...commits(folder), ...(await throughWorker(folder))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function open(path: string) {
  const database = openDatabase({ path, nativeBinding: null });
  const handle = openHandle(database);
  const reads = createReads(handle);
  return { database, handle, store: { ...reads, ...createWrites(handle, reads) } };
}

const composed = (n: number) => ({ conversationId: 1, text: TEXT, imdnId: `message-${n}`, contributionId: `contribution-${n}`, now: n });

function fill(path: string, messages: number): void {
  const { database, store } = open(path);
  for (const name of ['bob', 'carol', 'dave']) {
    store.openConversation({ peer: `sip:${name}@example.com`, title: name, cpmConversationId: name, now: 1 });
  }
  const insert = database.prepare(
    `INSERT INTO messages (conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
     VALUES (?, 'out', 'text', ?, 'sent', ?, ?, ?, ?)`,
  );
  database.transaction(() => {
    for (let n = 0; n < messages; n++) {
      insert.run(1, TEXT, n, n, `filled-${n}`, `contribution-${n}`);
      if (n % 10 === 0) insert.run(2 + (n % 20) / 10, TEXT, n, n, `beside-${n}`, `contribution-${n}`);
    }
  })();
  database.close();
}

function openAndRead(path: string): void {
  const { database, store } = open(path);
  store.messages({ conversationId: 1, limit: PAGE });
  database.close();
}

function pages(path: string, shortPath: string): BenchResult[] {
  const { database, store } = open(path);
  const newest = database.prepare('SELECT max(id) AS id FROM messages').get() as { id: number };
  const page = (before: number | undefined) => {
    if (store.messages({ conversationId: 1, before, limit: PAGE }).items.length !== PAGE) throw new Error('a page is not full');
  };
  const atEnd = () => page(undefined);
  let seed = 1;
  const deep = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    page(1000 + (seed % (newest.id - 1000)));
  };
  const [newestUs, deepUs] = alternate(atEnd, deep, PAGES);
  database.close();
  const [longUs, shortUs] = alternate(
    () => openAndRead(path),
    () => openAndRead(shortPath),
    10,
  );
  return [
    {
      name: `store: a page of ${PAGE} anywhere in ${MESSAGES} messages`,
      ratio: newestUs / deepUs,
      against: 'the newest page of the same thread',
      figures: { newestUs: round(newestUs), deepUs: round(deepUs) },
    },
    {
      name: `store: open a file of ${MESSAGES} messages and read the newest page`,
      ratio: shortUs / longUs,
      against: `the same with ${PAGE} messages`,
      figures: { longUs: round(longUs), shortUs: round(shortUs) },
    },
  ];
}

/** One composed text (message, conversation, outbox) against one bare row of the same size, both durable. */
function commits(folder: string): BenchResult[] {
  const { database, store } = open(join(folder, 'commits.db'));
  store.openConversation({ peer: 'sip:bob@example.com', title: 'Bob', cpmConversationId: 'c', now: 1 });
  const bare = new SqliteDatabase(join(folder, 'bare.db'));
  for (const pragma of ['locking_mode = EXCLUSIVE', 'journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON']) bare.pragma(pragma);
  bare.exec(
    'CREATE TABLE messages (id INTEGER PRIMARY KEY, text TEXT NOT NULL, imdn_id TEXT NOT NULL, contribution_id TEXT NOT NULL) STRICT',
  );
  const insert = bare.prepare('INSERT INTO messages (text, imdn_id, contribution_id) VALUES (?, ?, ?)');
  let n = 0;
  const compose = () => {
    n += 1;
    store.composeText(composed(n));
  };
  const bareInsert = () => insert.run(TEXT, `message-${n}`, `contribution-${n}`);
  const [composeUs, bareUs] = alternate(compose, bareInsert, COMMITS);
  database.close();
  bare.close();
  return [
    {
      name: 'store: commit one composed text',
      ratio: bareUs / composeUs,
      against: 'one bare insert with the same pragmas',
      figures: { composeUs: round(composeUs), bareUs: round(bareUs), composedPerSecond: Math.round(1e6 / composeUs) },
    },
  ];
}

/** The same calls through the thread: one after the other, and with 32 in flight. */
async function throughWorker(folder: string): Promise<BenchResult[]> {
  const inThread = open(join(folder, 'here.db'));
  const store: Store = await openStore({
    path: join(folder, 'there.db'),
    worker: new URL('../../electron/store/worker.ts', import.meta.url),
    nativeBinding: null,
  });
  const conversation = { peer: 'sip:bob@example.com', title: 'Bob', cpmConversationId: 'c', now: 1 };
  inThread.store.openConversation(conversation);
  await store.openConversation(conversation);
  let n = 0;
  const here: number[] = [];
  const there: number[] = [];
  const flight: number[] = [];
  const hereRead: number[] = [];
  const thereRead: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const first = n;
    here.push(await time(COMMITS, () => inThread.store.composeText(composed(n++))));
    n = first;
    there.push(await time(COMMITS, () => store.composeText(composed(n++))));
    flight.push(
      await time(Math.ceil(COMMITS / 32), () =>
        Promise.all(Array.from({ length: 32 }, () => store.composeText({ ...composed(n), imdnId: `flight-${n++}` }))),
      ),
    );
    hereRead.push(await time(COMMITS, () => inThread.store.messages({ conversationId: 1, limit: PAGE })));
    thereRead.push(await time(COMMITS, () => store.messages({ conversationId: 1, limit: PAGE })));
  }
  inThread.database.close();
  await store.close();
  const flightUs = median(flight) / 32;
  return [
    {
      name: 'store: commit composed texts through the worker, 32 in flight',
      ratio: median(here) / flightUs,
      against: 'one after the other in the thread of the database',
      figures: { flightUs: round(flightUs), sameThreadUs: round(median(here)) },
    },
    {
      name: 'store: commit one composed text through the worker',
      ratio: median(here) / median(there),
      against: 'the same call in the thread of the database',
      figures: { workerUs: round(median(there)), sameThreadUs: round(median(here)) },
    },
    {
      name: `store: a page of ${PAGE} through the worker`,
      ratio: median(hereRead) / median(thereRead),
      against: 'the same call in the thread of the database',
      figures: { workerUs: round(median(thereRead)), sameThreadUs: round(median(hereRead)) },
    },
  ];
}

/** Microseconds a call, median of rounds that alternate, so that both meet the same noise. */
function alternate(a: () => unknown, b: () => unknown, times: number): [number, number] {
  const samples: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, call] of [a, b].entries()) {
      const at = performance.now();
      for (let n = 0; n < times; n++) call();
      samples[index]?.push(((performance.now() - at) * 1000) / times);
    }
  }
  return [median(samples[0]), median(samples[1])];
}

/** Microseconds a call. */
async function time(times: number, call: () => unknown): Promise<number> {
  const at = performance.now();
  for (let n = 0; n < times; n++) await call();
  return ((performance.now() - at) * 1000) / times;
}

function median(values: number[]): number {
  return [...values].sort((x, y) => x - y)[values.length >> 1] as number;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
