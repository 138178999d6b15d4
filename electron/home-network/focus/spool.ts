import { createHash } from 'node:crypto';
import { copyFile, type FileHandle, link, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ParleyError } from '../../../shared/base/errors.ts';
import { randomToken } from '../../../shared/base/random.ts';
import type { FileSource } from '../../msrp/port.ts';

/** at the end of names of files that are not to stay: what is found of them at a start goes */
export const UNFINISHED = '.part';
/** octets in which the header fields of a message/cpim are, which say what is inside and what its sender wants to hear */
export const CPIM_HEAD = 16_384;

/** The octets of one message, wherever they are. */
export interface Octets {
  readonly size: number;
  readonly source: Uint8Array | FileSource;
  /** The first ones, at most so many. */
  head(most: number): Promise<Uint8Array>;
  /** somebody else needs them as well */
  hold(): void;
  release(): void;
}

/**
 * Where what goes to several, or later, is on disk, so that each of them can be sent to in his own time. Without a folder for what stays its
 * files have no names: whatever way this process ends, nothing of them is left.
 */
export class Spool {
  readonly #folder: string | null;
  readonly #maxOctets: number;
  #octets = 0;

  /** @param maxOctets of all files together. @param folder for those that are to stay; null: none is */
  constructor(maxOctets: number, folder: string | null = null) {
    this.#folder = folder;
    this.#maxOctets = maxOctets;
  }

  /** @param size octets that are announced, 0 where none are. @throws ParleyError `file.disk-full`, `file.unwritable` */
  async open(size: number): Promise<Spooled> {
    this.take(size);
    const path = join(this.#folder ?? tmpdir(), `parley-spool-${randomToken(24)}${UNFINISHED}`);
    try {
      const handle = await open(path, 'wx+', 0o600);
      if (this.#folder === null) await unlink(path);
      return new Spooled(this, handle, size, this.#folder === null ? null : path);
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
export class Spooled implements Octets {
  readonly #spool: Spool;
  readonly #handle: FileHandle;
  /** null: it has no name */
  readonly #path: string | null;
  #reserved: number;
  #size = 0;
  readonly #hashes = new Map<string, Promise<string>>();
  #holders = 1;

  constructor(spool: Spool, handle: FileHandle, reserved: number, path: string | null) {
    this.#spool = spool;
    this.#handle = handle;
    this.#path = path;
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

  /**
   * Under that name, beside this one, whatever becomes of the process or the power.
   * @throws ParleyError `file.unwritable`
   */
  async keep(path: string): Promise<void> {
    try {
      if (this.#path === null) throw new Error('nothing stays of this spool');
      await this.#handle.sync();
      await link(this.#path, path).catch(() => copyFile(this.#path ?? '', path));
      const folder = await open(dirname(path), 'r');
      // not every system lets a folder be synced; where it does not there is no need
      await folder.sync().catch(() => undefined);
      await folder.close();
    } catch (thrown) {
      throw new ParleyError('file.unwritable', String(thrown), { cause: thrown });
    }
  }

  /** Hexadecimal, over all of it; asked for when nothing more is written. */
  hash(algorithm: 'sha1' | 'sha256'): Promise<string> {
    const hash = this.#hashes.get(algorithm) ?? this.#hash(algorithm);
    this.#hashes.set(algorithm, hash);
    return hash;
  }

  async #hash(algorithm: 'sha1' | 'sha256'): Promise<string> {
    const hash = createHash(algorithm);
    const block = new Uint8Array(1_048_576);
    for (let at = 0; at < this.#size; ) {
      const { bytesRead } = await this.#handle.read(block, 0, Math.min(block.length, this.#size - at), at);
      if (bytesRead === 0) throw new ParleyError('file.unreadable', 'the spool is shorter than what was written');
      hash.update(block.subarray(0, bytesRead));
      at += bytesRead;
    }
    return hash.digest('hex');
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    this.#spool.give(this.#reserved);
    void this.#handle.close().catch(() => undefined);
    if (this.#path !== null) void unlink(this.#path).catch(() => undefined);
  }
}
