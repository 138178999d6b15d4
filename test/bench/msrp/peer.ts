import { open } from 'node:fs/promises';
import { chatReceive, chatSend } from './chat-beside.ts';
import { fastReceive, fastSend, plainReceive, plainSend } from './copies.ts';
import { echoReceive, echoSend, lonelyEchoSend } from './echo.ts';
import { anchor, engineReceive, engineSend, lonelyMessagesSend, messagesReceive, messagesSend } from './engines.ts';
import type { Figures, Job } from './job.ts';
import { keptReceive } from './kept.ts';

/** One side of a measurement; each runs in a process of its own and talks to the bench by messages. */
export interface PeerJob extends Job {
  readonly role: keyof typeof ROLES;
}

const ROLES = {
  plainSend,
  plainReceive,
  fastSend,
  fastReceive,
  engineSend,
  engineReceive,
  anchor,
  keptReceive,
  messagesSend,
  lonelyMessagesSend,
  messagesReceive,
  echoSend,
  lonelyEchoSend,
  echoReceive,
  chatSend,
  chatReceive,
};

/** The ratio is about moving octets: how long a disk takes to sync a file is no part of it, for none of the copies. */
async function withoutSync(): Promise<void> {
  const file = await open(new URL(import.meta.url), 'r');
  (Object.getPrototypeOf(file) as { sync: () => Promise<void> }).sync = async () => {};
  await file.close();
}

/** whoever started this may have ended it already */
const ignoreGone = (): void => {};

async function main(): Promise<void> {
  const job = JSON.parse(process.argv[2] as string) as PeerJob;
  await withoutSync();
  const side = await ROLES[job.role](job);
  process.send?.({ kind: 'ready', contact: side.contact });
  process.once('message', (message: { other: unknown }) => {
    const idle = process.memoryUsage.rss();
    let peak = idle;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 10);
    const began = process.cpuUsage();
    (side.run(message.other) as Promise<Figures | undefined>).then(
      (figures) => {
        clearInterval(watch);
        const cpu = process.cpuUsage(began);
        peak = Math.max(peak, process.memoryUsage.rss());
        process.send?.({ kind: 'done', figures: figures ?? {}, rssAboveIdle: peak - idle, cpuMs: (cpu.user + cpu.system) / 1000 });
      },
      (thrown: unknown) => process.send?.({ kind: 'failed', reason: String(thrown) }, ignoreGone),
    );
  });
  process.once('disconnect', () => process.exit());
}

await main();
