import { openSync, writeSync } from 'node:fs';
import { createFileSink } from '../../../electron/msrp/file-sink.ts';
import { listeningEngine, openSession } from './engines.ts';
import type { Job, Side } from './job.ts';

/** Writes down beside the partial file up to where chunks are answered: who kills it reads it there. */
export async function keptReceive(job: Job): Promise<Side> {
  const note = openSync(`${job.path}.arrived`, 'w');
  const count = Buffer.alloc(8);
  const answered = (octets: number): void => {
    count.writeDoubleLE(octets);
    writeSync(note, count, 0, 8, 0);
  };
  const engine = await listeningEngine();
  const hash = { sha1: null, sha256: job.sha256 };
  const session = openSession(engine, {
    onMessage: () => {
      const { sink } = createFileSink({ partialPath: job.path, size: job.size, hash });
      let arrived = 0;
      return {
        write: (offset, octets) => {
          arrived = offset + octets.length;
          return sink.write(offset, octets);
        },
        answerable: () => {
          const upTo = arrived;
          const busy = sink.answerable?.() ?? null;
          if (busy === null) answered(upTo);
          else void busy.then(() => answered(upTo));
          return busy;
        },
        complete: (size) => sink.complete(size),
        abort: (error) => sink.abort(error),
      };
    },
  });
  const { path } = await session.announce();
  return {
    contact: [{ path }],
    run: async (other) => {
      const [place] = other as [{ path: string[] }];
      await session.connect({ role: 'passive', remotePath: place.path });
      await new Promise(() => undefined);
    },
  };
}
