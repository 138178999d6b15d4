import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, dialog, powerMonitor } from 'electron';
import * as v from 'valibot';
import { toCodedError } from '../../shared/base/errors.ts';
import { tryAccount } from '../app/accounts/trial.ts';
import { parseArguments } from '../app/arguments.ts';
import { createClient } from '../app/client.ts';
import { type Composition, compose, LOCK_PATIENCE } from '../app/composition.ts';
import type { PowerEvents } from '../app/network-watch.ts';
import { defaultUserData } from '../app/paths.ts';
import { startLog } from '../app/process-log.ts';
import { startHomeNetwork } from '../home-network/index.ts';
import { desktopActions } from './desktop-actions.ts';
import { systemSecrets } from './keyring.ts';
import { setMenu } from './menu.ts';
import { PageIpc } from './page-ipc.ts';
import { registerPageScheme } from './page-scheme.ts';
import { Windows } from './windows.ts';

/** exit status of a command line or an account that cannot be used */
const UNUSABLE = 2;

const log = startLog();

// Two folders up from out/main is the project; the path is the same in a package.
const project = fileURLToPath(new URL('../../', import.meta.url));

async function main(): Promise<void> {
  const options = parseArguments(process.argv.slice(1), 'ignore');
  const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { version: string };
  const userData = options.userData === null ? defaultUserData() : resolve(options.userData);
  mkdirSync(userData, { recursive: true, mode: 0o700 });
  app.setName('Parley');
  // Windows shows notifications of known programs only; the same as in the package
  app.setAppUserModelId('org.parley.Parley');
  app.setPath('userData', userData);
  const accounts = options.accounts.map((path) => resolve(path));
  if (!app.requestSingleInstanceLock({ accounts } satisfies Handed)) {
    log('Parley is running with this folder already; it was told what is asked for');
    return app.exit(0);
  }
  registerPageScheme();

  let windows: Windows | null = null;
  const reveal = (name: string): void => {
    void composing.then(({ accounts }) => {
      const account = accounts.find(name);
      if (account !== undefined) windows?.show(account);
    });
  };
  // The cores start while Electron does; a window needs both.
  const composing = compose({
    arguments: options,
    userData,
    downloads: app.getPath('downloads'),
    version,
    networkWorker: new URL(['.', 'home-network-worker.js'].join('/'), import.meta.url),
    store: {
      worker: new URL(['.', 'store-worker.js'].join('/'), import.meta.url),
      nativeBinding: process.env['PARLEY_SQLITE_BINDING'] || null,
    },
    firstRun: app.isPackaged ? 'welcome' : 'demo',
    secrets: systemSecrets,
    open: async (account) => {
      windows?.show(account);
      return null;
    },
    hostFor: (name) =>
      desktopActions(
        () => windows?.of(name) ?? null,
        () => reveal(name),
      ),
    power,
    lockPatience: LOCK_PATIENCE,
    createClient,
    tryAccount,
    startHomeNetwork,
    log,
  });
  // another start may come while this one is still at it
  app.on('second-instance', (_event, _argv, _folder, data) => {
    void composing.then((composition) => takeOver(composition, data, () => windows));
  });
  const [composition] = await Promise.all([composing, app.whenReady()]);
  setMenu();
  windows = new Windows({
    ipc: new PageIpc(log),
    preload: join(project, 'out', 'preload', 'preload.cjs'),
    page: join(project, 'out', 'renderer'),
    log,
  });
  const shown = windows;
  const showAll = (): void => {
    shown.showAll(composition.accounts.all, composition.welcome);
    shown.tell(composition.accounts.rows);
  };
  composition.accounts.left.on(({ name }) => shown.forget(name));
  composition.accounts.changed.on(() => shown.tell(composition.accounts.rows));
  app.on('activate', showAll);
  endOnQuit(composition);
  showAll();
}

/** The power monitor is there when the app is ready, and nobody sleeps before that. */
const power: PowerEvents = (listener) => {
  const [onSuspend, onResume] = [() => listener('sleeping'), () => listener('woke')];
  void app.whenReady().then(() => powerMonitor.on('suspend', onSuspend).on('resume', onResume));
  return () => powerMonitor.off('suspend', onSuspend).off('resume', onResume);
};

/** What another start asks of the one that runs. */
const handed = v.object({ accounts: v.pipe(v.array(v.string()), v.maxLength(32)) });
type Handed = v.InferOutput<typeof handed>;

/** Every account it named is at work afterwards, or its window says why not; a start that named none wants to see what there is. */
async function takeOver(composition: Composition, data: unknown, windows: () => Windows | null): Promise<void> {
  const asked = v.safeParse(handed, data);
  const files = asked.success ? asked.output.accounts : [];
  for (const file of files) {
    const account = await composition.addFile(file);
    windows()?.show(account);
  }
  if (files.length === 0) windows()?.showAll(composition.accounts.all, composition.welcome);
}

/** Electron waits for nobody: the quit is put off until the cores have ended, which they do within seconds. */
function endOnQuit(composition: Composition): void {
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  app.on('will-quit', (event) => {
    event.preventDefault();
    // Whoever starts the app again meanwhile gets a new one, which waits for this one's folder.
    app.releaseSingleInstanceLock();
    // Another quit within this event would be ignored; by now every window is closed, so nothing is lost by an exit.
    void composition.close().finally(() => app.exit(0));
  });
}

main().catch(async (thrown: unknown) => {
  const { code, detail } = toCodedError(thrown);
  log(`${code}: ${detail}`);
  if (app.isPackaged) {
    await app.whenReady();
    dialog.showErrorBox('Parley cannot start', `${detail}\n\n${code}`);
  }
  app.exit(code === 'account.malformed' || code === 'request.invalid' ? UNUSABLE : 1);
});
