import { mkdir, statfs } from 'node:fs/promises';
import { ParleyError } from '../../../shared/base/errors.ts';
import { writeError } from '../../msrp/file-errors.ts';

/** Where incoming files are gathered, held back, and where the person finds them. */
export interface IncomingFolders {
  readonly partial: string;
  readonly quarantine: string;
  readonly downloads: string;
}

/**
 * A file that cannot fit is refused before the person is asked (cpm.md section 10.4). What is gathered and what is finished may lie on
 * different disks.
 * @throws ParleyError `file.disk-full`, `file.unwritable`
 */
export async function checkRoom({ partial, downloads }: IncomingFolders, size: number): Promise<void> {
  for (const folder of [partial, downloads]) {
    await makeFolder(folder);
    const disk = await statfs(folder);
    if (disk.bavail * disk.bsize < size) throw new ParleyError('file.disk-full', `${size} octets do not fit`);
  }
}

/** Also one that was there a moment ago: the person may tidy up while a file arrives. @throws ParleyError `file.disk-full`, `file.unwritable` */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((thrown: unknown) => Promise.reject(writeError(thrown)));
}
