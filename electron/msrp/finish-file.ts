import { constants } from 'node:fs';
import { chmod, copyFile, link, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ParleyError } from '../../shared/base/errors.ts';
import { numberedFileName } from '../../shared/model/file-name.ts';
import { systemCode, writeError } from './file-errors.ts';
import { markForeign } from './foreign-mark.ts';

const MAX_NAMES = 10_000;

/**
 * Gives a finished file its place. Never overwrites: `name.ext`, `name (2).ext` and so on, whichever is free; the step that takes the name
 * is one that fails when the name is taken, so two transfers at once cannot collide.
 * @param cleanName a file name that is safe on this system; a path in it is an error
 * @returns the path it has now
 * @throws ParleyError `file.disk-full`, `file.unwritable`
 */
export async function finishFile(partialPath: string, folder: string, cleanName: string): Promise<string> {
  if (basename(cleanName) !== cleanName || cleanName === '' || cleanName === '.' || cleanName === '..') {
    throw new ParleyError('file.unwritable', 'not a file name');
  }
  for (let number = 1; number <= MAX_NAMES; number++) {
    const target = join(folder, numberedFileName(cleanName, number));
    try {
      await moveTo(partialPath, target);
      await markForeign(target);
      await syncFolder(folder);
      return target;
    } catch (thrown) {
      if (systemCode(thrown) !== 'EEXIST') throw writeError(thrown);
    }
  }
  throw new ParleyError('file.unwritable', 'no free name');
}

/**
 * Puts a file that is not what was announced where nobody opens it by mistake: read-only, with `.quarantine` behind its name.
 * @returns the path it has now
 * @throws ParleyError `file.disk-full`, `file.unwritable`
 */
export async function quarantine(partialPath: string, folder: string): Promise<string> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw writeError(thrown);
  }
  const path = await finishFile(partialPath, folder, `${basename(partialPath)}.quarantine`);
  await chmod(path, 0o400).catch(() => {});
  return path;
}

/** @throws with EEXIST when the name is taken */
async function moveTo(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (thrown) {
    if (systemCode(thrown) === 'EEXIST' || systemCode(thrown) === 'ENOENT') throw thrown;
    // Another file system, or one without hard links.
    await copyTo(from, to);
  }
  await unlink(from);
}

async function copyTo(from: string, to: string): Promise<void> {
  const reserved = await open(to, 'wx', 0o600);
  await reserved.close();
  const beside = `${to}.part`;
  try {
    await copyFile(from, beside, constants.COPYFILE_EXCL);
    const [source, copy] = [await stat(from), await stat(beside)];
    if (source.size !== copy.size) throw new ParleyError('file.unwritable', 'the copy is not complete');
    const file = await open(beside, 'r+');
    await file.sync().finally(() => file.close());
    await rename(beside, to);
  } catch (thrown) {
    await unlink(beside).catch(() => {});
    await unlink(to).catch(() => {});
    if (systemCode(thrown) === 'EEXIST') throw new ParleyError('file.unwritable', `${beside} is in the way`, { cause: thrown });
    throw thrown;
  }
}

/** So that the name survives a power cut; folders cannot be opened everywhere. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
