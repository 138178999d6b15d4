import { open } from 'node:fs/promises';
import { chatReceive, chatSend } from './chat-beside.ts';
import { cutSend, fastReceive, fastSend, plainReceive, plainSend } from './copies.ts';
import { echoReceive, echoSend, lonelyEchoSend } from './echo.ts';
import { anchor, engineReceive, engineSend, lonelyMessagesSend, messagesReceive, messagesSend } from './engines.ts';
import type { Job } from './job.ts';
import { keptReceive } from './kept.ts';
import { startProfile } from './profile.ts';

/** One side of a measurement; each runs in a process of its own and talks to the bench by messages. */
export interface PeerJob extends Job {
  readonly role: keyof typeof ROLES;
}

const ROLES = {
  plainSend,
  plainReceive,
  fastSend,
  fastReceive,
  cutSend,
  cutReceive: fastReceive,
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

/** Its jobs one after the other, so that what the first one does to the process is known of the others. */
async function main(): Promise<void> {
  const jobs = JSON.parse(process.argv[2] as string) as PeerJob[];
  await withoutSync();
  process.once('disconnect', () => process.exit());
  for (const job of jobs) {
    const side = await ROLES[job.role](job);
    const told = new Promise<{ other: unknown }>((resolve) => process.once('message', resolve));
    process.send?.({ kind: 'ready', contact: side.contact }, ignoreGone);
    const { other } = await told;
    const idle = process.memoryUsage.rss();
    let peak = idle;
    const look = (): void => {
      peak = Math.max(peak, process.memoryUsage.rss());
    };
    const watch = setInterval(look, 10);
    const endProfile = startProfile(job.role);
    const began = process.cpuUsage();
    try {
      const figures = (await side.run(other)) ?? {};
      const { user, system } = process.cpuUsage(began);
      look();
      process.send?.({ kind: 'done', figures, idleRss: idle, peakRss: peak, cpuMs: (user + system) / 1000 }, ignoreGone);
    } catch (thrown) {
      process.send?.({ kind: 'failed', reason: String(thrown) }, ignoreGone);
    }
    endProfile();
    clearInterval(watch);
  }
}

await main();
