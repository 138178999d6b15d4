import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ParleyError } from '../../shared/base/errors.ts';
import { FakeCore, type FakeCoreOptions } from '../harness/fake-core.ts';
import { buildPage, type HostedPage, hostPage, openBrowser, openPage } from '../harness/page.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

const built = temporaryFolder();
const data = temporaryFolder();
const neighbours = [
  { address: 'sip:alice@example.com', displayName: 'Alice Archer' },
  { address: 'sip:bob@example.com', displayName: 'Bob Baker' },
];
let browser: Browser;
let context: BrowserContext;
let host: HostedPage;

beforeAll(async () => {
  await buildPage(built);
  browser = await openBrowser();
});
afterAll(() => browser?.close());
afterEach(async () => {
  await context?.close();
  await host?.close();
});

interface ShowOptions {
  readonly dark?: boolean;
  /** px, 1280 when it is not given */
  readonly width?: number;
  /** before the page is opened */
  readonly prepare?: (context: BrowserContext) => Promise<void>;
}

async function show(core: FakeCore, options: ShowOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  host = await hostPage(core, { page: built, data });
  context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: 800 },
    colorScheme: options.dark === true ? 'dark' : 'light',
    reducedMotion: 'reduce',
  });
  await options.prepare?.(context);
  return openPage(context, host.url);
}

function withBob(options: FakeCoreOptions = {}): FakeCore {
  const core = new FakeCore({ neighbours, ...options });
  core.addConversation('sip:bob@example.com', 'Bob Baker');
  core.addConversation('sip:carol@example.com', 'Carol Clark', { updatedAt: 1 });
  return core;
}

async function openBob(page: Page): Promise<void> {
  await page
    .getByRole('button', { name: /Bob Baker/ })
    .first()
    .click();
  await page.locator('[role=log].placed').waitFor();
}

const log = (page: Page) => page.getByRole('log', { name: 'Messages with Bob Baker' });
const field = (page: Page) => page.getByRole('textbox', { name: 'Message to Bob Baker' });

