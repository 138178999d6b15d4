import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { ParleyError } from '../../shared/base/errors.ts';
import { field, log, openBob, pageInBrowser, withBob } from '../harness/page-in-browser.ts';

const show = pageInBrowser();

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
    const answer = core.holdBack('messages.page');
    await page.mouse.wheel(0, -600);
    await expect.poll(() => core.callsOf('messages.page').length).toBeGreaterThan(pages);
    const during = await topMessageAtRest(page);
    answer();
    await page.waitForTimeout(600);
    const after = await placeOf(page, during.number);
    expect(during.number).toBeLessThan(before.number);
    expect(Math.abs((after ?? Number.NaN) - during.top)).toBeLessThanOrEqual(1);

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

  it('opens at the first unread message also when there are more than the page keeps', async () => {
    const core = withBob();
    for (let at = 0; at < 100; at++) core.addMessage(1, { text: `Old ${at}`, sentAt: Date.now() - 7_200_000 + at });
    for (let at = 0; at < 900; at++) core.addMessage(1, { text: `New ${at}`, status: 'received', sentAt: Date.now() - 3_600_000 + at });
    const { page } = await show(core);
    await openBob(page);
    const line = await log(page).getByText('New messages', { exact: true }).boundingBox();
    const first = await log(page).getByText('New 0', { exact: true }).boundingBox();
    const box = await log(page).boundingBox();
    expect(line?.y).toBeGreaterThanOrEqual(box?.y ?? Number.NaN);
    expect(line?.y).toBeLessThan(first?.y ?? Number.NaN);
    await log(page).getByText('Old 99', { exact: true }).waitFor();
    await page.waitForTimeout(300);
    expect(core.callsOf('conversations.markRead')).toEqual([]);
  });

  it('tells nobody that a message was seen which came in below what is on screen', async () => {
    const core = withBob();
    for (let at = 0; at < 100; at++) core.addMessage(1, { text: `Old ${at}` });
    const { page } = await show(core);
    await openBob(page);
    // begins to scroll up: still near the end
    await log(page).evaluate((log) => log.scrollBy(0, -20));
    await page.getByRole('button', { name: 'Newest message' }).waitFor();
    core.receive(1, 'Unseen');
    const button = page.getByRole('button', { name: '1 new message' });
    await button.waitFor();
    await page.waitForTimeout(200);
    expect(core.callsOf('conversations.markRead')).toEqual([]);
    await button.press('Enter');
    await expect.poll(() => core.callsOf('conversations.markRead')).toEqual([{ conversationId: 1, upTo: 101 }]);
    expect(await log(page).evaluate((log) => log === document.activeElement)).toBe(true);
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
    const answer = core.holdBack('messages.sendText');
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
    answer();
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

  it('never reads a text from the network as HTML, and opens links outside of the page', async () => {
    const core = withBob();
    core.addMessage(1, { text: '<img src=x onerror="document.title=1"> <b>bold</b> https://example.com/a?b=1 javascript:alert(1)' });
    const { page, complaints } = await show(core);
    await openBob(page);
    await log(page).getByText('<b>bold</b>').waitFor();
    expect(await log(page).locator('img, b').count()).toBe(0);
    expect(await log(page).getByRole('link').count()).toBe(1);
    await page.context().route('https://example.com/**', (route) => route.fulfill({ body: 'elsewhere', contentType: 'text/plain' }));
    const opened = page.context().waitForEvent('page');
    await log(page).getByRole('link', { name: 'https://example.com/a?b=1' }).click();
    const elsewhere = await opened;
    await elsewhere.waitForURL('https://example.com/a?b=1');
    expect(await elsewhere.evaluate(() => [window.opener, document.referrer])).toEqual([null, '']);
    expect(core.callsOf('links.open')).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

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

/** The same once nothing scrolls any more. */
async function topMessageAtRest(page: Page): Promise<{ number: number; top: number }> {
  for (let before = await topMessage(page); ; ) {
    await page.waitForTimeout(100);
    const now = await topMessage(page);
    if (now.number === before.number && now.top === before.top) return now;
    before = now;
  }
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
