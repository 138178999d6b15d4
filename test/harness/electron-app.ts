import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { afterAll } from 'vitest';
// What `window.parley` is, for the type-check of what runs in the page.
import type {} from '../../renderer/bridge/electron.ts';
import type { Channel } from '../../shared/ipc/wire.ts';

/** absolute path of an Electron; tests that need one are skipped without it */
export const electronPath = process.env['PARLEY_ELECTRON'] ?? '';
/** folder of the built app; another one, such as a package's, may be named */
export const appFolder = process.env['PARLEY_APP'] ?? fileURLToPath(new URL('../..', import.meta.url));

/** Chromium refuses its own sandbox to root; the tests say so rather than hide it. */
export function electronArguments(args: readonly string[]): string[] {
  return [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), appFolder, ...args];
}

/** The app as a person starts it, driven from outside. `log` collects what it writes to stderr. */
export async function launchElectron(args: readonly string[], log: string[] = []): Promise<ElectronApplication> {
  const app = await _electron.launch({
    executablePath: electronPath,
    args: electronArguments(args),
    env: await displayEnvironment(),
    // else light, whatever the app's own theme is
    colorScheme: null,
  });
  app.process().stderr?.on('data', (data: Buffer) => log.push(data.toString('utf8')));
  return app;
}

/** Runs it to its end, for starts that are refused. */
export async function runElectron(args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(electronPath, electronArguments(args), { env: await displayEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString('utf8');
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stderr };
}

/** The window titled `title`, with unread messages or without, when its page has loaded. */
export async function windowTitled(app: ElectronApplication, title: string): Promise<Page> {
  for (let tries = 0; tries < 200; tries++) {
    for (const page of app.windows()) {
      // it may close meanwhile
      const window = await app.browserWindow(page).catch(() => null);
      const found = await window?.evaluate((native) => native.getTitle()).catch(() => '');
      if (found?.replace(/^\(\d+\) /, '') !== title) continue;
      await page.waitForLoadState();
      return page;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no window is titled ${title}`);
}

let channels = 0;

/** What the page's own bridge is to the page: the texts that cross at `window.parley`, beside those of the page itself. */
export async function pageChannel(page: Page): Promise<Channel> {
  const receiver = `receiveText${++channels}`;
  const listeners = new Set<(text: string) => void>();
  await page.exposeFunction(receiver, (text: string) => {
    for (const listener of listeners) listener(text);
  });
  await page.evaluate(
    (name) => window.parley?.onText((text) => (window as never as Record<string, (text: string) => void>)[name]?.(text)),
    receiver,
  );
  let sending: Promise<unknown> = Promise.resolve();
  return {
    send(text) {
      sending = sending.then(() => page.evaluate((sent) => window.parley?.send(sent), text));
    },
    onText(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onClose: () => () => {},
  };
}

let display: Promise<string | null> | null = null;
let server: ChildProcess | null = null;
afterAll(() => server?.kill());

/** On Linux a display of its own for each test file: windows on the same one take the keyboard from each other. */
async function displayEnvironment(): Promise<Record<string, string>> {
  const env = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  if (process.platform !== 'linux') return env;
  display ??= startDisplay();
  const own = await display;
  if (own === null) return env;
  delete env['WAYLAND_DISPLAY'];
  return { ...env, DISPLAY: own };
}

/** @returns null where there is no Xvfb: the display of whoever runs the tests has to do */
function startDisplay(): Promise<string | null> {
  const started = spawn('Xvfb', ['-displayfd', '1', '-screen', '0', '1600x1200x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  server = started;
  return new Promise((resolve, reject) => {
    started.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(null) : reject(error)));
    started.once('exit', () => reject(new Error('Xvfb ended')));
    started.stdout.once('data', (data: Buffer) => resolve(`:${data.toString('utf8').trim()}`));
  });
}
