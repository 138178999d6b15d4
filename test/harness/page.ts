import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { mediaTypeOf } from '../../electron/app/media-types.ts';
import type { HostedAccount } from '../../electron/app/port.ts';
import { pickedPreviewOf } from '../../electron/app/preview.ts';
import { startServer } from '../../electron/headless/server.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { FakeCore } from './fake-core.ts';

/** Debian's; elsewhere the one that CHROMIUM names */
const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

/** folder of the page as the app has it; the e2e suite sees to it that it is up to date */
export const BUILT_PAGE = fileURLToPath(new URL('../../out/renderer', import.meta.url));

/** Builds the page into `folder`, which is emptied first. */
export async function buildPage(folder: string): Promise<void> {
  const configFile = new URL('../../build/vite.renderer.config.ts', import.meta.url).pathname;
  await build({ configFile, logLevel: 'error', build: { outDir: folder, emptyOutDir: true, sourcemap: false } });
}

export interface HostedPage {
  readonly url: string;
  close(): Promise<void>;
}

export interface HostOptions {
  /** absolute folder of the built page */
  readonly page: string;
  /** absolute folder for what is uploaded */
  readonly data: string;
  /** absolute paths of images by transfer id */
  readonly previews?: ReadonlyMap<number, string>;
  /** and of thumbnails */
  readonly thumbnails?: ReadonlyMap<number, string>;
}

/** The real headless host, over a fake core. */
export async function hostPage(core: FakeCore, options: HostOptions): Promise<HostedPage> {
  const { page, data, previews = new Map<number, string>(), thumbnails = new Map<number, string>() } = options;
  /** paths by token */
  const picked = new Map<string, string>();
  const hosted: HostedAccount = {
    name: 'alice',
    account: { address: 'sip:alice@example.com', displayName: 'Alice Archer', maxFileSize: 0 },
    paths: { data, downloads: data },
    handlers: core.handlers,
    subscribe: (listener) => core.subscribe(listener),
    async offerFile(path) {
      const name = basename(path);
      const candidate = {
        token: randomToken(16),
        name,
        size: (await stat(path)).size,
        type: mediaTypeOf(name),
      };
      core.files.set(candidate.token, candidate);
      picked.set(candidate.token, path);
      return candidate;
    },
    async picture(of) {
      if (of.what === 'picked') return pickedPreviewOf(picked.get(of.token) ?? '');
      const path = (of.what === 'transfer' ? previews : thumbnails).get(of.id);
      return path === undefined ? null : { path, type: mediaTypeOf(path) };
    },
  };
  const server = await startServer({ port: 0, page, log: () => {} });
  return { url: server.serve(hosted).url, close: () => server.close() };
}

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS.split(' ') });
}

/** Opens the page and waits until its list is there, or why it is not: keys that come before have nothing to move among. @returns the page and everything it complained about */
export async function openPage(context: BrowserContext, url: string, list = true): Promise<{ page: Page; complaints: string[] }> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  await page.goto(url);
  if (list) await page.getByRole('navigation', { name: 'Conversations' }).locator('[aria-busy=false]').waitFor();
  return { page, complaints };
}
