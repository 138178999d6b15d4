import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ParleyError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import type { FileSource } from '../../msrp/port.ts';

/** octets in which the header fields of a message/cpim are, which say what is inside and what its sender wants to hear */
export const CPIM_HEAD = 16_384;

/**
 * Where what goes to several waits on disk, so that each of them can be sent to in his own time. Its files have no names: whatever way this
 * process ends, nothing of them is left.
 */
export class Spool {
  readonly #folder: string;
  readonly #maxOctets: number;
  #octets = 0;

  /** @param maxOctets of all files together */
  constructor(maxOctets: number, folder: string = tmpdir()) {
    this.#folder = folder;
    this.#maxOctets = maxOctets;
  }

  /** @param size octets that are announced, 0 where none are. @throws ParleyError `file.disk-full`, `file.unwritable` */
  async open(size: number): Promise<Spooled> {
    this.take(size);
    const path = join(this.#folder, `parley-spool-${randomToken(24)}`);
    try {
      const handle = await open(path, 'wx+', 0o600);
      await unlink(path);
      return new Spooled(this, handle, size);
    } catch (thrown) {
      this.give(size);
      throw new ParleyError('file.unwritable', String(thrown), { cause: thrown });
    }
  }

  /** @throws ParleyError `file.disk-full` */
  take(octets: number): void {
    if (this.#octets + octets > this.#maxOctets) throw new ParleyError('file.disk-full', 'no room in the spool');
    this.#octets += octets;
  }

  give(octets: number): void {
    this.#octets -= octets;
  }
}

/** The octets of one message, until the last one who needs them lets go. */
export class Spooled {
  readonly #spool: Spool;
  readonly #handle: FileHandle;
  #reserved: number;
  #size = 0;
  #holders = 1;

  constructor(spool: Spool, handle: FileHandle, reserved: number) {
    this.#spool = spool;
    this.#handle = handle;
    this.#reserved = reserved;
  }

  /** octets up to the last one that was written */
  get size(): number {
    return this.#size;
  }

  get source(): FileSource {
    return { fd: this.#handle.fd, start: 0, end: this.#size };
  }

  /** @throws ParleyError `file.disk-full`, `file.unwritable` */
  async write(offset: number, octets: Uint8Array): Promise<void> {
    const end = offset + octets.length;
    if (end > this.#reserved) {
      this.#spool.take(end - this.#reserved);
      this.#reserved = end;
    }
    this.#size = Math.max(this.#size, end);
    try {
      for (let at = 0; at < octets.length; ) at += (await this.#handle.write(octets, at, octets.length - at, offset + at)).bytesWritten;
    } catch (thrown) {
      throw new ParleyError('file.unwritable', String(thrown), { cause: thrown });
    }
  }

  /** The first octets, at most so many. */
  async head(most: number): Promise<Uint8Array> {
    const octets = new Uint8Array(Math.min(most, this.#size));
    const { bytesRead } = await this.#handle.read(octets, 0, octets.length, 0);
    return octets.subarray(0, bytesRead);
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    this.#spool.give(this.#reserved);
    void this.#handle.close().catch(() => undefined);
  }
}
