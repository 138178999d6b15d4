import { stat } from 'node:fs/promises';
import { hashFile } from '../../msrp/file-source.ts';
import { finishFile } from '../../msrp/finish-file.ts';
import type { StoredTransfer } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import { TransferBook } from './booking.ts';
import { type IncomingFolders, makeFolder } from './folders.ts';

/**
 * The process may die after all of a file came and its sender was told so, and before that was written down: nobody would send it again. A
 * partial file that is whole by its size and hash is the file.
 */
export async function salvage(context: ServiceContext, folders: IncomingFolders, transfer: StoredTransfer): Promise<void> {
  const { partialPath, hash, size, direction, state } = transfer;
  if (direction !== 'in' || state !== 'interrupted' || partialPath === null || hash === null) return;
  const there = await stat(partialPath).catch(() => null);
  if (there?.size !== size) return;
  const found = await hashFile(partialPath);
  const isWhole = hash.sha256 === null ? found.sha1 === hash.sha1?.toLowerCase() : found.sha256 === hash.sha256.toLowerCase();
  if (!isWhole) return;
  await makeFolder(folders.downloads);
  const finalPath = await finishFile(partialPath, folders.downloads, transfer.name);
  await new TransferBook(context, transfer).apply('verified', { fields: { finalPath } });
}
