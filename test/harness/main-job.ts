import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** One person at a window: what she does there and what she can see. */
export class Window {
  readonly page: Page;
  readonly other: string;

  constructor(page: Page, other: string) {
    this.page = page;
    this.other = other;
  }

  log() {
    return this.page.getByRole('log', { name: `Messages with ${this.other}` });
  }

  composer() {
    return this.page.getByRole('textbox', { name: `Message to ${this.other}` });
  }

  /** opens the conversation from whatever the window shows */
  async open(): Promise<void> {
    const row = this.page.getByRole('button', { name: new RegExp(this.other) }).first();
    await row.waitFor();
    await row.click();
    await this.composer().waitFor();
  }

  /** from now on every file is asked about, however small */
  async asksAlways(): Promise<void> {
    await this.page.keyboard.press('Control+,');
    const dialog = this.page.getByRole('dialog', { name: 'Settings' });
    await dialog.getByLabel('Accept files without a question').selectOption('Never');
    await this.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  }

  async write(text: string): Promise<void> {
    await this.composer().fill(text);
    await this.composer().press('Enter');
  }

  /** the words of the newest own status, for those who cannot see its shape */
  async status(): Promise<string> {
    return (await this.log().locator('.mark').last().textContent())?.trim() ?? '';
  }

  card(name: string) {
    return this.log().locator('.card', { hasText: name }).last();
  }

  async press(name: string, button: string): Promise<void> {
    await this.card(name).getByRole('button', { name: button, exact: true }).click();
  }

  async says(name: string, line: string | RegExp, timeout = 30_000): Promise<void> {
    await expect.poll(() => this.card(name).textContent(), { timeout }).toMatch(line);
  }

  /** Collects what progress bars show from now on; the returned function gives it. */
  async watchProgress(): Promise<() => Promise<{ value: number; words: string }[]>> {
    await this.page.evaluate(() => {
      const seen: { value: number; words: string }[] = [];
      (window as unknown as { seenProgress: typeof seen }).seenProgress = seen;
      const look = () => {
        const bar = document.querySelector('[role=progressbar]');
        if (bar) seen.push({ value: Number(bar.getAttribute('aria-valuenow')), words: bar.getAttribute('aria-valuetext') ?? '' });
      };
      new MutationObserver(look).observe(document.body, {
        subtree: true,
        childList: true,
        attributes: true,
        attributeFilter: ['aria-valuetext'],
      });
    });
    return () => this.page.evaluate(() => (window as unknown as { seenProgress: { value: number; words: string }[] }).seenProgress);
  }
}

/** Octets that no compression and no constant could stand for. */
export async function makeFile(path: string, mebibytes: number): Promise<void> {
  const block = Buffer.alloc(1 << 20);
  let state = 1;
  for (let at = 0; at < block.length; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    block.writeUInt32LE(state, at);
  }
  const blocks = function* () {
    for (let count = 0; count < mebibytes; count++) {
      block.writeUInt32LE(count, 0);
      yield Buffer.from(block);
    }
  };
  await pipeline(Readable.from(blocks()), createWriteStream(path));
}

export async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
