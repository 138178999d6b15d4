import { createHash } from 'node:crypto';
import { fstatSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { ParleyError } from '../../shared/base/errors.ts';
import { readError } from './file-errors.ts';
import { feedHashes, openRegular } from './hash-file.ts';
import type { FileSource } from './port.ts';

export { hashFile } from './hash-file.ts';

/** What is known about a file since it was chosen. Hashes are lower-case hex over the whole file. */
export interface ExpectedFile {
  readonly size: number;
  /** milliseconds since the epoch; fractions do not count */
  readonly modifiedAt: number;
  readonly sha256?: string | null | undefined;
  readonly sha1?: string | null | undefined;
}

export interface OpenFile {
  readonly source: FileSource;
  close(): Promise<void>;
}

/**
 * Opens a file for {@link MsrpSession.send}. What is sent is hashed on its way, so a file that changed after it was offered is never ended
 * with `$`: the peer could not tell it from the right one before its last octet.
 * @param options.start first octet to send, from 0: the octets before it are hashed while opening
 * @throws ParleyError `file.missing`, `file.is-folder`, `file.unreadable`, `file.changed`
 */
export async function openFileSource(
  path: string,
  options: { start?: number; expected: ExpectedFile; signal?: AbortSignal },
): Promise<OpenFile> {
  const { expected } = options;
  const start = options.start ?? 0;
  const file = await openRegular(path);
  try {
    assertSame(file, expected);
    if (start < 0 || start > expected.size) throw new ParleyError('request.invalid', 'start is outside of the file');
    const algorithm = expected.sha256 ? 'sha256' : expected.sha1 ? 'sha1' : null;
    const hash = algorithm === null ? null : createHash(algorithm);
    if (hash !== null) await feedHashes(file, 0, start, [hash], options.signal);
    const wanted = expected.sha256 || expected.sha1;
    const source: FileSource = {
      fd: file.fd,
      start,
      end: expected.size,
      onRead: hash === null ? undefined : (octets) => void hash.update(octets),
      onEnd: () => {
        assertSame(file, expected);
        if (hash !== null && hash.digest('hex') !== wanted) throw new ParleyError('file.changed', 'the content is not what was offered');
      },
    };
    return { source, close: () => file.close() };
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

function assertSame(file: FileHandle, expected: ExpectedFile): void {
  let stat: { size: number; mtimeMs: number };
  try {
    stat = fstatSync(file.fd);
  } catch (thrown) {
    throw readError(thrown);
  }
  if (stat.size !== expected.size) throw new ParleyError('file.changed', `${stat.size} octets instead of ${expected.size}`);
  if (Math.floor(stat.mtimeMs) !== Math.floor(expected.modifiedAt)) throw new ParleyError('file.changed', 'written to after it was chosen');
}