describe('the thread', () => {
  it('scrolls through 100 000 messages with a bounded page and a bounded window, and never jumps', async () => {
    const core = withBob();
    const started = Date.now() - 100_000 * 30_000;
    for (let at = 0; at < 100_000; at++) {
      core.addMessage(1, {
        direction: at % 3 === 0 ? 'out' : 'in',
        text: `Message ${at} ${'word '.repeat(at % 23)}`,
        sentAt: started + at * 30_000,
      });
    }
    const { page, complaints } = await show(core);
    await openBob(page);
    await expect.poll(() => log(page).getByText('Message 99999').count()).toBe(1);

    // Upwards: every message in turn, none missed.
    const box = await log(page).boundingBox();
    await page.mouse.move((box?.x ?? 0) + 300, (box?.y ?? 0) + 300);
    const seen = new Set<number>(await visibleNumbers(page));
    let most = 0;
    for (let step = 0; step < 120; step++) {
      for (const number of await scrollAndRead(page, -500)) seen.add(number);
      most = Math.max(most, await log(page).locator('article').count());
    }
    const lowest = Math.min(...seen);
    expect(lowest).toBeLessThan(99_500);
    expect([...Array(100_000 - lowest).keys()].filter((at) => !seen.has(at + lowest))).toEqual([]);
    expect(most).toBeLessThan(120);

    // What is on screen stays where it is while a page arrives above it.
    await page.evaluate(() => {
      const log = document.querySelector('[role=log]');
      if (log !== null) log.scrollTop = 2500;
    });
    await page.waitForTimeout(500);
    const pages = core.callsOf('messages.page').length;
    const before = await topMessage(page);
    core.before = async (method) => {
      if (method === 'messages.page') await new Promise((resolve) => setTimeout(resolve, 150));
    };
    await page.mouse.wheel(0, -600);
    await expect.poll(() => core.callsOf('messages.page').length).toBeGreaterThan(pages);
    await page.waitForTimeout(60);
    const during = await topMessage(page);
    await page.waitForTimeout(600);
    const after = await placeOf(page, during.number);
    expect(during.number).toBeLessThan(before.number);
    expect(Math.abs((after ?? Number.NaN) - during.top)).toBeLessThanOrEqual(1);
    core.before = () => {};

    // And back to the newest, by the keyboard.
    await page.keyboard.press('Control+End');
    await expect.poll(() => log(page).getByText('Message 99999').count()).toBe(1);
    expect(complaints).toEqual([]);
    expect(await log(page).locator('*').count()).toBeLessThan(3000);
  }, 120_000);

  it('comes back down through the pages it dropped', async () => {
    const core = withBob();
    for (let at = 0; at < 1000; at++) core.addMessage(1, { text: `Message ${at} `, sentAt: Date.now() - (1000 - at) * 400_000 });
    const { page } = await show(core);
    await openBob(page);
    const box = await log(page).boundingBox();
    await page.mouse.move((box?.x ?? 0) + 300, (box?.y ?? 0) + 300);
    for (let step = 0; step < 80; step++) {
      await page.mouse.wheel(0, -1000);
      await page.waitForTimeout(30);
    }
    await expect.poll(() => log(page).getByText('Message 0 ', { exact: true }).count()).toBe(1);
    const seen = new Set<number>();
    for (const number of await visibleNumbers(page)) seen.add(number);
    for (let step = 0; step < 260; step++) {
      for (const number of await scrollAndRead(page, 400)) seen.add(number);
      if (seen.has(999)) break;
    }
    expect([...Array(1000).keys()].filter((at) => !seen.has(at))).toEqual([]);
  }, 120_000);

  it('opens at the first unread message and marks them read only when the end is on screen', async () => {
    const core = withBob();
    for (let at = 0; at < 100; at++) core.addMessage(1, { text: `Old ${at}`, sentAt: Date.now() - 7_200_000 + at });
    for (let at = 0; at < 60; at++) core.addMessage(1, { text: `New ${at}`, status: 'received', sentAt: Date.now() - 3_600_000 + at });
    const { page } = await show(core);
    await openBob(page);
    await log(page).getByText('New messages', { exact: true }).waitFor();
    await expect.poll(() => log(page).getByText('New 0', { exact: true }).isVisible()).toBe(true);
    await page.waitForTimeout(300);
    expect(core.callsOf('conversations.markRead')).toEqual([]);
    await page.getByRole('button', { name: 'Newest message' }).click();
    await expect.poll(() => core.callsOf('conversations.markRead')).toEqual([{ conversationId: 1, upTo: 160 }]);
  });

  it('announces a new message once and says how many are below', async () => {
    const core = withBob();
    for (let at = 0; at < 100; at++) core.addMessage(1, { text: `Old ${at}` });
    const { page } = await show(core);
    await openBob(page);
    await log(page).focus();
    await page.keyboard.press('PageUp');
    await page.getByRole('button', { name: 'Newest message' }).waitFor();
    const told: string[] = [];
    await page.exposeFunction('told', (text: string) => told.push(text));
    await page.evaluate(() => {
      const region = document.querySelector('[data-announcement]');
      const tell = (window as unknown as { told: (text: string) => void }).told;
      if (region !== null)
        new MutationObserver(() => tell(region.textContent ?? '')).observe(region, { childList: true, characterData: true, subtree: true });
    });
    const message = core.receive(1, 'Are you there?');
    await page.getByRole('button', { name: '1 new message' }).waitFor();
    core.change(message, { status: 'received' });
    await page.waitForTimeout(200);
    expect(told).toEqual(['Bob Baker: Are you there?']);
    expect(core.callsOf('conversations.markRead')).toEqual([]);
  });

  it('shows a sent text within a frame, and as one bubble when the core answers', async () => {
    const core = withBob();
    core.before = async (method) => {
      if (method === 'messages.sendText') await new Promise((resolve) => setTimeout(resolve, 400));
    };
    const { page } = await show(core);
    await openBob(page);
    await field(page).fill('Hello Bob');
    const frames = await page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          let frames = 0;
          const look = (): void => {
            if (document.querySelector('article')?.textContent?.includes('Hello Bob')) resolve(frames);
            else {
              frames += 1;
              requestAnimationFrame(look);
            }
          };
          document
            .querySelector('textarea')
            ?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
          requestAnimationFrame(look);
        }),
    );
    expect(frames).toBeLessThanOrEqual(1);
    await log(page).getByText('Waiting to be sent').waitFor();
    await log(page).getByText('Sent', { exact: true }).waitFor();
    expect(await log(page).getByText('Hello Bob').count()).toBe(1);
    expect(core.callsOf('messages.sendText')).toHaveLength(1);
  });

  it('says why a text was not sent and sends it again by the same id', async () => {
    const core = withBob();
    core.before = (method) => {
      if (method === 'messages.sendText') throw new ParleyError('store.full', 'SQLITE_FULL');
    };
    const { page } = await show(core);
    await openBob(page);
    await field(page).fill('Hello Bob');
    await field(page).press('Enter');
    await log(page).getByText('Not sent. There is no space left for the message history.').waitFor();
    core.before = () => {};
    await log(page).getByRole('button', { name: 'Retry' }).click();
    await log(page).getByText('Sent', { exact: true }).waitFor();
    const ids = core.callsOf('messages.sendText').map((params) => (params as { clientId: string }).clientId);
    expect(new Set(ids).size).toBe(1);
    expect(ids).toHaveLength(2);
  });

  it('never reads a text from the network as HTML, and opens links through the core', async () => {
    const core = withBob();
    core.addMessage(1, { text: '<img src=x onerror="document.title=1"> <b>bold</b> https://example.com/a?b=1 javascript:alert(1)' });
    const { page, complaints } = await show(core);
    await openBob(page);
    await log(page).getByText('<b>bold</b>').waitFor();
    expect(await log(page).locator('img, b').count()).toBe(0);
    expect(await log(page).getByRole('link').count()).toBe(1);
    await log(page).getByRole('link', { name: 'https://example.com/a?b=1' }).click();
    await expect.poll(() => core.callsOf('links.open')).toEqual([{ url: 'https://example.com/a?b=1' }]);
    expect(complaints).toEqual([]);
  });
});

