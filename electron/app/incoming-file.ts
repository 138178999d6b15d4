import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ParleyError } from '../../shared/base/errors.ts';
import { randomToken } from '../../shared/base/random.ts';
import { cleanFileName } from '../../shared/model/file-name.ts';

/**
 * Writes a file that has no path of its own (an upload, a pasted picture) below `folder`, in a folder of its own so that it keeps its
 * name. Nothing is left of one that cannot be written whole.
 * @param limit octets
 * @returns its path
 * @throws ParleyError `file.too-large`, `file.disk-full`, `file.unwritable`, `file.cancelled` where the source broke off
 */
export async function saveIncoming(folder: string, name: string, limit: number, source: AsyncIterable<Uint8Array>): Promise<string> {
  const own = join(folder, randomToken(16));
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
