import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, unlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readError, writeError } from '../../../electron/msrp/file-errors.ts';
import type { FileSink } from '../../../electron/msrp/file-sink.ts';
import { createFileSink, finishFile, hashPrefix, quarantine } from '../../../electron/msrp/file-sink.ts';
import { hashFile, openFileSource } from '../../../electron/msrp/file-source.ts';
import { CHUNK_PARLEY } from '../../../electron/msrp/limits.ts';
import type { MsrpEngine } from '../../../electron/msrp/port.ts';
import { engine, Inbox, pair } from './harness.ts';

let folder: string;
const engines: MsrpEngine[] = [];
const sinks: FileSink[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-msrp-'));
});
afterEach(async () => {
  await Promise.all(engines.splice(0).map((made) => made.close()));
  for (const { sink, result } of sinks.splice(0)) {
    sink.abort({ code: 'msrp.lost', detail: 'end of test' });
    await failure(result);
  }
  await rm(folder, { recursive: true, force: true });
});

const failure = (promise: Promise<unknown>): Promise<{ code: string; detail: string }> =>
  promise.then(
    () => ({ code: 'resolved', detail: '' }),
    (thrown) => thrown,
  );
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
  sinks.push(file);
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

  it('R-FT-20: a wrong hash fails both sides, and the file is there for quarantine', async () => {
    const file = await madeFile(300_000);
    const { a, result, partial } = await filePair(file.octets.length, {
      sha1: null,
      sha256: file.sha256.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    });
    const outcome = await failure(a.send({ contentType: 'image/png', source: file.octets, successReport: true }));
    expect(outcome).toMatchObject({ code: 'msrp.refused', detail: '400 Hash does not match' });
    expect((await failure(result)).code).toBe('file.hash-mismatch');
    const kept = await quarantine(partial, join(folder, 'quarantine'));
    expect(kept).toBe(join(folder, 'quarantine', 'incoming.part.quarantine'));
    expect((await stat(kept)).size).toBe(300_000);
  });

  it('R-FTR-09: sha-1 is checked when it is all there is', async () => {
    const file = await madeFile(100_000);
    const good = await filePair(100_000, { sha1: file.sha1, sha256: null });
    await good.a.send({ contentType: 'image/png', source: file.octets, successReport: true });
    expect(await good.result).toEqual({ sha256: null, sha1: file.sha1 });
    const bad = await filePair(100_000, { sha1: file.sha1, sha256: null });
    await failure(bad.a.send({ contentType: 'image/png', source: Buffer.alloc(100_000), successReport: true }));
    expect((await failure(bad.result)).code).toBe('file.hash-mismatch');
  });

  it('more octets than announced never reach the disk', async () => {
    const { a, result, partial } = await filePair(100_000, { sha1: null, sha256: null });
    expect((await failure(a.send({ contentType: 'image/png', source: randomBytes(3_000_000), successReport: true }))).code).toBe(
      'msrp.stopped',
    );
    expect((await failure(result)).code).toBe('file.size-mismatch');
    expect((await stat(partial)).size).toBeLessThanOrEqual(100_000);
  });

  it('fewer octets than announced are a size mismatch', async () => {
    const { a, result } = await filePair(100_000, { sha1: null, sha256: null });
    await failure(a.send({ contentType: 'image/png', source: randomBytes(99_999), successReport: true }));
    expect((await failure(result)).code).toBe('file.size-mismatch');
  });

  it('a lost connection keeps the gap-free octets on the disk, and a later transfer goes on from there', async () => {
    const file = await madeFile(3_000_000);
    const first = await filePair(3_000_000, { sha1: null, sha256: file.sha256 });
    let kept = 0;
    const sink = createFileSink({
      partialPath: first.partial,
      size: 3_000_000,
      hash: { sha1: null, sha256: file.sha256 },
      onProgress: (octets) => (kept = octets),
    });
    await sink.sink.write(0, file.octets.subarray(0, 1_234_567));
    sink.sink.abort({ code: 'msrp.lost', detail: 'gone' });
    expect((await failure(sink.result)).code).toBe('msrp.lost');
    expect(kept).toBe(1_234_567);
    expect((await readFile(first.partial)).equals(file.octets.subarray(0, kept))).toBe(true);

    const rest = createFileSink({ partialPath: first.partial, size: 3_000_000, start: kept, hash: { sha1: null, sha256: file.sha256 } });
    const inB = new Inbox();
    inB.onMessage = () => rest.sink;
    const { a } = await pair(first.left, first.right, new Inbox(), inB);
    const opened = await openFileSource(file.path, {
      start: kept,
      expected: { size: 3_000_000, modifiedAt: file.modifiedAt, sha256: file.sha256 },
    });
    await a.send({ contentType: 'image/png', source: opened.source, successReport: true });
    await opened.close();
    expect(await rest.result).toEqual({ sha256: file.sha256, sha1: null });
    expect((await readFile(first.partial)).equals(file.octets)).toBe(true);
  });

  it('a beginning that was read before the rest is asked for is not read again, and is held against the hash all the same', async () => {
    const octets = randomBytes(2_000_000);
    const partial = join(folder, 'p.part');
    const hash = { sha1: null, sha256: hex('sha256', octets) };
    const rest = async (prefix: Awaited<ReturnType<typeof hashPrefix>>) => {
      const file = createFileSink({ partialPath: partial, size: octets.length, start: 1_000_000, prefix, hash });
      await file.sink.write(0, octets.subarray(1_000_000));
      return Promise.resolve(file.sink.complete(1_000_000)).then(
        () => 'verified',
        (thrown: { code: string }) => thrown.code,
      );
    };
    await writeFile(partial, octets.subarray(0, 1_000_000));
    await utimes(partial, 7, 7);
    const prefix = await hashPrefix(partial, 1_000_000, hash);
    // nothing tells that it was written to, so only who reads it again can know
    await writeFile(partial, Buffer.alloc(1_000_000));
    await utimes(partial, 7, 7);
    expect(await rest(prefix)).toBe('verified');

    await writeFile(partial, Buffer.alloc(1_000_000));
    expect(await rest(await hashPrefix(partial, 1_000_000, hash))).toBe('file.hash-mismatch');
    // written to after it was read
    await writeFile(partial, Buffer.alloc(1_000_000));
    await utimes(partial, 1, 1);
    expect(await rest(prefix)).toBe('file.hash-mismatch');

    await writeFile(partial, octets.subarray(0, 1_000_000));
    const others = [
      await hashPrefix(partial, 999_999, hash),
      await hashPrefix(partial, 1_000_000, { sha1: 'of another kind', sha256: null }),
      null,
    ];
    for (const other of others) {
      await writeFile(partial, octets.subarray(0, 1_000_000));
      expect(await rest(other)).toBe('verified');
    }
    expect(await hashPrefix(partial, 5, { sha1: null, sha256: null })).toBeNull();
    expect((await failure(hashPrefix(partial, 9_000_000, hash))).code).toBe('file.changed');
    expect((await failure(hashPrefix(join(folder, 'none'), 5, hash))).code).toBe('file.missing');
  });

  it('what is left of a transfer with a gap ends at the gap, and what is taken up again begins where it is told to', async () => {
    const octets = randomBytes(2_000_000);
    const partial = join(folder, 'p.part');
    const first = createFileSink({ partialPath: partial, size: octets.length, hash: { sha1: null, sha256: null } });
    await first.sink.write(0, octets.subarray(0, 700_001));
    await first.sink.write(1_500_000, octets.subarray(1_500_000));
    first.sink.abort({ code: 'msrp.lost', detail: 'gone' });
    expect((await failure(first.result)).code).toBe('msrp.lost');
    expect((await readFile(partial)).equals(octets.subarray(0, 700_001))).toBe(true);

    const hash = { sha1: null, sha256: hex('sha256', octets) };
    const again = createFileSink({ partialPath: partial, size: octets.length, start: 600_000, hash });
    await again.sink.write(0, octets.subarray(600_000));
    await again.sink.complete(1_400_000);
    expect((await again.result).sha256).toBe(hash.sha256);
    expect((await readFile(partial)).equals(octets)).toBe(true);
  });

  it('while the system writes, nothing is answered and there is room for what may be under way', async () => {
    const octets = randomBytes(3 << 20);
    const partialPath = join(folder, 'p.part');
    const block = 1 << 19;
    const hash = { sha1: null, sha256: hex('sha256', octets) };
    const { sink, result } = createFileSink({ partialPath, size: octets.length, hash });
    await sink.write(0, octets.subarray(0, block));
    await expect.poll(() => stat(partialPath).then(({ size }) => size)).toBe(block);
    await expect.poll(() => sink.answerable?.()).toBe(null);
    // no turn of the event loop from here on in which a write could end
    expect(sink.write(block, octets.subarray(block, 2 * block))).toBe(undefined);
    let isWritten = false;
    const answerable = sink.answerable?.()?.then(() => (isWritten = true));
    expect(answerable).toBeDefined();
    expect(sink.write(2 * block, octets.subarray(2 * block, 4 * block))).toBe(undefined);
    expect(isWritten).toBe(false);
    await answerable;
    await sink.write(4 * block, octets.subarray(4 * block));
    await sink.complete(octets.length);
    expect((await result).sha256).toBe(hash.sha256);
    expect(sink.answerable?.()).toBe(null);
  });

  it('octets out of order and overlapping are placed, the last ones win, and the hash is of what is on the disk', async () => {
    const octets = randomBytes(2_000_000);
    const partial = join(folder, 'p.part');
    const { sink, result } = createFileSink({
      partialPath: partial,
      size: octets.length,
      hash: { sha1: null, sha256: hex('sha256', octets) },
    });
    await sink.write(1_500_000, octets.subarray(1_500_000));
    await sink.write(0, Buffer.alloc(900_000));
    await sink.write(800_000, octets.subarray(800_000, 1_500_000));
    await sink.write(0, octets.subarray(0, 900_000));
    await sink.complete(octets.length);
    expect((await result).sha256).toBe(hex('sha256', octets));
    expect((await readFile(partial)).equals(octets)).toBe(true);
  });

  it('never follows a link in the place of the partial file', async () => {
    await writeFile(join(folder, 'victim'), 'precious');
    await symlink(join(folder, 'victim'), join(folder, 'p.part'));
    const { sink, result } = createFileSink({ partialPath: join(folder, 'p.part'), size: 3, hash: { sha1: null, sha256: null } });
    const completed = failure(Promise.resolve(sink.write(0, Buffer.from('abc'))).then(() => sink.complete(3)));
    expect((await completed).code).toBe('file.unwritable');
    expect((await failure(result)).code).toBe('file.unwritable');
    expect(await readFile(join(folder, 'victim'), 'utf8')).toBe('precious');
  });

  it.skipIf(process.getuid?.() !== 0 || process.platform !== 'linux')(
    'R-FT-20: a full disk stops the transfer with file.disk-full',
    async ({ skip }) => {
      const mount = join(folder, 'small');
      await mkdir(mount);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount], { stdio: 'ignore' });
      } catch {
        skip('no right to mount here');
      }
      try {
        const { sink, result } = createFileSink({ partialPath: join(mount, 'p.part'), size: 8 << 20, hash: { sha1: null, sha256: null } });
        const [left, right] = [await engine(), await engine()];
        engines.push(left, right);
        const inB = new Inbox();
        inB.onMessage = () => sink;
        const { a } = await pair(left, right, new Inbox(), inB);
        expect((await failure(a.send({ contentType: 'image/png', source: randomBytes(8 << 20), successReport: true }))).code).toBe(
          'msrp.stopped',
        );
        expect((await failure(result)).code).toBe('file.disk-full');
        // and the other way: a file moves to another file system
        const moved = await finishFile(join(mount, 'p.part'), folder, 'moved.bin');
        expect((await stat(moved)).size).toBeGreaterThan(0);
        expect(await readdir(mount)).toEqual([]);
        expect((await readdir(folder)).sort()).toEqual(['moved.bin', 'small']);
      } finally {
        execFileSync('umount', [mount]);
      }
    },
  );

  it('sorts errors of a disk', () => {
    const of = (code: string): Error => Object.assign(new Error(code), { code });
    expect(
      [writeError(of('ENOSPC')), writeError(of('EDQUOT')), writeError(of('EACCES')), readError(of('ENOENT')), readError(of('EACCES'))].map(
        ({ code }) => code,
      ),
    ).toEqual(['file.disk-full', 'file.disk-full', 'file.unwritable', 'file.missing', 'file.unreadable']);
  });

  it('a source that is not what was chosen is noticed before anything leaves', async () => {
    const file = await madeFile(1000);
    const expected = { size: 1000, modifiedAt: file.modifiedAt, sha256: file.sha256 };
    expect((await failure(openFileSource(join(folder, 'none'), { expected }))).code).toBe('file.missing');
    expect((await failure(openFileSource(folder, { expected }))).code).toBe('file.is-folder');
    expect((await failure(openFileSource(file.path, { expected: { ...expected, size: 999 } }))).code).toBe('file.changed');
    await utimes(file.path, new Date(), new Date(file.modifiedAt + 5000));
    expect((await failure(openFileSource(file.path, { expected }))).code).toBe('file.changed');
    await unlink(file.path);
    expect((await failure(openFileSource(file.path, { expected }))).code).toBe('file.missing');
  });

  it('R-FT-20: a source that changes on the way ends with # and file.changed', async () => {
    const file = await madeFile(2_000_000);
    const { a, result } = await filePair(2_000_000, { sha1: null, sha256: file.sha256 });
    const changed = Buffer.from(file.octets);
    changed[1_000_000] = (changed[1_000_000] as number) ^ 1;
    await writeFile(file.path, changed);
    const { mtimeMs } = await stat(file.path);
    const opened = await openFileSource(file.path, { expected: { size: 2_000_000, modifiedAt: mtimeMs, sha256: file.sha256 } });
    expect((await failure(a.send({ contentType: 'image/png', source: opened.source, successReport: true }))).code).toBe('file.changed');
    expect((await failure(result)).code).toBe('msrp.stopped');
    await opened.close();
  });

  it('a source that shrinks on the way is file.changed', async () => {
    const file = await madeFile(4_000_000);
    const { a } = await filePair(4_000_000, { sha1: null, sha256: null });
    const opened = await openFileSource(file.path, { expected: { size: 4_000_000, modifiedAt: file.modifiedAt } });
    await truncate(file.path, 1000);
    expect((await failure(a.send({ contentType: 'image/png', source: opened.source, successReport: true }))).code).toBe('file.changed');
    await opened.close();
  });

  it('hashes a file, and tells what is none', async () => {
    const file = await madeFile(1_500_000);
    expect(await hashFile(file.path)).toEqual({
      sha1: file.sha1,
      sha256: file.sha256,
      size: 1_500_000,
      modifiedAt: Math.floor(file.modifiedAt),
    });
    expect((await failure(hashFile(folder))).code).toBe('file.is-folder');
    expect((await failure(hashFile(file.path, AbortSignal.abort()))).code).toBe('file.cancelled');
    await writeFile(join(folder, 'empty'), '');
    expect((await hashFile(join(folder, 'empty'))).sha256).toBe(hex('sha256', Buffer.alloc(0)));
  });

  it('a finished file never takes the place of another', async () => {
    const downloads = join(folder, 'downloads');
    await mkdir(downloads);
    await writeFile(join(downloads, 'a.txt'), 'mine');
    await writeFile(join(folder, '1.part'), 'one');
    await writeFile(join(folder, '2.part'), 'two');
    const places = await Promise.all(['1.part', '2.part'].map((name) => finishFile(join(folder, name), downloads, 'a.txt')));
    expect(places.sort()).toEqual([join(downloads, 'a (2).txt'), join(downloads, 'a (3).txt')]);
    expect(await readFile(join(downloads, 'a.txt'), 'utf8')).toBe('mine');
    expect((await readdir(downloads)).length).toBe(3);
    expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
    await writeFile(join(folder, '3.part'), 'three');
    expect((await failure(finishFile(join(folder, '3.part'), downloads, '../out.txt'))).code).toBe('file.unwritable');
  });
});
