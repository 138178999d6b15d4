import { statSync } from 'node:fs';
import { createMsrpEngine } from '../../../electron/msrp/engine.ts';
import { createFileSink } from '../../../electron/msrp/file-sink.ts';
import { openFileSource } from '../../../electron/msrp/file-source.ts';
import { CHUNK_PARLEY } from '../../../electron/msrp/limits.ts';
import type { MessageSink, MsrpSession, SessionHandlers } from '../../../electron/msrp/port.ts';
import type { Job, Side } from './job.ts';

async function session(handlers: Partial<SessionHandlers>): Promise<MsrpSession> {
  const engine = createMsrpEngine();
  await engine.listen({ host: '127.0.0.1', port: 0 });
  return engine.createSession({ onMessage: () => ({ refuse: 403 }), onClosed: () => {}, ...handlers });
}

export async function engineSend(job: Job): Promise<Side> {
  const active = await session({});
  return {
    contact: active.localUri,
    run: async (other) => {
      await active.connect({ role: 'active', remotePath: [other as string] });
      const expected = { size: job.size, modifiedAt: statSync(job.path).mtimeMs, sha256: job.sha256 };
      const file = await openFileSource(job.path, { expected });
      await active.send({ contentType: 'application/octet-stream', source: file.source, successReport: true, chunkSize: CHUNK_PARLEY });
      await file.close();
    },
  };
}

export async function engineReceive(job: Job): Promise<Side> {
  let take: (sink: Promise<unknown>) => void;
  const begun = new Promise<Promise<unknown>>((resolve) => {
    take = (result) => resolve(result);
  });
  const passive = await session({
    onMessage: () => {
      const file = createFileSink({ partialPath: job.path, size: job.size, hash: { sha1: null, sha256: job.sha256 } });
      take(file.result.then(() => {}));
      return file.sink;
    },
  });
  return {
    contact: passive.localUri,
    run: async (other) => {
      await passive.connect({ role: 'passive', remotePath: [other as string] });
      await await begun;
    },
  };
}

const OUTSTANDING = 32;

export async function messagesSend(job: Job): Promise<Side> {
  const active = await session({});
  const source = Buffer.alloc(job.size, 'x');
  return {
    contact: active.localUri,
    run: async (other) => {
      await active.connect({ role: 'active', remotePath: [other as string] });
      let left = job.count;
      const worker = async (): Promise<void> => {
        while (left-- > 0) await active.send({ contentType: 'text/plain', source, successReport: false });
      };
      await Promise.all(Array.from({ length: OUTSTANDING }, worker));
    },
  };
}

export async function messagesReceive(job: Job): Promise<Side> {
  let got = 0;
  let finished: () => void = () => {};
  const sink: MessageSink = {
    write() {},
    complete() {
      if (++got === job.count) finished();
    },
    abort() {},
  };
  const passive = await session({ onMessage: () => sink });
  return {
    contact: passive.localUri,
    run: async (other) => {
      const all = new Promise<void>((resolve) => {
        finished = resolve;
      });
      await passive.connect({ role: 'passive', remotePath: [other as string] });
      await all;
    },
  };
}
