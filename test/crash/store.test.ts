import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { openInThread } from '../unit/store/fixture.ts';

const KILLS = 30;
const folder = temporaryFolder();
const writer = fileURLToPath(new URL('./store-writer.ts', import.meta.url));

/** Lets a process write until it printed a random number of lines and a random moment more, and kills it. @returns what it printed */
async function writeAndKill(path: string, prefix: string): Promise<string[]> {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(process.execPath, [writer, path, prefix], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  });
  const lines: string[] = [];
  const enough = Math.floor(Math.random() * 80);
  const exited = new Promise<NodeJS.Signals | null>((resolve) => child.on('exit', (_, signal) => resolve(signal)));
  const output = createInterface({ input: child.stdout });
  output.on('line', (line) => {
    lines.push(line);
    if (lines.length === enough + 1) setTimeout(() => child.kill('SIGKILL'), Math.random() * 15);
  });
  const read = new Promise<void>((resolve) => output.on('close', resolve));
  expect(await exited).toBe('SIGKILL');
  await read;
  return lines;
}

function count(database: ReturnType<typeof openInThread>['database'], sql: string): number {
  return (database.prepare(sql).get() as { n: number }).n;
}

test('a process killed at random moments loses nothing that was acknowledged and doubles nothing', { timeout: 240_000 }, async () => {
  const path = join(folder, 'store.db');
  const acknowledged: string[] = [];
  const sent: string[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    const lines = await writeAndKill(path, `run${kill}`);
    acknowledged.push(...lines.filter((line) => /^(composed|received)/.test(line)));
    sent.push(...lines.filter((line) => line.startsWith('sent')));

    const { database, store } = openInThread(path);
    expect(database.pragma('quick_check', { simple: true })).toBe('ok');
    expect(database.pragma('foreign_key_check')).toEqual([]);
    const rows = database.prepare('SELECT direction, imdn_id AS id, status FROM messages ORDER BY messages.id').all() as {
      direction: 'in' | 'out';
      id: string;
      status: string;
    }[];
    const there = rows.map((row) => `${row.direction === 'in' ? 'received' : 'composed'} ${row.id}`);
    expect(new Set(there).size).toBe(there.length);
    const missing = new Set(acknowledged);
    for (const line of there) missing.delete(line);
    expect([...missing]).toEqual([]);
    // texts left in the order of their composition: what still waits is the tail, and none of it was acknowledged as sent
    const outgoing = rows.filter((row) => row.direction === 'out');
    const statuses = outgoing.map((row) => row.status);
    const left = statuses.filter((status) => status === 'sent').length;
    expect(statuses.slice(0, left), statuses.join(' ')).toEqual(Array(left).fill('sent'));
    const status = new Map(outgoing.map((row) => [row.id, row.status]));
    expect(sent.filter((line) => status.get(line.slice(5)) !== 'sent')).toEqual([]);

    store.outboxRecover(Date.now());
    expect(count(database, 'SELECT count(*) AS n FROM outbox WHERE in_work = 1')).toBe(0);
    expect(count(database, "SELECT count(*) AS n FROM outbox WHERE kind = 'text'")).toBe(
      outgoing.filter((row) => row.status !== 'sent').length,
    );
    expect(count(database, "SELECT count(*) AS n FROM messages WHERE status = 'sending'")).toBe(0);
    expect(count(database, 'SELECT ifnull(sum(unread), 0) AS n FROM conversations')).toBe(rows.length - outgoing.length);
    database.close();
  }
  expect(sent.length).toBe(new Set(sent).size);
  expect(acknowledged.length).toBeGreaterThan(KILLS);
});
