import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAtRest } from '../../../shared/model/states/transfer-state.ts';
import { hashFile } from '../../msrp/file-source.ts';
import { finishFile } from '../../msrp/finish-file.ts';
import type { StoredTransfer } from '../../store/port.ts';
import type { ServiceContext } from '../context.ts';
import { TransferBook } from './booking.ts';
import { downloadsOf, type IncomingFolders } from './folders.ts';

/**
 * The process may die after all of a file came and its sender was told so, and before that was written down: nobody would send it again. A
 * partial file that is whole by its size and hash is the file.
 */
export async function salvage(context: ServiceContext, folders: IncomingFolders, transfer: StoredTransfer): Promise<void> {
  const { partialPath, hash, size, direction, state } = transfer;
  if (direction !== 'in' || (state !== 'interrupted' && state !== 'paused') || partialPath === null || hash === null) return;
  const there = await stat(partialPath).catch(() => null);
  if (there?.size !== size) return;
  const found = await hashFile(partialPath);
  const isWhole = hash.sha256 === null ? found.sha1 === hash.sha1?.toLowerCase() : found.sha256 === hash.sha256.toLowerCase();
  if (!isWhole) return;
  const finalPath = await finishFile(partialPath, await downloadsOf(folders), transfer.name);
  await new TransferBook(context, transfer).apply('verified', { fields: { finalPath } });
}

/** A file that nobody went on with for so long is given up, ms (cpm.md section 10.7). */
const KEPT_MS = 7 * 24 * 3_600_000;

/** Ends what was interrupted or paused too long ago, and removes what came of it; also of what is over and was kept for its sender to go on with. */
export async function giveUpOld(context: ServiceContext, folders: IncomingFolders): Promise<void> {
  const before = context.clock.now() - KEPT_MS;
  const open = new Map((await context.store.openTransfers()).map((transfer) => [transfer.partialPath, transfer]));
  for (const name of await readdir(folders.partial).catch(() => [])) {
    const path = join(folders.partial, name);
    const there = await stat(path).catch(() => null);
    if (!there?.isFile() || there.mtimeMs >= before) continue;
    const transfer = open.get(path);
    if (transfer && isAtRest(transfer.state)) await new TransferBook(context, transfer).apply('expired');
    if (!transfer || isAtRest(transfer.state)) await rm(path, { force: true });
  }
}