describe('files', () => {
  it('shows progress that never goes backwards, and the verdict', async () => {
    const core = withBob();
    const offer = core.addFile(1, 'offered', { name: 'disk.img', size: 64_000_000 });
    const { page } = await show(core);
    await openBob(page);
    await log(page).getByRole('button', { name: 'Accept' }).click();
    await expect.poll(() => core.callsOf('transfers.accept')).toEqual([{ transferId: offer.transfer?.id }]);
    core.changeTransfer(offer, { state: 'transferring' });
    const tell = (transferred: number): void =>
      core.tell('transfer.progress', {
        transferId: offer.transfer?.id ?? 0,
        messageId: offer.id,
        conversationId: 1,
        transferred,
        size: 64_000_000,
        rate: 38_000_000,
        secondsLeft: 1.6,
      });
    tell(12_400_000);
    await log(page).getByText('12.4 of 64.0 MB · 38 MB/s · 2 s left').waitFor();
    const bar = log(page).getByRole('progressbar', { name: 'Progress of disk.img' });
    expect(await bar.getAttribute('aria-valuenow')).toBe('19');
    tell(6_000_000);
    core.changeTransfer(offer, { transferred: 1_000_000 });
    tell(32_000_000);
    await log(page).getByText('32.0 of 64.0 MB').waitFor();
    expect(await bar.getAttribute('aria-valuenow')).toBe('50');
    core.changeTransfer(offer, { state: 'done', transferred: 64_000_000, savedAs: 'disk.img' });
    await log(page).getByText('Verified').waitFor();
    expect(await log(page).getByRole('progressbar').count()).toBe(0);
  });

  it('takes pasted and dropped files, shows them first, and sends them', async () => {
    const core = withBob({ answersSends: false });
    const { page, complaints } = await show(core);
    await openBob(page);
    await page.evaluate(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(2000)], 'picture.png', { type: 'image/png' }));
      document
        .querySelector('textarea')
        ?.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true }));
    });
    const strip = page.getByRole('list', { name: 'Files to send' });
    await strip.getByText('2 kB').waitFor();
    await page.evaluate(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['text'], 'notes.txt', { type: 'text/plain' }));
      const target = document.querySelector('[role=log]');
      target?.dispatchEvent(new DragEvent('dragenter', { dataTransfer: transfer, bubbles: true }));
    });
    await page.getByText('Drop files to send them to Bob Baker').waitFor();
    await page.evaluate(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['text'], 'notes.txt', { type: 'text/plain' }));
      document
        .querySelector('[role=log]')
        ?.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
    });
    await strip.getByText('4 bytes').waitFor();
    await strip.getByRole('button', { name: 'Remove picture.png' }).click();
    await field(page).press('Enter');
    await log(page).getByText('4 bytes · Waiting for Bob Baker to accept').waitFor();
    expect(core.callsOf('files.send')).toHaveLength(1);
    // a made-up PNG cannot be drawn as a preview; nothing else may complain
    expect(complaints.filter((text) => !text.includes('blob:'))).toEqual([]);
  });
});

