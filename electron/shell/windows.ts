import { join } from 'node:path';
import { app, BrowserWindow, dialog, nativeTheme, screen, session } from 'electron';
import type { HostedClient } from '../app/composition.ts';
import { guardContents, guardSession } from './guards.ts';
import { PAGE_URL } from './page-address.ts';
import type { PageIpc } from './page-ipc.ts';
import { servePage } from './page-scheme.ts';
import { type Bounds, fitInto, MIN_SIZE, placeBeside, readWindowState, writeWindowState } from './window-state.ts';

export interface WindowOptions {
  readonly ipc: PageIpc;
  /** absolute paths */
  readonly preload: string;
  readonly page: string;
  readonly log: (line: string) => void;
}

/** what the window shows until the page paints; the page's own surface */
const BACKGROUND = { light: '#f6f7f7', dark: '#16181a' } as const;
/** a move or resize is kept when the person has let go for this long, ms */
const SETTLE = 500;

/** The windows of all accounts, one each. */
export class Windows {
  readonly #open = new Map<string, BrowserWindow>();
  readonly #served = new Set<string>();
  readonly #options: WindowOptions;

  constructor(options: WindowOptions) {
    this.#options = options;
    nativeTheme.on('updated', () => {
      for (const window of this.#open.values()) window.setBackgroundColor(background());
    });
  }

  of(name: string): BrowserWindow | null {
    return this.#open.get(name) ?? null;
  }

  showAll(clients: readonly HostedClient[]): void {
    clients.forEach((hosted, index) => {
      const window = this.#open.get(hosted.name);
      if (window === undefined) this.#create(hosted, index, clients.length);
      else reveal(window);
    });
  }

  #create(hosted: HostedClient, index: number, count: number): void {
    const { ipc, log, page, preload } = this.#options;
    const ownSession = session.fromPartition(`persist:${hosted.name}`);
    if (!this.#served.has(hosted.name)) {
      this.#served.add(hosted.name);
      guardSession(ownSession);
      servePage(ownSession, page, hosted.client);
    }
    const stateFile = join(hosted.paths.data, 'window.json');
    const kept = readWindowState(stateFile);
    const window = new BrowserWindow({
      ...(kept === null ? placeBeside(screen.getPrimaryDisplay().workArea, index, count) : onSomeDisplay(kept)),
      minWidth: MIN_SIZE.width,
      minHeight: MIN_SIZE.height,
      title: hosted.account.displayName,
      backgroundColor: background(),
      show: false,
      webPreferences: {
        session: ownSession,
        preload,
        contextIsolation: true,
        sandbox: true,
        nodeIntegration: false,
        webSecurity: true,
        webviewTag: false,
        // Elsewhere Chromium would fetch its dictionaries from the network.
        spellcheck: process.platform === 'darwin',
        devTools: !app.isPackaged,
      },
    });
    this.#open.set(hosted.name, window);
    if (kept?.maximized) window.maximize();
    ipc.join(window.webContents, hosted);
    guardContents(window.webContents);
    rememberState(window, stateFile, log);
    reloadAfterCrash(window, log);
    window.on('page-title-updated', (event) => event.preventDefault());
    window.once('ready-to-show', () => window.show());
    window.once('closed', () => this.#open.delete(hosted.name));
    window.loadURL(PAGE_URL).catch((thrown: unknown) => log(`shell: ${hosted.name}: the page does not load: ${String(thrown)}`));
  }
}

function background(): string {
  return nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light;
}

function reveal(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

function onSomeDisplay(bounds: Bounds): Bounds {
  return fitInto(screen.getDisplayMatching({ ...bounds }).workArea, bounds);
}

function rememberState(window: BrowserWindow, path: string, log: (line: string) => void): void {
  let timer: NodeJS.Timeout | undefined;
  const save = (): void => {
    clearTimeout(timer);
    try {
      writeWindowState(path, { ...window.getNormalBounds(), maximized: window.isMaximized() });
    } catch (thrown) {
      log(`shell: the window's place cannot be kept: ${String(thrown)}`);
    }
  };
  const later = (): void => {
    clearTimeout(timer);
    timer = setTimeout(save, SETTLE);
  };
  window.on('resize', later);
  window.on('move', later);
  window.on('close', save);
  window.once('closed', () => clearTimeout(timer));
}

/** The first time silently; a page that goes again would go for ever, so then the person is asked. */
function reloadAfterCrash(window: BrowserWindow, log: (line: string) => void): void {
  let reloaded = false;
  window.webContents.on('render-process-gone', (_event, { reason }) => {
    if (reason === 'clean-exit') return;
    log(`internal: the page of ${window.getTitle()} ended: ${reason}`);
    if (!reloaded) {
      reloaded = true;
      window.webContents.reload();
      return;
    }
    dialog
      .showMessageBox(window, { type: 'error', message: 'This window stopped working', buttons: ['Load again', 'Close'], cancelId: 1 })
      .then(({ response }) => {
        if (window.isDestroyed()) return;
        if (response === 0) window.webContents.reload();
        else window.close();
      })
      .catch((thrown: unknown) => log(`shell: ${String(thrown)}`));
  });
}
