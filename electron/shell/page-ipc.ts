import { isAbsolute } from 'node:path';
import { type IpcMainEvent, type IpcMainInvokeEvent, ipcMain, type WebContents } from 'electron';
import { ParleyError, toCodedError } from '../../shared/base/errors.ts';
import type { FileCandidate } from '../../shared/ipc/contract.ts';
import { type Channel, serveContract } from '../../shared/ipc/wire.ts';
import { saveIncoming } from '../app/incoming-file.ts';
import { incomingFolder } from '../app/paths.ts';
import type { HostedAccount } from '../app/port.ts';
import { IPC, MAX_PASTED, type Offered } from './ipc-channels.ts';
import { isPageUrl } from './page-address.ts';

const MAX_PATH = 32_768;

/** Joins each window's page to its own client core: who sent a message is decided here, by the window and the frame it came from. */
export class PageIpc {
  readonly #pages = new Map<number, Page>();
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
    ipcMain.on(IPC.text, (event, text: unknown) => {
      if (typeof text === 'string') this.#sender(event)?.receive(text);
    });
    this.#answer(IPC.offerPath, async ({ hosted }, path) => {
      if (typeof path !== 'string' || path.length > MAX_PATH || !isAbsolute(path)) throw new ParleyError('request.invalid', 'not a path');
      return hosted.offerFile(path);
    });
    this.#answer(IPC.offerOctets, async ({ hosted }, name, octets) => {
      if (typeof name !== 'string' || !(octets instanceof Uint8Array)) throw new ParleyError('request.invalid', 'not a file');
      if (octets.length > MAX_PASTED) throw new ParleyError('file.too-large', `the limit is ${MAX_PASTED} octets`);
      const folder = incomingFolder(hosted.paths.data);
      return hosted.offerFile(await saveIncoming(folder, name, MAX_PASTED, only(octets)));
    });
  }

  join(contents: WebContents, hosted: HostedAccount): void {
    const { id } = contents;
    const page = new Page(contents, hosted, this.#log);
    this.#pages.set(id, page);
    contents.on('did-start-navigation', ({ isMainFrame, isSameDocument }) => {
      if (isMainFrame && !isSameDocument) page.end();
    });
    contents.on('render-process-gone', () => page.end());
    contents.once('destroyed', () => {
      this.#pages.delete(id);
      page.end();
    });
  }

  /** Only the main frame of a joined window, and only while it shows our own page, is heard. */
  #sender(event: IpcMainEvent | IpcMainInvokeEvent): Page | null {
    const page = this.#pages.get(event.sender.id);
    const frame = event.senderFrame;
    if (page !== undefined && frame !== null && frame.parent === null && isPageUrl(frame.url)) return page;
    this.#log('shell: a message from a frame that is not the page was dropped');
    return null;
  }

  #answer(channel: string, run: (page: Page, ...values: unknown[]) => Promise<FileCandidate>): void {
    ipcMain.handle(channel, async (event, ...values: unknown[]): Promise<Offered> => {
      try {
        const page = this.#sender(event);
        if (page === null) throw new ParleyError('request.invalid', 'not from the page');
        return { candidate: await run(page, ...values) };
      } catch (thrown) {
        return { error: toCodedError(thrown) };
      }
    });
  }
}

/** One window's page; each document that is loaded into it gets a channel of its own, opened by its first text. */
class Page {
  readonly hosted: HostedAccount;
  readonly #contents: WebContents;
  readonly #log: (line: string) => void;
  #document: { receive: (text: string) => void; close: () => void } | null = null;

  constructor(contents: WebContents, hosted: HostedAccount, log: (line: string) => void) {
    this.#contents = contents;
    this.hosted = hosted;
    this.#log = log;
  }

  receive(text: string): void {
    this.#document ??= this.#open();
    this.#document.receive(text);
  }

  end(): void {
    this.#document?.close();
    this.#document = null;
  }

  #open(): { receive: (text: string) => void; close: () => void } {
    const texts = new Set<(text: string) => void>();
    const closes = new Set<() => void>();
    const channel: Channel = {
      send: (text) => {
        if (!this.#contents.isDestroyed()) this.#contents.send(IPC.text, text);
      },
      onText: (listener) => {
        texts.add(listener);
        return () => texts.delete(listener);
      },
      onClose: (listener) => {
        closes.add(listener);
        return () => closes.delete(listener);
      },
    };
    const { hosted } = this;
    serveContract(channel, hosted.handlers, (listener) => hosted.subscribe(listener), {
      onProblem: ({ code, detail }) => this.#log(`${hosted.name}: ${code}: ${detail}`),
    });
    return {
      receive: (text) => {
        for (const listener of texts) listener(text);
      },
      close: () => {
        for (const listener of closes) listener();
      },
    };
  }
}

async function* only(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}
