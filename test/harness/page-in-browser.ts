import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { FakeCore, type FakeCoreOptions } from './fake-core.ts';
import { BUILT_PAGE, type HostedPage, hostPage, openBrowser, openPage } from './page.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface ShowOptions {
  readonly dark?: boolean;
  /** px, 1280 when it is not given */
  readonly width?: number;
  /** px, 800 when it is not given */
  readonly height?: number;
  /** absolute paths of images by transfer id */
  readonly previews?: ReadonlyMap<number, string>;
  /** false for a page that has no list of conversations */
  readonly list?: boolean;
  /** and of thumbnails */
  readonly thumbnails?: ReadonlyMap<number, string>;
  /** before the page is opened */
  readonly prepare?: (context: BrowserContext) => Promise<void>;
}

export type Show = (core: FakeCore, options?: ShowOptions) => Promise<{ page: Page; complaints: string[] }>;

/** The built page in a browser, for a test file: one browser for all its tests, a page and a host for each. */
export function pageInBrowser(): Show {
  const data = temporaryFolder();
  let browser: Browser;
  let context: BrowserContext | undefined;
  let host: HostedPage | undefined;

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    await context?.close();
    await host?.close();
  });

  return async (core, options = {}) => {
    const { previews = new Map<number, string>(), thumbnails = new Map<number, string>() } = options;
    host = await hostPage(core, { page: BUILT_PAGE, data, previews, thumbnails });
    context = await browser.newContext({
      viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
      colorScheme: options.dark === true ? 'dark' : 'light',
      reducedMotion: 'reduce',
    });
    await options.prepare?.(context);
    return openPage(context, host.url, options.list);
  };
}

/** A core with two conversations: Bob's, and one before it with Carol. */
export function withBob(options: FakeCoreOptions = {}): FakeCore {
  const neighbours = [
    { address: 'sip:alice@example.com', displayName: 'Alice Archer' },
    { address: 'sip:bob@example.com', displayName: 'Bob Baker' },
  ];
  const core = new FakeCore({ neighbours, ...options });
  core.addConversation('sip:bob@example.com', 'Bob Baker');
  core.addConversation('sip:carol@example.com', 'Carol Clark', { updatedAt: 1 });
  return core;
}

export async function openBob(page: Page): Promise<void> {
  await page
    .getByRole('button', { name: /Bob Baker/ })
    .first()
    .click();
  await page.locator('[role=log].placed').waitFor();
}

export function log(page: Page): Locator {
  return page.getByRole('log', { name: 'Messages with Bob Baker' });
}

export function field(page: Page): Locator {
  return page.getByRole('textbox', { name: 'Message to Bob Baker' });
}

/** What axe finds that keeps somebody out, with where and why. */
export async function serious(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join(' | ')}`);
}

/** The text of what has the keyboard. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
}

/**
 * Files or folders of this system are dragged onto a part of the page, and dropped.
 * @param files absolute paths
 */
export async function dropFiles(page: Page, on: Locator, files: readonly string[], type: 'drop' | 'over' = 'drop'): Promise<void> {
  const box = await on.boundingBox();
  const at = { x: (box?.x ?? 0) + 20, y: (box?.y ?? 0) + 20 };
  const session = await page.context().newCDPSession(page);
  const types = type === 'drop' ? (['dragEnter', 'dragOver', 'drop'] as const) : (['dragEnter', 'dragOver'] as const);
  for (const each of types)
    await session.send('Input.dispatchDragEvent', { type: each, ...at, data: { items: [], files: [...files], dragOperationsMask: 1 } });
  await session.detach();
}
