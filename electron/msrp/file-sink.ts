import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import { constants, write as writeFile } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { CodedError } from '../../shared/base/errors.ts';
import { ParleyError } from '../../shared/base/errors.ts';
import { blockPool } from './buffer-pool.ts';
import { writeError } from './file-errors.ts';
import { feedHashes, openRegular } from './hash-file.ts';
import type { MessageSink } from './port.ts';
import { RangeSet } from './ranges.ts';

export { finishFile, quarantine } from './finish-file.ts';

export interface FileSinkOptions {
  /** made with mode 0600, or taken up again when `start` is not 0; never followed when a link */
  readonly partialPath: string;
  /** octets of the whole file; null: as many as come, up to `limit` */
  readonly size: number | null;
  /** octets; what is above is refused with `peer.too-large`. No limit when left out */
  readonly limit?: number | undefined;
  /** what was announced for the whole file, lower-case hex */
  readonly hash: { readonly sha1: string | null; readonly sha256: string | null };
  /** where in the file octet 0 of the message goes: what is there before it came in an earlier transfer */
  readonly start?: number;
  /** those octets as {@link hashPrefix} read them; else they are read before anything is written, while the other side waits */
  readonly prefix?: HashedPrefix | null | undefined;
  /** octets of the file without a gap, on their way to the disk */
  readonly onProgress?: (octets: number) => void;
}

export interface FileSink {
  readonly sink: MessageSink;
  /**
   * Settles once the file is closed: complete, verified and on the disk; or with what came so far, to be taken up again, rejected with a
   * ParleyError: `file.disk-full`, `file.unwritable`, `file.hash-mismatch`, `file.size-mismatch`, `peer.too-large`, or what `abort` was called
   * with.
   */
  readonly result: Promise<{ readonly sha256: string | null; readonly sha1: string | null }>;
}

/**
 * While one is written there is room for as much as its sender has under way ({@link Pace}), so that nobody else on the connection waits for the
 * disk. A kill can cost what they hold; of that, what was answered is less than one.
 */
const BLOCKS = 3;

/**
 * Writes one message into a partial file. Only as many octets as were announced ever reach the disk. One write follows the other, so as
 * long as octets come in order the length of the partial file is what came without a gap, at whatever moment the process dies.
 */
export function createFileSink(options: FileSinkOptions): FileSink {
  const writer = new PartialFile(options);
  return { sink: writer, result: writer.result };
}

/** The beginning of a partial file, read before the rest of it is asked for. */
export interface HashedPrefix {
  readonly algorithm: 'sha1' | 'sha256';
  readonly length: number;
  /** a file that was written to since then is read again */
  readonly modifiedAt: number;
  readonly state: Hash;
}

/**
 * Reads what is there of a file again, so that a sink can go on behind it at once: of many gigabytes it takes longer than another side waits
 * for an answer.
 * @returns null where nothing was announced that it could be held against
 * @throws ParleyError `file.missing`, `file.unreadable`, `file.changed` (there is less of it), `file.cancelled`
 */
export async function hashPrefix(
  partialPath: string,
  length: number,
  hash: FileSinkOptions['hash'],
  signal?: AbortSignal,
): Promise<HashedPrefix | null> {
  const algorithm = algorithmOf(hash);
  if (algorithm === null) return null;
  const state = createHash(algorithm);
  const file = await openRegular(partialPath);
  try {
    await feedHashes(file, 0, length, [state], signal);
    return { algorithm, length, modifiedAt: (await file.stat()).mtimeMs, state };
  } finally {
    await file.close();
  }
}

function algorithmOf({ sha1, sha256 }: FileSinkOptions['hash']): 'sha1' | 'sha256' | null {
  return sha256 !== null ? 'sha256' : sha1 !== null ? 'sha1' : null;
}

class PartialFile implements MessageSink {
  readonly result: FileSink['result'];

  readonly #options: FileSinkOptions;
  readonly #start: number;
  /** null: nothing was announced that the file could be held against */
  readonly #algorithm: 'sha1' | 'sha256' | null;
  #hash: Hash | null;
  readonly #ranges = new RangeSet();
  readonly #opened: Promise<void>;
  #settle!: { resolve: (hashes: { sha256: string | null; sha1: string | null }) => void; reject: (error: ParleyError) => void };
  #file: FileHandle | null = null;
  #state: 'open' | 'completing' | 'over' = 'open';
  #failure: ParleyError | null = null;
  #abortedWith: ParleyError | null = null;
  #ready = false;
  // the block that is being filled
  #block: Buffer | null = null;
  #blockAt = 0;
  #blockEnd = 0;
  #filled = 0;
  // what is handed to the system
  #blocks = 0;
  #isWriting = false;
  #queue: { block: Buffer; at: number; length: number }[] = [];
  #waiting: (() => void)[] = [];
  /** of the write under way, where somebody waits for it */
  #written: Promise<void> | null = null;
  #tellWritten: () => void = () => {};
  // the octets hashed so far; -1: they came out of order, the file is read again at the end
  #hashedTo: number;

