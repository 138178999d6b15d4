import { closeSync, openSync, writeSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type IncomingFolders, makeFolder } from './folders.ts';

type Folder = Pick<IncomingFolders, 'partial'>;

const OCTETS = 8;

/**
 * How far the other side has a file that leaves, kept beside the store while octets flow: at the speed of a disk a commit of the store for each
 * megabyte would cost more than the file. It outlives the process, not a power cut; then the store's last checkpoint is where to go on. What cannot
 * be kept (a full disk) only costs octets that are sent again.
 */
export class SentMark {
  readonly #path: string;
  readonly #octets = Buffer.alloc(OCTETS);
  #file: number | null = null;

  private constructor(path: string) {
    this.#path = path;
  }

  static async open(folder: Folder, transferId: number): Promise<SentMark> {
    const mark = new SentMark(pathOf(folder, transferId));
    await makeFolder(folder.partial).catch(() => undefined);
    mark.#attempt(() => {
      mark.#file = openSync(mark.#path, 'w', 0o600);
    });
    return mark;
  }

  /** @param octets of the file that the other side has acknowledged without a gap */
  note(octets: number): void {
    const file = this.#file;
    if (file === null) return;
    this.#octets.writeDoubleLE(octets);
    this.#attempt(() => writeSync(file, this.#octets, 0, OCTETS, 0));
  }

  /** Once the store knows it. */
  async remove(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    if (file !== null) this.#attempt(() => closeSync(file));
    await rm(this.#path, { force: true }).catch(() => undefined);
  }

  #attempt(work: () => unknown): void {
    try {
      work();
    } catch {
      // the checkpoints of the store remain
    }
  }
}

/** What a process that died has left. Null where there is nothing that makes sense. */
export async function takeSentMark(folder: Folder, { id, size }: { readonly id: number; readonly size: number }): Promise<number | null> {
  const path = pathOf(folder, id);
  const left = await readFile(path).catch(() => null);
  await rm(path, { force: true }).catch(() => undefined);
  const octets = left?.length === OCTETS ? left.readDoubleLE() : Number.NaN;
  return Number.isSafeInteger(octets) && octets >= 0 && octets <= size ? octets : null;
}

function pathOf({ partial }: Folder, transferId: number): string {
  return join(partial, `${transferId}.sent`);
}
