import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type ErrorCode, ParleyError, toCodedError } from '../../shared/base/errors.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { FileCandidate, OfferedFile } from '../../shared/ipc/contract.ts';
import { mediaTypeOf } from './media-types.ts';

/** A picked file as the core knows it; `modifiedAt` in whole ms, so that a change before it is sent is noticed. */
export interface PickedFile extends FileCandidate {
  readonly path: string;
  readonly modifiedAt: number;
}

const MAX_CANDIDATES = 1000;

/**
 * The files a person picked and may send, each under a token nobody can guess: the renderer sends a file by its token and so can
 * never name one that was not picked. The oldest is forgotten when there are too many.
 */
export class FileCandidates {
  readonly #picked = new Map<string, PickedFile>();
  readonly #maxFileSize: number;
  readonly #maxCandidates: number;

  /** @param maxFileSize octets, 0 = no limit */
  constructor(maxFileSize: number, maxCandidates = MAX_CANDIDATES) {
    this.#maxFileSize = maxFileSize;
    this.#maxCandidates = maxCandidates;
  }

  /** @throws ParleyError `file.missing`, `file.is-folder`, `file.unreadable`, `file.too-large` */
  async offer(path: string): Promise<FileCandidate> {
    const found = await inspect(path);
    const name = basename(path);
    if (this.#maxFileSize > 0 && found.size > this.#maxFileSize) {
      throw new ParleyError('file.too-large', `${name}: ${found.size} octets, the limit is ${this.#maxFileSize}`);
    }
    const candidate = { token: randomToken(24), name, size: found.size, type: mediaTypeOf(name) };
    this.#picked.set(candidate.token, { ...candidate, path, modifiedAt: found.modifiedAt });
    const [oldest] = this.#picked.keys();
    if (this.#picked.size > this.#maxCandidates && oldest !== undefined) this.#picked.delete(oldest);
    return candidate;
  }

  /** One that cannot be sent does not spoil the others of a choice. */
  offerAll(paths: readonly string[]): Promise<OfferedFile[]> {
    return Promise.all(
      paths.map((path) =>
        this.offer(path).then(
          (candidate) => ({ name: candidate.name, candidate, error: null }),
          (thrown: unknown) => ({ name: basename(path), candidate: null, error: toCodedError(thrown) }),
        ),
      ),
    );
  }

  /** Of those tokens that are known. */
  paths(tokens: readonly string[]): string[] {
    return tokens.flatMap((token) => this.#picked.get(token)?.path ?? []);
  }

  /** It stays known, so that the same call can be repeated. @throws ParleyError `request.not-found` */
  take(token: string): PickedFile {
    const picked = this.#picked.get(token);
    if (picked === undefined) throw new ParleyError('request.not-found', 'no file was picked under this token');
    return picked;
  }
}

async function inspect(path: string): Promise<{ size: number; modifiedAt: number }> {
  const name = basename(path);
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw new ParleyError('file.is-folder', name);
    // A pipe or a device has no size to announce, and reading one may never end.
    if (!found.isFile()) throw new ParleyError('file.unreadable', `${name}: not a regular file`);
    await access(path, constants.R_OK);
    return { size: found.size, modifiedAt: Math.floor(found.mtimeMs) };
  } catch (thrown) {
    if (thrown instanceof ParleyError) throw thrown;
    const { code } = thrown as NodeJS.ErrnoException;
    const missing: ErrorCode = code === 'ENOENT' || code === 'ENOTDIR' ? 'file.missing' : 'file.unreadable';
    throw new ParleyError(missing, `${name}: ${code ?? 'unknown'}`, { cause: thrown });
  }
}
