import type { OfferedFile } from '../../shared/ipc/contract.ts';
import { type ElectronHost, fromHostError } from '../../shared/ipc/host.ts';
import { connectContract } from '../../shared/ipc/wire.ts';
import type { Bridge } from './bridge.ts';
import { isApple } from './platform.ts';

declare global {
  interface Window {
    readonly parley?: ElectronHost<File>;
  }
}

export function electronBridge(host: ElectronHost<File>): Bridge {
  const client = connectContract({
    send: (text) => host.send(text),
    onText: (listener) => host.onText(listener),
    // the main process outlives the page
    onClose: () => () => {},
  });
  return {
    call: (method, params) => client.call(method, params),
    on: (event, listener) => client.on(event, listener),
    onLink: () => () => {},
    chooseFiles: async () => (await client.call('files.choose', {})).items,
    offerFiles: (files) => Promise.all(files.map((file) => offer(host, file))),
    openLink: async (url) => void (await client.call('links.open', { url })),
    pictureUrl: (picture) => host.previewUrl(picture),
    savedUrl: null,
    apple: isApple(),
  };
}

/** One by one: a host refuses a list as a whole for its first bad file. */
async function offer(host: ElectronHost<File>, file: File): Promise<OfferedFile> {
  try {
    const [candidate] = await host.offerFiles([file]);
    if (candidate !== undefined) return { name: file.name, candidate, error: null };
    return { name: file.name, candidate: null, error: { code: 'file.unreadable', detail: 'the host gave no answer' } };
  } catch (thrown) {
    const { code, detail } = fromHostError(thrown);
    return { name: file.name, candidate: null, error: { code, detail } };
  }
}
