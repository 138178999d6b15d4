import { mkdir, statfs } from 'node:fs/promises';
import { ParleyError } from '../../../shared/base/errors.ts';
import { writeError } from '../../msrp/file-errors.ts';

/** Where incoming files are gathered, held back, and where the person finds them. */
export interface IncomingFolders {
  readonly partial: string;
  readonly quarantine: string;
  readonly downloads: string;
  /** where they come to lie instead while that is not there and cannot be made: a disk that was taken out */
  readonly fallback?: string | undefined;
}

/** @throws ParleyError `file.disk-full`, `file.unwritable` when neither folder can be used */
export async function downloadsOf({ downloads, fallback = downloads }: Pick<IncomingFolders, 'downloads' | 'fallback'>): Promise<string> {
  const isThere = await makeFolder(downloads).then(
    () => true,
    () => false,
  );
  if (isThere) return downloads;
  await makeFolder(fallback);
  return fallback;
}

/**
 * A file that cannot fit is refused before the person is asked (cpm.md section 10.4). What is gathered and what is finished may lie on
 * different disks.
 * @throws ParleyError `file.disk-full`, `file.unwritable`
 */
export async function checkRoom(folders: IncomingFolders, size: number): Promise<void> {
  await makeFolder(folders.partial);
  for (const folder of [folders.partial, await downloadsOf(folders)]) {
    const disk = await statfs(folder);
    if (disk.bavail * disk.bsize < size) throw new ParleyError('file.disk-full', `${size} octets do not fit`);
  }
}

/** Also one that was there a moment ago: the person may tidy up while a file arrives. @throws ParleyError `file.disk-full`, `file.unwritable` */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((thrown: unknown) => Promise.reject(writeError(thrown)));
}
