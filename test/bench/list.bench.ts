import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { FakeCore } from '../harness/fake-core.ts';
import { buildPage, hostPage, openBrowser, openPage } from '../harness/page.ts';

/** One line of a report. */
export interface Measured {
  readonly name: string;
  /** time of a frame there ÷ here, more is better */
  readonly ratio: number;
  readonly against: string;
  readonly figures: Record<string, number | string>;
}

const FRAMES = 600;
/** px a frame: about 3600 px a second, a brisk turn of the wheel */
const SPEED = 60;
const FEW = 100;
const MANY = 100_000;

interface Run {
  /** ms between frames: idle, and while scrolling */
  readonly idle: number[];
  readonly scrolling: number[];
  readonly openMs: number;
  readonly elements: number;
  /** pages of messages that scrolling asked for */
  readonly pages: number;
}

/** Frame times while a thread of 100 000 messages is scrolled, against the same page at rest and against one of 100 messages. */
export async function run(): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const browser = await openBrowser();
  try {
    const page = join(folder, 'page');
    await buildPage(page);
    // the first run warms the browser and the page's code
    await measure(browser, page, folder, FEW);
    const few = await measure(browser, page, folder, FEW);
    const many = await measure(browser, page, folder, MANY);
    const figures = {
      'p50 ms': round(percentile(many.scrolling, 0.5)),
      'p95 ms': round(percentile(many.scrolling, 0.95)),
      'p99 ms': round(percentile(many.scrolling, 0.99)),
      'worst ms': round(Math.max(...many.scrolling)),
      'frames over 25 ms': many.scrolling.filter((each) => each > 25).length,
      'open ms': round(many.openMs),
      elements: many.elements,
      'pages loaded': many.pages,
    };
    return [
      {
        name: 'list: frame p95, 100 000 messages scrolled',
        ratio: ratio(many.idle, many.scrolling),
        against: 'the same page at rest',
        figures: { ...figures, 'p95 ms at rest': round(percentile(many.idle, 0.95)) },
      },
      {
        name: 'list: frame p95, 100 000 messages scrolled',
        ratio: ratio(few.scrolling, many.scrolling),
        against: 'the same page with 100 messages, scrolled',
        figures: {
          'p95 ms with 100': round(percentile(few.scrolling, 0.95)),
          'open ms with 100': round(few.openMs),
          'elements with 100': few.elements,
        },
      },
    ];
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function measure(browser: Browser, page: string, data: string, count: number): Promise<Run> {
  const core = new FakeCore();
  core.addConversation('sip:bob@example.com', 'Bob Baker');
  const started = Date.now() - count * 30_000;
  for (let at = 0; at < count; at++) {
    const text = `Message ${at} ${'some words '.repeat(at % 17)}${at % 29 === 0 ? 'https://example.com/a' : ''}`;
    core.addMessage(1, { direction: at % 3 === 0 ? 'out' : 'in', text, sentAt: started + at * 30_000 });
  }
  const host = await hostPage(core, { page, data });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  try {
    const opened = await openPage(context, host.url);
    const before = performance.now();
    await opened.page
      .getByRole('button', { name: /Bob Baker/ })
      .first()
      .click();
    await opened.page.locator('[role=log].placed').waitFor();
    const openMs = performance.now() - before;
    await opened.page.waitForTimeout(1000);
    const idle = await frames(opened.page, 0);
    const scrolling = await frames(opened.page, SPEED);
    return { idle, scrolling, openMs, elements: await opened.page.locator('*').count(), pages: core.callsOf('messages.page').length };
  } finally {
    await context.close();
    await host.close();
  }
}

/** Scrolls up by `speed` px a frame, turning round at the ends. @returns ms between frames */
function frames(page: Page, speed: number): Promise<number[]> {
  return page.evaluate(
    ({ count, speed }) =>
      new Promise<number[]>((resolve) => {
        const log = document.querySelector('[role=log]') as HTMLElement;
        const times: number[] = [];
        let last = performance.now();
        let step = -speed;
        const next = (now: number): void => {
          times.push(now - last);
          last = now;
          if (times.length > count) return resolve(times.slice(1));
          if (speed > 0) {
            const before = log.scrollTop;
            log.scrollTop += step;
            if (log.scrollTop === before) step = -step;
          }
          requestAnimationFrame(next);
        };
        requestAnimationFrame(next);
      }),
    { count: FRAMES, speed },
  );
}

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function ratio(reference: readonly number[], own: readonly number[]): number {
  return Math.round((percentile(reference, 0.95) / percentile(own, 0.95)) * 100) / 100;
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