  constructor(options: FileSinkOptions) {
    this.#options = options;
    this.#start = options.start ?? 0;
    this.#algorithm = algorithmOf(options.hash);
    this.#hash = this.#algorithm === null ? null : createHash(this.#algorithm);
    this.#hashedTo = this.#start;
    this.#ranges.add(0, this.#start);
    this.result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Who only looks at the sink must not end the app.
    this.result.catch(() => {});
    this.#opened = this.#open();
  }

  write(offset: number, octets: Uint8Array): void | Promise<void> {
    this.#assertUsable();
    const at = this.#start + offset;
    const { size, limit = Number.POSITIVE_INFINITY } = this.#options;
    if (at + octets.length > (size ?? limit)) {
      throw this.#fail(
        size === null
          ? new ParleyError('peer.too-large', `more than ${limit} octets`)
          : new ParleyError('file.size-mismatch', `more than the announced ${size} octets`),
      );
    }
    const taken = this.#take(at, octets);
    return taken === octets.length ? undefined : this.#takeRest(at + taken, octets.subarray(taken));
  }

  /** Not while the system writes: what comes meanwhile fits into the other blocks as long as no more is asked for. */
  answerable(): Promise<void> | null {
    if (!this.#isWriting) return null;
    this.#written ??= new Promise((resolve) => (this.#tellWritten = resolve));
    return this.#written;
  }

  complete(size: number): Promise<void> {
    if (this.#state !== 'open')
      return Promise.reject(this.#failure ?? this.#abortedWith ?? new ParleyError('request.invalid-state', 'completed twice'));
    this.#state = 'completing';
    return this.#complete(size).then(
      (hashes) => this.#settle.resolve(hashes),
      async (thrown: unknown) => {
        const error = this.#fail(thrown instanceof ParleyError ? thrown : writeError(thrown));
        await this.#close();
        this.#settle.reject(error);
        throw error;
      },
    );
  }

  /** What came so far without a gap stays in the partial file. Without effect once the message is complete or aborted. */
  abort(error: CodedError): void {
    if (this.#state !== 'open') return;
    this.#state = 'over';
    const reason = this.#failure ?? (error instanceof ParleyError ? error : new ParleyError(error.code, error.detail));
    this.#abortedWith = reason;
    void this.#flush()
      .then(() => (this.#ranges.count > 1 ? this.#file?.truncate(this.#ranges.contiguous) : undefined))
      .catch(() => {})
      .then(() => this.#close())
      .then(() => this.#settle.reject(reason));
  }

  async #open(): Promise<void> {
    const { partialPath } = this.#options;
    const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0) | (this.#start === 0 ? constants.O_TRUNC : 0);
    try {
      const file = await open(partialPath, flags, 0o600);
      this.#file = file;
      const stat = await file.stat();
      if (!stat.isFile()) throw new ParleyError('file.unwritable', 'the partial file is not a regular file');
      if (stat.size < this.#start) throw new ParleyError('file.size-mismatch', 'the partial file is shorter than what it should hold');
      if (stat.size > this.#start) await file.truncate(this.#start);
      const { prefix } = this.#options;
      if (prefix?.algorithm === this.#algorithm && prefix?.length === this.#start && prefix?.modifiedAt === stat.mtimeMs)
        this.#hash = prefix.state.copy();
      else if (this.#hash !== null) await feedHashes(file, 0, this.#start, [this.#hash]);
    } catch (thrown) {
      this.#fail(thrown instanceof ParleyError ? thrown : writeError(thrown));
    }
    this.#ready = true;
    this.#writeNext();
  }

  /** @returns how many octets found room */
  #take(from: number, octets: Uint8Array): number {
    let taken = 0;
    while (taken < octets.length) {
      const at = from + taken;
      if (this.#block !== null && this.#blockAt + this.#filled !== at) this.#submit();
      if (this.#block === null) {
        if (this.#blocks >= BLOCKS || (this.#blocks > 0 && !blockPool.hasRoom)) break;
        this.#blocks++;
        this.#block = blockPool.take();
        this.#blockAt = at;
        // Whole pages of the file cost the system less.
        this.#blockEnd = this.#block.length - (at % this.#block.length);
        this.#filled = 0;
      }
      const room = this.#blockEnd - this.#filled;
      const part = taken === 0 && octets.length <= room ? octets : octets.subarray(taken, taken + room);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      if (this.#filled === this.#blockEnd) this.#submit();
    }
    if (taken > 0) {
      this.#ranges.add(from, from + taken);
      this.#options.onProgress?.(this.#ranges.contiguous);
    }
    return taken;
  }

  async #takeRest(from: number, octets: Uint8Array): Promise<void> {
    for (let taken = 0; taken < octets.length; ) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#assertUsable();
      taken += this.#take(from + taken, octets.subarray(taken));
    }
  }

  #submit(): void {
    const block = this.#block;
    if (block === null) return;
    const length = this.#filled;
    this.#block = null;
    this.#queue.push({ block, at: this.#blockAt, length });
    this.#writeNext();
  }

  /**
   * One after the other: where octets came twice, the later ones must win (RFC 4975 section 7.3.1). This thread hashes while the system
   * writes.
   */
  #writeNext(): void {
    if (!this.#ready) return;
    if (this.#failure !== null) for (const { block } of this.#queue.splice(0)) this.#giveBack(block);
    const next = this.#isWriting ? undefined : this.#queue.shift();
    if (next !== undefined) {
      const { block, at, length } = next;
      this.#isWriting = true;
      this.#writeAll((this.#file as FileHandle).fd, block, 0, length, at);
      const inOrder = this.#hashedTo === at;
      this.#hashedTo = inOrder ? at + length : -1;
      if (inOrder) this.#hash?.update(block.subarray(0, length));
    }
    this.#wake();
  }

  #writeAll(fd: number, block: Buffer, from: number, length: number, at: number): void {
    writeFile(fd, block, from, length - from, at + from, (error, count) => {
      if (error === null && from + count < length && count > 0) return this.#writeAll(fd, block, from + count, length, at);
      this.#isWriting = false;
      this.#written = null;
      this.#tellWritten();
      this.#giveBack(block);
      if (error !== null || count === 0)
        this.#fail(error === null ? new ParleyError('file.disk-full', 'nothing was written') : writeError(error));
      this.#writeNext();
    });
  }

  #giveBack(block: Buffer): void {
    this.#blocks--;
    blockPool.give(block);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #flush(): Promise<void> {
    await this.#opened;
    this.#submit();
    while (this.#isWriting || this.#queue.length > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#failure !== null) throw this.#failure;
  }

  async #complete(size: number): Promise<{ sha256: string | null; sha1: string | null }> {
    this.#assertUsable();
    const whole = this.#options.size ?? this.#start + size;
    const { sha256, sha1 } = this.#options.hash;
    if (this.#start + size !== whole || !this.#ranges.covers(whole)) {
      throw new ParleyError('file.size-mismatch', `${this.#start + size} octets instead of ${whole}`);
    }
    await this.#flush();
    const file = this.#file as FileHandle;
    let hash = this.#hash;
    if (this.#algorithm !== null && this.#hashedTo !== whole) {
      hash = createHash(this.#algorithm);
      await feedHashes(file, 0, whole, [hash]);
    }
    const digest = hash?.digest('hex') ?? null;
    const wanted = this.#algorithm === 'sha256' ? sha256 : sha1;
    if (wanted !== null && digest !== wanted.toLowerCase()) throw new ParleyError('file.hash-mismatch', `${this.#algorithm} ${digest}`);
    await file.sync();
    await this.#close();
    return { sha256: this.#algorithm === 'sha256' ? digest : null, sha1: this.#algorithm === 'sha1' ? digest : null };
  }

  async #close(): Promise<void> {
    this.#state = 'over';
    await this.#opened;
    if (this.#block !== null) this.#giveBack(this.#block);
    this.#block = null;
    const file = this.#file;
    this.#file = null;
    if (file === null) return;
    // A write that was never answered would come after the close; there is none once a flush ended.
    while (this.#isWriting) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    await file.close().catch(() => {});
  }

  /** The first failure stays. */
  #fail(error: ParleyError): ParleyError {
    this.#failure ??= error;
    return this.#failure;
  }

  #assertUsable(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#state === 'over') throw this.#abortedWith ?? new ParleyError('request.invalid-state', 'the file is closed');
  }
}