describe('the keyboard alone', () => {
  it('starts a conversation, writes, switches and finds the way back', async () => {
    const core = withBob();
    core.addMessage(2, { text: 'Hello from Carol', sentAt: Date.now() - 60_000 });
    const { page } = await show(core);
    await page.keyboard.press('Control+n');
    await page.getByRole('dialog', { name: 'New conversation' }).waitFor();
    await page.keyboard.type('not an address');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('This is not an address.').waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('dora@example.com');
    await page.keyboard.press('Enter');
    await page.getByRole('log', { name: 'Messages with dora@example.com' }).waitFor();
    await page.keyboard.type('First line');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('second line');
    await page.keyboard.press('Enter');
    await expect.poll(() => core.callsOf('messages.sendText')).toMatchObject([{ text: 'First line\nsecond line' }]);
    await page.keyboard.press('Alt+ArrowDown');
    await log(page).waitFor();
    await page.keyboard.type('a draft');
    await page.keyboard.press('Control+k');
    await page.keyboard.type('carol');
    await page.keyboard.press('Enter');
    await page.getByRole('log', { name: 'Messages with Carol Clark' }).waitFor();
    expect(core.callsOf('conversations.saveDraft')).toContainEqual({ conversationId: 1, text: 'a draft' });
    await page.getByRole('navigation').getByText('Draft:').waitFor();
    await page.keyboard.press('F6');
    expect(await focusedRole(page)).toBe('BUTTON');
    await page.keyboard.press('F6');
    expect(await focusedRole(page)).toBe('log');
    await page.keyboard.press('F6');
    expect(await focusedRole(page)).toBe('TEXTAREA');
    await page.keyboard.press('Control+/');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
    expect(await focusedRole(page)).toBe('TEXTAREA');
    await page.keyboard.press('Escape');
    await page.getByText('Pick a conversation to read it here.').waitFor();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Carol Clark');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await log(page).waitFor();
    expect(await field(page).inputValue()).toBe('a draft');
  });
});

