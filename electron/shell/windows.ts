import { join } from 'node:path';
import { app, BrowserWindow, dialog, nativeTheme, screen, session } from 'electron';
import type { AccountRow } from '../../shared/ipc/account-contract.ts';
import type { LiveAccount } from '../app/accounts/live-account.ts';
import type { HostedAccount } from '../app/port.ts';
import { guardContents, guardSession } from './guards.ts';
import { PAGE_URL, SCHEME } from './page-address.ts';
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

/** the name of whom nobody has an account with */
const WELCOME = 'welcome';
/** what the window shows until the page paints; the page's own surface */
const BACKGROUND = { light: '#f6f7f7', dark: '#16181a' } as const;
/** a move or resize is kept when the person has let go for this long, ms */
const SETTLE = 500;

/** px that a window opened beside another one is moved by */
const STEP = 32;

/** The windows of all accounts, one each: an account is never shown in the window, nor with the session, of another. */
export class Windows {
  readonly #open = new Map<string, BrowserWindow>();
  /** by name: whom the session of that name serves now */
  readonly #served = new Map<string, HostedAccount>();
  readonly #options: WindowOptions;
  #quitting = false;

  constructor(options: WindowOptions) {
    this.#options = options;
    nativeTheme.on('updated', () => {
      for (const window of this.#open.values()) window.setBackgroundColor(background());
    });
    app.on('before-quit', () => (this.#quitting = true));
  }

  of(name: string): BrowserWindow | null {
    return this.#open.get(name) ?? null;
  }

  /** The windows that are there, or else those that were there last: of kept accounts; others come up with the app. */
  showAll(accounts: readonly LiveAccount[], welcome: HostedAccount): void {
    if (this.#open.size > 0) {
      for (const window of this.#open.values()) reveal(window);
      return;
    }
    const last = accounts.filter(({ row, paths }) => row.origin !== 'kept' || readWindowState(stateFile(paths))?.open === true);
    const shown = last.length > 0 ? last : [accounts[0] ?? welcome];
    shown.forEach((account, index) => {
      this.#create(account, (area) => placeBeside(area, index, shown.length));
    });
  }

  show(account: HostedAccount): void {
    const window = this.#open.get(account.name);
    if (window !== undefined) return reveal(window);
    const beside = BrowserWindow.getFocusedWindow()?.getNormalBounds();
    this.#create(account, (area) =>
      beside === undefined ? placeBeside(area, 0, 1) : fitInto(area, { ...beside, x: beside.x + STEP, y: beside.y + STEP }),
    );
    if (account.account.address !== '') this.#open.get(WELCOME)?.close();
  }

  /** Nothing of an account that has left stays, neither its window nor what its page kept. */
  forget(name: string): void {
    this.#open.get(name)?.destroy();
    this.#served.delete(name);
    void session.fromPartition(partition(name)).clearStorageData();
  }

  /** What is new, where somebody looks who does not look at the windows. */
  tell(rows: readonly AccountRow[]): void {
    for (const row of rows) this.#open.get(row.name)?.setTitle(titleOf(row, rows));
    app.setBadgeCount(rows.reduce((sum, { unread }) => sum + unread, 0));
  }

  #create(hosted: HostedAccount, place: (workArea: Bounds) => Bounds): void {
    const { ipc, log, page, preload } = this.#options;
    const ownSession = session.fromPartition(partition(hosted.name));
    const isServed = this.#served.has(hosted.name);
    this.#served.set(hosted.name, hosted);
    if (!isServed && !ownSession.protocol.isProtocolHandled(SCHEME)) {
      guardSession(ownSession);
      servePage(ownSession, page, () => this.#served.get(hosted.name));
    }
    const file = stateFile(hosted.paths);
    const kept = readWindowState(file);
    const window = new BrowserWindow({
      ...(kept === null ? place(screen.getPrimaryDisplay().workArea) : onSomeDisplay(kept)),
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
    rememberState(window, file, () => this.#quitting || this.#open.size < 2, log);
    reloadAfterCrash(window, log);
    window.on('page-title-updated', (event) => event.preventDefault());
    window.once('ready-to-show', () => window.show());
    window.once('closed', () => this.#open.delete(hosted.name));
    window.loadURL(PAGE_URL).catch((thrown: unknown) => log(`shell: ${hosted.name}: the page does not load: ${String(thrown)}`));
  }
}

function partition(name: string): string {
  return `persist:${name}`;
}

function stateFile({ data }: HostedAccount['paths']): string {
  return join(data, 'window.json');
}

/** The account's name, with its address where another one has the same name. */
export function titleOf(row: AccountRow, all: readonly AccountRow[]): string {
  const shared = all.some(({ name, displayName }) => name !== row.name && displayName === row.displayName);
  const name = shared ? `${row.displayName} – ${row.address.replace(/^sip:/, '')}` : row.displayName;
  return row.unread > 0 ? `(${row.unread}) ${name}` : name;
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

/** @param stays whether a window that closes now is to come back with the next start */
function rememberState(window: BrowserWindow, path: string, stays: () => boolean, log: (line: string) => void): void {
  let timer: NodeJS.Timeout | undefined;
  const save = (open = true): void => {
    clearTimeout(timer);
    try {
      writeWindowState(path, { ...window.getNormalBounds(), maximized: window.isMaximized(), open });
    } catch (thrown) {
      log(`shell: the window's place cannot be kept: ${String(thrown)}`);
    }
  };
  const later = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => save(), SETTLE);
  };
  window.on('resize', later);
  window.on('move', later);
  window.on('close', () => save(stays()));
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
