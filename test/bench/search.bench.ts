import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchResult } from '../../build/lib/bench-result.ts';
import { openHandle } from '../../electron/sqlite/handles.ts';
import { openDatabase } from '../../electron/store/database.ts';
import { createReads } from '../../electron/store/reads.ts';

const MESSAGES = Number(process.env['PARLEY_BENCH_MESSAGES'] ?? 100_000);
const CONVERSATIONS = 200;
const WORDS = 20_000;
const WORDS_A_MESSAGE = 12;
const TYPED = 400;
const HITS = 30;

/** Search as a person types, over a store of many messages with words as unevenly spread as in a language. */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  try {
    const path = join(folder, 'search.db');
    const fillMs = fill(path);
    const database = openDatabase({ path, nativeBinding: null });
    const { searchMessages } = createReads(openHandle(database));
    const like = database.prepare(`SELECT id FROM messages WHERE text LIKE ? ORDER BY id DESC LIMIT ${HITS}`);
    const random = generator(7);
    const prefixes = Array.from({ length: TYPED }, () => word(rank(random)));
    const typed = prefixes.flatMap((each) => [2, 3, 4, 5, 6, 8].map((length) => each.slice(0, length)));
    const everywhere = typed.map((text) => time(() => searchMessages({ text, limit: HITS })));
    const twoLetters = [...new Set(prefixes.map((each) => each.slice(0, 2)))].map((text) =>
      time(() => searchMessages({ text, limit: HITS })),
    );
    const pairs = prefixes
      .slice(1)
      .map((each, n) => time(() => searchMessages({ text: `${prefixes[n]} ${each.slice(0, 3)}`, limit: HITS })));
    const inside = typed.map((text, n) => time(() => searchMessages({ text, conversationId: 1 + (n % CONVERSATIONS), limit: HITS })));
    // a scan looks at everything for the rarest words
    const rare = Array.from({ length: 15 }, (_, n) => word(WORDS - 1 - n));
    const scans = rare.map((text) => time(() => like.all(`%${text}%`)));
    const same = rare.map((text) => time(() => searchMessages({ text, limit: HITS })));
    database.close();
    return [
      {
        name: `search: as typed, 2 to 8 letters, over ${MESSAGES} messages`,
        ratio: percentile(scans, 0.5) / percentile(same, 0.5),
        against: 'a LIKE scan, both for the rarest words',
        figures: {
          p50Ms: percentile(everywhere, 0.5),
          p99Ms: percentile(everywhere, 0.99),
          twoLettersP99Ms: percentile(twoLetters, 0.99),
          twoWordsP99Ms: percentile(pairs, 0.99),
          oneConversationP99Ms: percentile(inside, 0.99),
          scanMs: percentile(scans, 0.5),
          slowestMs: percentile([...everywhere, ...twoLetters, ...pairs, ...inside], 1),
          filledPerSecond: Math.round((MESSAGES * 1000) / fillMs),
          fileMegabytes: statSync(path).size / 1e6,
        },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns ms */
function fill(path: string): number {
  const database = openDatabase({ path, nativeBinding: null });
  const conversation = database.prepare(
    "INSERT INTO conversations (peer, title, cpm_conversation_id, updated_at) VALUES (?, 'title', 'c', 1)",
  );
  const insert = database.prepare(
    `INSERT INTO messages (conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
     VALUES (?, 'out', 'text', ?, 'sent', ?, ?, ?, 'c')`,
  );
  const random = generator(1);
  const at = performance.now();
  database.transaction(() => {
    for (let n = 0; n < CONVERSATIONS; n++) conversation.run(`sip:peer${n}@example.com`);
    for (let n = 0; n < MESSAGES; n++) {
      const text = Array.from({ length: WORDS_A_MESSAGE }, () => word(rank(random))).join(' ');
      // a few conversations have most of the messages
      insert.run(1 + Math.floor(CONVERSATIONS * random() ** 3), text, n, n, `m${n}`);
    }
  })();
  database.close();
  return performance.now() - at;
}

/** by Zipf: the n-th word comes as often as 1/n */
function rank(random: () => number): number {
  return Math.floor(WORDS ** random());
}

/** 2 to 10 letters, short ones for the frequent words, each another */
function word(index: number): string {
  const next = generator(index * 7919);
  const length = Math.min(10, 2 + Math.floor(Math.log2(index + 1) * 0.6 + next() * 2));
  return Array.from({ length }, () => 'etaoinshrdlucmfwypvbgkjqxz'[Math.floor(26 * next() ** 2)]).join('');
}

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** ms */
function time(call: () => unknown): number {
  const at = performance.now();
  call();
  return performance.now() - at;
}

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] as number;
}
