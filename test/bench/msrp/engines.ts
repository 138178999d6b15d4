import { statSync } from 'node:fs';
import { Bridge } from '../../../electron/home-network/media/bridge.ts';
import { createMsrpEngine } from '../../../electron/msrp/engine.ts';
import { createFileSink } from '../../../electron/msrp/file-sink.ts';
import { openFileSource } from '../../../electron/msrp/file-source.ts';
import { CHUNK_PARLEY } from '../../../electron/msrp/limits.ts';
import type { MessageSink, MsrpEngine, MsrpSession, SessionHandlers } from '../../../electron/msrp/port.ts';
import { systemClock } from '../../../shared/base/clock.ts';
import type { MsrpPlace } from '../../../shared/protocol/sdp/msrp-media.ts';
import type { Job, Side } from './job.ts';
import { quantile } from './job.ts';

let engineOfAll: Promise<MsrpEngine> | null = null;

/** One for all jobs of the process, as the product has. */
export function listeningEngine(job?: Job): Promise<MsrpEngine> {
  engineOfAll ??= listen(job);
  return engineOfAll;
}

async function listen(job?: Job): Promise<MsrpEngine> {
  const engine = createMsrpEngine({ offersTls: job?.secure !== undefined });
  await engine.listen({ host: '127.0.0.1', port: 0 });
  return engine;
}

export function openSession(engine: MsrpEngine, handlers: Partial<SessionHandlers> = {}): MsrpSession {
  return engine.createSession({ onMessage: () => ({ refuse: 403 }), onClosed: () => {}, ...handlers });
}

export async function sendFile(session: MsrpSession, job: Job): Promise<void> {
  const expected = { size: job.size, modifiedAt: statSync(job.path).mtimeMs, sha256: job.sha256 };
  const file = await openFileSource(job.path, { expected });
  const chunkSize = job.chunk ?? CHUNK_PARLEY;
  await session.send({ contentType: 'application/octet-stream', source: file.source, successReport: true, chunkSize });
  await file.close();
}

/** @returns the sink, and when the file is whole, verified and closed */
export function receiveFile(job: Job, path = job.path): { sink: MessageSink; result: Promise<unknown> } {
  return createFileSink({ partialPath: path, size: job.size, hash: { sha1: null, sha256: job.sha256 } });
}

/** What each session says of itself: in a session description it would be a=path and a=fingerprint. */
type Place = Pick<MsrpPlace, 'path' | 'fingerprint'>;

function placesOf(sessions: readonly MsrpSession[]): Promise<Place[]> {
  return Promise.all(sessions.map(async (session) => session.announce()));
}

function bind(session: MsrpSession, role: 'active' | 'passive', place: Place | undefined): Promise<void> {
  return session.connect({ role, remotePath: place?.path ?? [], fingerprint: place?.fingerprint });
}

/** `job.count` files at once, each in a session of its own; one unless said. */
export async function engineSend(job: Job): Promise<Side> {
  const engine = await listeningEngine(job);
  const sessions = Array.from({ length: Math.max(1, job.count) }, () => openSession(engine));
  return {
    contact: await placesOf(sessions),
    run: async (other) => {
      const sending = sessions.map(async (session, n) => {
        await bind(session, 'active', (other as Place[])[n]);
        await sendFile(session, job);
        void session.close();
      });
      await Promise.all(sending);
    },
  };
}

export async function engineReceive(job: Job): Promise<Side> {
  const engine = await listeningEngine(job);
  const receiving = Array.from({ length: Math.max(1, job.count) }, (_, n) => {
    let take: (sink: Promise<unknown>) => void;
    const begun = new Promise<unknown>((resolve) => {
      take = (result) => resolve(result.then(() => {}));
    });
    const session = openSession(engine, {
      onMessage: () => {
        const file = receiveFile(job, n === 0 ? job.path : `${job.path}-${n}`);
        take(file.result);
        return file.sink;
      },
    });
    return { session, begun };
  });
  return {
    contact: await placesOf(receiving.map(({ session }) => session)),
    run: async (other) => {
      const whole = receiving.map(async ({ session, begun }, n) => {
        await bind(session, 'passive', (other as Place[])[n]);
        await begun;
      });
      await Promise.all(whole);
    },
  };
}

/** The home network's part where it anchors: one session towards each side, and a bridge between them. */
export async function anchor(): Promise<Side> {
  const engine = await listeningEngine();
  const broken = (_side: unknown, why: string): void => {
    throw new Error(why);
  };
  const bridge = new Bridge({
    engine,
    clock: systemClock,
    maxMessage: 0,
    chunkSize: () => CHUNK_PARLEY,
    touched: () => {},
    hear: () => null,
    broken,
  });
  return {
    contact: [[{ path: [bridge.uri('caller')] }], [{ path: [bridge.uri('callee')] }]],
    run: async (other) => {
      const [caller, callee] = other as [Place[], Place[]];
      bridge.connect('callee', { role: 'active', remotePath: callee[0]?.path ?? [] });
      bridge.connect('caller', { role: 'passive', remotePath: caller[0]?.path ?? [] });
    },
  };
}

async function messages(job: Job, outstanding: number): Promise<Side> {
  const active = openSession(await listeningEngine());
  const source = Buffer.alloc(job.size, 'x');
  return {
    contact: active.localUri,
    run: async (other) => {
      await active.connect({ role: 'active', remotePath: [other as string] });
      let left = job.count;
      const times: number[] = [];
      const worker = async (): Promise<void> => {
        while (left-- > 0) {
          const at = performance.now();
          await active.send({ contentType: 'text/plain', source, successReport: false });
          if (outstanding === 1) times.push(performance.now() - at);
        }
      };
      await Promise.all(Array.from({ length: outstanding }, worker));
      return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
    },
  };
}

export const messagesSend = (job: Job): Promise<Side> => messages(job, 32);
export const lonelyMessagesSend = (job: Job): Promise<Side> => messages(job, 1);

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
  const passive = openSession(await listeningEngine(), { onMessage: () => sink });
  return {
    contact: passive.localUri,
    run: async (other) => {
      const all = new Promise<void>((resolve) => (finished = resolve));
      await passive.connect({ role: 'passive', remotePath: [other as string] });
      await all;
    },
  };
}
