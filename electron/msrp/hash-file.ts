import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { ParleyError } from '../../shared/base/errors.ts';
import { blockPool } from './buffer-pool.ts';
import { readError } from './file-errors.ts';

export interface HashedFile {
  /** lower-case hex */
  readonly sha1: string;
  /** lower-case hex */
  readonly sha256: string;
  readonly size: number;
  /** whole milliseconds since the epoch */
  readonly modifiedAt: number;
}

/** Octets hashed in one go: about a third of a millisecond, so that sockets and windows stay alive in between. */
const HASH_STEP = 262_144;

/**
 * Hashes a file with constant memory.
 * @throws ParleyError `file.missing`, `file.is-folder`, `file.unreadable`, `file.changed` (while it was read), `file.cancelled`
 */
export async function hashFile(path: string, signal?: AbortSignal): Promise<HashedFile> {
  const file = await openRegular(path);
  try {
    const before = await file.stat();
    const sha1 = createHash('sha1');
    const sha256 = createHash('sha256');
    await feedHashes(file, 0, before.size, [sha1, sha256], signal);
    const after = await file.stat();
    if (after.size !== before.size || after.mtimeMs !== before.mtimeMs)
      throw new ParleyError('file.changed', 'the file changed while it was read');
    return { sha1: sha1.digest('hex'), sha256: sha256.digest('hex'), size: before.size, modifiedAt: Math.floor(before.mtimeMs) };
  } finally {
    await file.close();
  }
}

/**
 * Opens for reading what is a regular file; never waits for the other end of a pipe.
 * @throws ParleyError `file.missing`, `file.is-folder`, `file.unreadable`
 */
export async function openRegular(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (thrown) {
    throw readError(thrown);
  }
  const stat = await file.stat();
  if (stat.isFile()) return file;
  await file.close();
  throw stat.isDirectory() ? new ParleyError('file.is-folder', 'a folder') : new ParleyError('file.unreadable', 'not a regular file');
}

/** Feeds [start, end) of an open file to `hashes`. @throws ParleyError `file.unreadable`, `file.changed` (too short), `file.cancelled` */
export async function feedHashes(
  file: FileHandle,
  start: number,
  end: number,
  hashes: readonly Hash[],
  signal?: AbortSignal,
): Promise<void> {
  const current = { buffer: blockPool.take() };
  const ahead = { buffer: blockPool.take() };
  const read = (into: { buffer: Buffer }, at: number): Promise<number> =>
    file.read(into.buffer, 0, Math.min(into.buffer.length, end - at), at).then((done) => done.bytesRead);
  let reading: Promise<number> | null = null;
  try {
    let at = start;
    reading = at < end ? read(current, at) : null;
    while (reading !== null) {
      const count: number = await reading.catch((thrown: unknown) => Promise.reject(readError(thrown)));
      reading = null;
      if (signal?.aborted === true) throw new ParleyError('file.cancelled', 'given up');
      if (count === 0) throw new ParleyError('file.changed', 'the file is shorter than it was');
      const { buffer } = current;
      at += count;
      [current.buffer, ahead.buffer] = [ahead.buffer, buffer];
      if (at < end) reading = read(current, at);
      for (let from = 0; from < count; from += HASH_STEP) {
        const step = buffer.subarray(from, Math.min(count, from + HASH_STEP));
        for (const hash of hashes) hash.update(step);
        if (from + HASH_STEP < count) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  } finally {
    await reading?.catch(() => {});
    blockPool.give(current.buffer);
    blockPool.give(ahead.buffer);
  }
}
