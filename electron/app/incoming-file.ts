import { createWriteStream } from 'node:fs';
import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ParleyError } from '../../shared/base/errors.ts';
import { randomToken } from '../../shared/base/random.ts';
import { cleanFileName } from '../../shared/model/file-name.ts';

/** characters of the name of the folder that each has */
const OWN_NAME = 16;
const OWN_FOLDER = new RegExp(`^[\\w-]{${OWN_NAME}}$`);

/**
 * Writes a file that has no path of its own (an upload, a pasted picture) below `folder`, in a folder of its own so that it keeps its
 * name. Nothing is left of one that cannot be written whole.
 * @param limit octets
 * @returns its path
 * @throws ParleyError `file.too-large`, `file.disk-full`, `file.unwritable`, `file.cancelled` where the source broke off
 */
export async function saveIncoming(folder: string, name: string, limit: number, source: AsyncIterable<Uint8Array>): Promise<string> {
  const own = join(folder, randomToken(OWN_NAME));
  const path = join(own, cleanFileName(name));
  try {
    await mkdir(own, { recursive: true, mode: 0o700 });
    await pipeline(limited(source, limit), createWriteStream(path, { mode: 0o600, flags: 'wx' }));
    return path;
  } catch (thrown) {
    await rm(own, { recursive: true, force: true }).catch(() => {});
    throw codedWriteError(thrown);
  }
}

/** a page that was open lately may come back with it, ms */
const KEPT_FOR_MS = 24 * 60 * 60 * 1000;

/**
 * Removes what {@link saveIncoming} wrote and nothing uses any more, or never did because the app ended before. What is younger than a day stays,
 * and so does whatever else is in that folder.
 * @param used paths of what is in use, asked for where there is something old; the folder that a file has of its own names it, wherever the data
 * folder is now
 */
export async function removeUnused(folder: string, used: () => Promise<readonly string[]>, now: number): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const old: string[] = [];
  for (const name of names.filter((each) => OWN_FOLDER.test(each))) {
    const state = await lstat(join(folder, name)).catch(() => null);
    if (state?.isDirectory() && now - state.mtimeMs >= KEPT_FOR_MS) old.push(name);
  }
  if (old.length === 0) return;
  const kept = new Set((await used()).map((path) => basename(dirname(path))));
  for (const name of old) if (!kept.has(name)) await rm(join(folder, name), { recursive: true, force: true });
}

async function* limited(source: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let octets = 0;
  for await (const chunk of source) {
    octets += chunk.length;
    if (octets > limit) throw new ParleyError('file.too-large', `the limit is ${limit} octets`);
    yield chunk;
  }
}

function codedWriteError(thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError) return thrown;
  const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown';
  if (code === 'ENOSPC' || code === 'EDQUOT') return new ParleyError('file.disk-full', code, { cause: thrown });
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return new ParleyError('file.cancelled', code, { cause: thrown });
  return new ParleyError('file.unwritable', code, { cause: thrown });
}
