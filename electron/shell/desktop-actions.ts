import { extname } from 'node:path';
import { type BrowserWindow, dialog, shell } from 'electron';
import { ParleyError } from '../../shared/base/errors.ts';
import type { HostActions } from '../app/port.ts';

/** Opening one of these runs it. */
const RUNS: ReadonlySet<string> = new Set(
  [
    'app appimage appref-ms application bat bin chm cmd com command cpl csh deb desktop dll dmg exe gadget hta inf ins iso jar jnlp',
    'js jse ksh lnk mpkg msc msh msi msix msixbundle msp mst pif pkg pl ps1 psc1 psm1 py pyw rb reg rpm run scpt scr sct',
    'settingcontent-ms sh shb terminal tool url vb vbe vbs vhd vhdx webloc workflow ws wsc wsf wsh xbap xll zsh',
  ].flatMap((line) => line.split(' ')),
);
const LINKS: ReadonlySet<string> = new Set(['http:', 'https:', 'mailto:', 'tel:', 'sip:', 'sips:']);

/** What a client core asks of the desktop. @param windowOf the window the question belongs to, null while there is none */
export function desktopActions(windowOf: () => BrowserWindow | null): HostActions {
  return {
    async chooseFiles() {
      const options = { properties: ['openFile', 'multiSelections'] as ('openFile' | 'multiSelections')[] };
      const window = windowOf();
      const chosen = await (window === null ? dialog.showOpenDialog(options) : dialog.showOpenDialog(window, options));
      return chosen.canceled ? [] : chosen.filePaths;
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
    async openUrl(url) {
      if (!isLink(url)) throw new ParleyError('request.invalid', 'only web, mail and telephone links are opened');
      await shell.openExternal(new URL(url).href);
    },
  };
}

/** Windows drops dots and spaces at the end of a name. */
export function runs(path: string): boolean {
  const extension = extname(path.replace(/[. ]+$/, '')).slice(1);
  return RUNS.has(extension.toLowerCase());
}

export function isLink(url: string): boolean {
  try {
    return LINKS.has(new URL(url).protocol);
  } catch {
    return false;
  }
}

async function agreesToRun(path: string, window: BrowserWindow | null): Promise<boolean> {
  const question = {
    type: 'warning' as const,
    message: 'This file is a program',
    detail: `“${path.split(/[\\/]/).at(-1)}” can change or delete your files when it is opened. Open it only if you trust who sent it.`,
    buttons: ['Cancel', 'Open anyway'],
    defaultId: 0,
    cancelId: 0,
    noLink: true,
  };
  const { response } = await (window === null ? dialog.showMessageBox(question) : dialog.showMessageBox(window, question));
  return response === 1;
}