describe('a narrow window', () => {
  it('shows one pane, with a way back', async () => {
    const core = withBob();
    core.addMessage(1, { text: 'Hello' });
    const { page } = await show(core, { width: 640 });
    await openBob(page);
    await expect.poll(() => page.getByRole('navigation').isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Back to conversations' }).click();
    await page.getByRole('navigation').waitFor();
    expect(await page.getByRole('log').count()).toBe(0);
    await openBob(page);
    await page.keyboard.press('Control+k');
    await page.getByRole('searchbox', { name: 'Find a conversation' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(640);
  });
});

describe('the connection', () => {
  it('tells trouble that lasts, and what comes next', async () => {
    const core = withBob();
    const { page } = await show(core);
    const error = { code: 'link.timeout' as const, detail: 'no answer within 32 s' };
    core.setRegistration({ kind: 'waiting', since: Date.now(), error, nextTryAt: Date.now() + 60_000, failures: 1 });
    await page.getByRole('navigation').getByText('Not connected').waitFor();
    const banner = page.getByRole('region', { name: 'Connection' });
    await banner.getByText('No answer from example.com').waitFor();
    await banner.getByText(/Next try in \d+ s\./).waitFor();
    await banner.getByRole('button', { name: 'Retry now' }).click();
    await expect.poll(() => core.callsOf('registration.retryNow')).toHaveLength(1);
    core.setRegistration({ kind: 'registered', since: Date.now(), expiresAt: Date.now() + 1000 });
    await expect.poll(() => banner.count()).toBe(0);
  });

  it('comes back by itself when its host was away, and knows what happened meanwhile', async () => {
    const core = withBob();
    let down = false;
    let drop = (): void => {};
    const { page } = await show(core, {
      prepare: (one) =>
        one.routeWebSocket(/contract/, (socket) => {
          if (down) return void socket.close();
          socket.connectToServer();
          drop = () => void socket.close();
        }),
    });
    await openBob(page);
    down = true;
    drop();
    await page.getByRole('region', { name: 'Connection' }).getByText('This window lost its client').waitFor();
    core.addMessage(1, { text: 'Written meanwhile' });
    down = false;
    await log(page).getByText('Written meanwhile').waitFor();
    await expect.poll(() => page.getByRole('region', { name: 'Connection' }).count()).toBe(0);
  });
});

describe.each([{ dark: false }, { dark: true }])('for everybody, dark: $dark', ({ dark }) => {
  it('has no serious violation that axe finds, in any state', async () => {
    const core = withBob();
    const states = ['preparing', 'offering', 'offered', 'transferring', 'verifying', 'done', 'declined', 'quarantined', 'failed'] as const;
    for (const [at, state] of states.entries()) {
      core.addFile(1, state, { direction: at % 2 === 0 ? 'in' : 'out', error: { code: 'msrp.lost', detail: 'x' } });
    }
    core.addMessage(1, {
      direction: 'out',
      status: 'failed',
      text: 'Lost https://example.com',
      error: { code: 'peer.timeout', detail: '408' },
    });
    core.addMessage(1, { direction: 'out', status: 'displayed', text: 'Seen https://example.com' });
    core.addMessage(2, { text: 'unread', status: 'received' });
    const { page } = await show(core, { dark });
    await openBob(page);
    const error = { code: 'link.timeout' as const, detail: '' };
    core.setRegistration({ kind: 'waiting', since: Date.now(), error, nextTryAt: Date.now() + 60_000, failures: 1 });
    await page.getByRole('region', { name: 'Connection' }).waitFor();
    expect(await serious(page)).toEqual([]);
    await log(page).evaluate((element) => {
      element.scrollTop = 0;
    });
    await page.waitForTimeout(200);
    expect(await serious(page)).toEqual([]);
    await page.keyboard.press('Control+n');
    await page.getByRole('dialog').waitFor();
    expect(await serious(page)).toEqual([]);
  }, 60_000);
});

async function serious(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join(' | ')}`);
}

function focusedRole(page: Page): Promise<string | undefined> {
  return page.evaluate(() => document.activeElement?.getAttribute('role') ?? document.activeElement?.tagName);
}

/** Scrolls by less than a screen and waits until that is drawn. @returns the numbers on screen */
async function scrollAndRead(page: Page, by: number): Promise<number[]> {
  await page.evaluate(
    (distance) =>
      new Promise<void>((resolve) => {
        document.querySelector('[role=log]')?.scrollBy(0, distance);
        let frames = 0;
        const wait = (): void => {
          frames += 1;
          if (frames > 3) resolve();
          else requestAnimationFrame(wait);
        };
        requestAnimationFrame(wait);
      }),
    by,
  );
  return visibleNumbers(page);
}

/** numbers of the messages of which a part is on screen */
function visibleNumbers(page: Page): Promise<number[]> {
  return page.evaluate(() => {
    const log = document.querySelector('[role=log]')?.getBoundingClientRect();
    return [...document.querySelectorAll('[role=log] article')]
      .filter((each) => {
        const { top, bottom } = each.getBoundingClientRect();
        return log !== undefined && bottom > log.top && top < log.bottom;
      })
      .map((each) => Number(/Message (\d+) /.exec(each.textContent ?? '')?.[1]));
  });
}

async function topMessage(page: Page): Promise<{ number: number; top: number }> {
  const [number = 0] = await visibleNumbers(page);
  return { number, top: (await placeOf(page, number)) ?? Number.NaN };
}

function placeOf(page: Page, number: number): Promise<number | undefined> {
  return page.evaluate(
    (wanted) =>
      [...document.querySelectorAll('[role=log] article')]
        .find((each) => each.textContent?.includes(`Message ${wanted} `))
        ?.getBoundingClientRect().top,
    number,
  );
}
