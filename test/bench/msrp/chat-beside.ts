import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import type { MessageSink } from '../../../electron/msrp/port.ts';
import { listeningEngine, openSession, receiveFile, sendFile } from './engines.ts';
import type { Figures, Job, Side } from './job.ts';
import { quantile } from './job.ts';

const EVERY_MS = 4;
const IDLE_MESSAGES = 750;
const NANOSECONDS = 1e6;

/** One connection, two sessions: somebody writes every few milliseconds, first alone, then while a file takes all that the connection can carry. */
export async function chatSend(job: Job): Promise<Side> {
  const engine = await listeningEngine();
  const chat = openSession(engine);
  const files = openSession(engine);
  return {
    contact: [chat.localUri, files.localUri],
    run: async (other) => {
      const [chatPath, filePath] = other as [string, string];
      await chat.connect({ role: 'active', remotePath: [chatPath] });
      await files.connect({ role: 'active', remotePath: [filePath] });
      // the first ones compile the code
      let left = IDLE_MESSAGES;
      await write(() => left-- > 0);
      left = IDLE_MESSAGES;
      const idle = await write(() => left-- > 0);
      const delay = loopDelay();
      let isSending = true;
      const sending = sendFile(files, job).finally(() => (isSending = false));
      const busy = await write(() => isSending);
      await sending;
      const figures = { idleP99: quantile(idle, 0.99), busyP50: quantile(busy, 0.5), busyP99: quantile(busy, 0.99), written: busy.length };
      return { ...figures, ...delay() };
    },
  };

  /** @returns ms from each send until its answer; the next one does not wait for it */
  async function write(goesOn: () => boolean): Promise<number[]> {
    const times: number[] = [];
    const under: Promise<void>[] = [];
    const source = Buffer.alloc(300, 'x');
    while (goesOn()) {
      const at = performance.now();
      const sent = chat.send({ contentType: 'text/plain', source, successReport: false });
      under.push(sent.then(() => void times.push(performance.now() - at)));
      await wait(EVERY_MS);
    }
    await Promise.all(under);
    return times;
  }
}

export async function chatReceive(job: Job): Promise<Side> {
  const text: MessageSink = { write() {}, complete() {}, abort() {} };
  let taken: (result: Promise<unknown>) => void = () => {};
  let delay: () => Figures = () => ({});
  const whole = new Promise<unknown>((resolve) => (taken = resolve));
  const engine = await listeningEngine();
  const chat = openSession(engine, { onMessage: () => text });
  const files = openSession(engine, {
    onMessage: () => {
      const { sink, result } = receiveFile(job);
      delay = loopDelay();
      taken(result);
      return sink;
    },
  });
  return {
    contact: [chat.localUri, files.localUri],
    run: async (other) => {
      const [chatPath, filePath] = other as [string, string];
      const connected = [
        chat.connect({ role: 'passive', remotePath: [chatPath] }),
        files.connect({ role: 'passive', remotePath: [filePath] }),
      ];
      await Promise.all(connected);
      await whole;
      return delay();
    },
  };
}

/** @returns how late this thread came to what was due since then, ms */
export function loopDelay(): () => Figures {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  return () => {
    histogram.disable();
    return { loopP50: histogram.percentile(50) / NANOSECONDS, loopP99: histogram.percentile(99) / NANOSECONDS };
  };
}
