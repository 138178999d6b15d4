import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, symlink, truncate, unlink, utimes, writeFile, mkdir, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFileSink, finishFile, quarantine } from '../../../electron/msrp/file-sink.ts';
import { hashFile, openFileSource } from '../../../electron/msrp/file-source.ts';
import { CHUNK_PARLEY } from '../../../electron/msrp/limits.ts';
import type { MsrpEngine } from '../../../electron/msrp/port.ts';
import { engine, Inbox, pair } from './harness.ts';

let folder: string;
const engines: MsrpEngine[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-msrp-'));
});
afterEach(async () => {
  await Promise.all(engines.splice(0).map((made) => made.close()));
  await rm(folder, { recursive: true, force: true });
});

const hex = (algorithm: string, octets: Uint8Array): string => createHash(algorithm).update(octets).digest('hex');

async function madeFile(size: number): Promise<{ path: string; octets: Buffer; sha256: string; sha1: string; modifiedAt: number }> {
  const octets = randomBytes(size);
  const path = join(folder, 'source.bin');
  await writeFile(path, octets);
  return { path, octets, sha256: hex('sha256', octets), sha1: hex('sha1', octets), modifiedAt: (await stat(path)).mtimeMs };
}

/** A pair of sessions whose right side writes into `partial`. */
async function filePair(size: number, hash: { sha1: string | null; sha256: string | null }) {
  const [left, right] = [await engine(), await engine()];
  engines.push(left, right);
  const partial = join(folder, 'incoming.part');
  const file = createFileSink({ partialPath: partial, size, hash });
  const inB = new Inbox();
  inB.onMessage = () => file.sink;
  const sessions = await pair(left, right, new Inbox(), inB);
  return { ...sessions, ...file, partial, left, right };
}

describe('files over MSRP', () => {
  it('R-FTR-09 R-PF1-03: 64 MiB from disk to disk arrive with size and hash', async () => {
    const file = await madeFile(64 << 20);
    const { a, result, partial } = await filePair(file.octets.length, { sha1: null, sha256: file.sha256 });
    const opened = await openFileSource(file.path, { expected: { size: file.octets.length, ...file } });
    const progress: number[] = [];
    await a.send({
      contentType: 'application/octet-stream',
      source: opened.source,
      successReport: true,
      chunkSize: CHUNK_PARLEY,
      onProgress: (octets) => progress.push(octets),
    });
    await opened.close();
    expect(await result).toEqual({ sha256: file.sha256, sha1: null });
    expect((await readFile(partial)).equals(file.octets)).toBe(true);
    expect((await stat(partial)).mode & 0o777).toBe(0o600);
    expect(progress.at(-1)).toBe(file.octets.length);
  });
});
