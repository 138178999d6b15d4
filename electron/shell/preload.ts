import { contextBridge, type IpcRendererEvent, ipcRenderer, webUtils } from 'electron';
import type { FileCandidate } from '../../shared/ipc/contract.ts';
import type { ElectronHost } from '../../shared/ipc/host.ts';
import { IPC, MAX_PASTED, type Offered } from './ipc-channels.ts';
import { previewUrl } from './page-address.ts';

const host: ElectronHost<File> = {
  send(text) {
    ipcRenderer.send(IPC.text, String(text));
  },
  onText(listener) {
    const receive = (_event: IpcRendererEvent, text: string): void => listener(text);
    ipcRenderer.on(IPC.text, receive);
    return () => void ipcRenderer.off(IPC.text, receive);
  },
  async offerFiles(files) {
    const candidates: FileCandidate[] = [];
    for (const file of files) candidates.push(await offer(file));
    return candidates;
  },
  previewUrl: (picture) => previewUrl(String(picture)),
};

async function offer(file: File): Promise<FileCandidate> {
  // A File made by script has no path, so the page cannot name one.
  const path = webUtils.getPathForFile(file);
  if (path === '' && file.size > MAX_PASTED) throw new Error(`file.too-large: ${file.size} octets, the limit is ${MAX_PASTED}`);
  const offered: Offered =
    path === ''
      ? await ipcRenderer.invoke(IPC.offerOctets, file.name, new Uint8Array(await file.arrayBuffer()))
      : await ipcRenderer.invoke(IPC.offerPath, path);
  if ('error' in offered) throw new Error(`${offered.error.code}: ${offered.error.detail}`);
  return offered.candidate;
}

contextBridge.exposeInMainWorld('parley', host);
