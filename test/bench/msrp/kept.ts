import { openSync, writeSync } from 'node:fs';
import { createFileSink } from '../../../electron/msrp/file-sink.ts';
import { listeningEngine, openSession } from './engines.ts';
import type { Job, Side } from './job.ts';

/** Writes down beside the partial file, with each octet that comes, how many have come: who kills it reads it there. */
export async function keptReceive(job: Job): Promise<Side> {
  const note = openSync(`${job.path}.arrived`, 'w');
  const count = Buffer.alloc(8);
  const onProgress = (octets: number): void => {
    count.writeDoubleLE(octets);
    writeSync(note, count, 0, 8, 0);
  };
  const engine = await listeningEngine();
  const hash = { sha1: null, sha256: job.sha256 };
  const session = openSession(engine, {
    onMessage: () => createFileSink({ partialPath: job.path, size: job.size, hash, onProgress }).sink,
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
