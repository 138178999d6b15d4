import { copyFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type BrowserWindow, dialog, shell } from 'electron';
import { ParleyError } from '../../shared/base/errors.ts';
import type { HostActions } from '../app/port.ts';
import { desktopOf } from './desktop.ts';
import { runs } from './programs.ts';

const LINKS: ReadonlySet<string> = new Set(['http:', 'https:', 'mailto:', 'tel:', 'sip:', 'sips:']);

/**
 * What a client core asks of the desktop. @param windowOf the window the question belongs to, null while there is none
 * @param reveal brings that window to the front, or up
 */
export function desktopActions(windowOf: () => BrowserWindow | null, reveal: () => void): HostActions {
  return {
    desktop: desktopOf(windowOf, reveal),
    async chooseFiles() {
      const options = { properties: ['openFile', 'multiSelections'] as ('openFile' | 'multiSelections')[] };
      const window = windowOf();
      const chosen = await (window === null ? dialog.showOpenDialog(options) : dialog.showOpenDialog(window, options));
      return chosen.canceled ? [] : chosen.filePaths;
    },
    async chooseFolder(from) {
      const options = { defaultPath: from, properties: ['openDirectory', 'createDirectory'] as ('openDirectory' | 'createDirectory')[] };
      const window = windowOf();
      const chosen = await (window === null ? dialog.showOpenDialog(options) : dialog.showOpenDialog(window, options));
      return chosen.canceled ? null : (chosen.filePaths[0] ?? null);
    },
    async openPath(path) {
      if (runs(path) && !(await agreesToRun(path, windowOf()))) return;
      const failure = await shell.openPath(path);
      if (failure !== '') throw new ParleyError('request.invalid', failure);
    },
    showInFolder(path) {
      shell.showItemInFolder(path);
      return Promise.resolve();
    },
    async saveCopy(path) {
      const options = { defaultPath: basename(path) };
      const window = windowOf();
      const chosen = await (window === null ? dialog.showSaveDialog(options) : dialog.showSaveDialog(window, options));
      if (chosen.canceled || chosen.filePath === '') return false;
      // the dialog has asked about what is there already
      await copyFile(path, chosen.filePath).catch((thrown: NodeJS.ErrnoException) => {
        const code = thrown.code === 'ENOSPC' ? 'file.disk-full' : thrown.code === 'ENOENT' ? 'file.missing' : 'file.unwritable';
        throw new ParleyError(code, thrown.message, { cause: thrown });
      });
      return true;
    },
    async openUrl(url) {
      if (!isLink(url)) throw new ParleyError('request.invalid', 'only web, mail and telephone links are opened');
      await shell.openExternal(new URL(url).href);
    },
  };
}

function isLink(url: string): boolean {
  try {
    return LINKS.has(new URL(url).protocol);
  } catch {
    return false;
  }
}

async function agreesToRun(path: string, window: BrowserWindow | null): Promise<boolean> {
  const question = {
    type: 'warning' as const,
    message: 'This file can run as a program',
    detail: `“${path.split(/[\\/]/).at(-1)}” can change or delete your files when it is opened. Open it only if you trust who sent it.`,
    buttons: ['Cancel', 'Open anyway'],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  };
  const { response } = await (window === null ? dialog.showMessageBox(question) : dialog.showMessageBox(window, question));
  return response === 1;
}
