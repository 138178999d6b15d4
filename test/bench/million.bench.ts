import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchResult } from '../../build/lib/bench-result.ts';
import { openHandle } from '../../electron/sqlite/handles.ts';
import { openDatabase } from '../../electron/store/database.ts';
import { createReads } from '../../electron/store/reads.ts';
import { createWrites } from '../../electron/store/writes.ts';

const MANY = Number(process.env['PARLEY_BENCH_MESSAGES'] ?? 1_000_000);
const FEW = 1000;
const CONVERSATIONS = 100;
const PAGE = 50;
/** of the conversations, those that have the messages: a whole page each, however few there are */
const BUSY = FEW / PAGE;
const ROUNDS = 20;
const TEXT = 'a line as people write them, neither short nor long, with a little more to say at its end';

type Opened = ReturnType<typeof open>;

/** A store of many messages against one of few, both with a hundred conversations whose messages came one among the others. */
export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const [many, few] = [open(join(folder, 'many.db')), open(join(folder, 'few.db'))];
  try {
    fill(many, MANY);
    fill(few, FEW);
    const opened = compare(many, few, ({ store }, n) => {
      const id = 1 + (n % BUSY);
      store.conversation(id);
      if (store.messages({ conversationId: id, limit: PAGE }).items.length !== PAGE) throw new Error('a page is not full');
    });
    const listed = compare(many, few, ({ store }) => store.conversations({ limit: CONVERSATIONS }));
    const received = compare(many, few, receive);
    const result = (name: string, { many: manyUs, few: fewUs }: Compared, figures: Record<string, number> = {}): BenchResult => ({
      name: `store of ${MANY} messages: ${name}`,
      ratio: fewUs / manyUs,
      against: `the same with ${FEW}`,
      figures: { us: round(manyUs), [`us with ${FEW}`]: round(fewUs), timesAsLong: round(manyUs / fewUs), ...figures },
    });
    return [
      result('open a conversation', opened),
      result(`list of ${CONVERSATIONS} conversations`, listed, { ms: round(listed.many / 1000) }),
      result('a text that is received and reported on, without the flush', received),
    ];
  } finally {
    for (const { database } of [many, few]) database.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function open(path: string) {
  const database = openDatabase({ path, nativeBinding: null });
  const handle = openHandle(database);
  const reads = createReads(handle);
  return { database, store: { ...reads, ...createWrites(handle, reads) } };
}

function fill({ database, store }: Opened, messages: number): void {
  for (let n = 0; n < CONVERSATIONS; n++) {
    store.openConversation({ peer: `sip:peer${n}@example.com`, title: `Peer ${n}`, cpmConversationId: `c${n}`, now: n });
  }
  // searching has a bench of its own
  const trigger = database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'search_message'").get() as { sql: string };
  database.exec('DROP TRIGGER search_message');
  const insert = database.prepare(
    `INSERT INTO messages (conversation_id, direction, kind, text, status, sent_at, stored_at, imdn_id, contribution_id)
     VALUES (?, 'out', 'text', ?, 'sent', ?, ?, ?, 'c')`,
  );
  database.transaction(() => {
    for (let n = 0; n < messages; n++) insert.run(1 + (n % BUSY), TEXT, n, n, `filled-${n}`);
  })();
  database.exec(trigger.sql);
  // what the rows of the list repeat
  for (let n = 0; n < CONVERSATIONS; n++) receive({ database, store }, n + 1);
}

let received = 0;

function receive({ database, store }: Opened, id: number): void {
  received += 1;
  // what a flush of the disk takes is no part of it
  database.pragma('synchronous = OFF');
  store.receiveText({
    peer: `sip:peer${id - 1}@example.com`,
    title: 'Peer',
    cpmConversationId: `c${id - 1}`,
    contributionId: 'c',
    imdnId: `received-${received}`,
    text: TEXT,
    sentAt: received,
    now: 2_000_000 + received,
    notify: { positiveDelivery: true, negativeDelivery: true, display: true, originInstance: null, dateTime: '2026-11-20T10:00:00Z' },
  });
}

interface Compared {
  readonly many: number;
  readonly few: number;
}

/** Microseconds a call, median over rounds in which both take turns; each round goes through all conversations. */
function compare(many: Opened, few: Opened, call: (opened: Opened, id: number) => unknown): Compared {
  const samples = { many: [] as number[], few: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, opened] of [['many', many] as const, ['few', few] as const]) {
      const at = performance.now();
      for (let id = 1; id <= CONVERSATIONS; id++) call(opened, id);
      // the first round warms both
      if (round > 0) samples[name].push(((performance.now() - at) * 1000) / CONVERSATIONS);
    }
  }
  const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
  return { many: median(samples.many), few: median(samples.few) };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
