import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { greyPng, pngChunk } from '../harness/icons.ts';
import { field, log, openBob, pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';

const show = pageInBrowser();

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
    core.changeTransfer(offer, { state: 'done', transferred: 64_000_000, savedAs: 'disk.img', verifiedBy: 'sha-1' });
    await log(page).getByText('Verified').waitFor();
    expect(await log(page).getByRole('progressbar').count()).toBe(0);
  });

  it('takes pasted and dropped files, shows them first, and sends them', async () => {
    const core = withBob({ answersSends: false });
    const { page, complaints } = await show(core);
    await openBob(page);
    await page.evaluate(
      (octets) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(octets)], 'picture.png', { type: 'image/png' }));
        document
          .querySelector('textarea')
          ?.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true }));
      },
      [...greyPng(16, 12, [pngChunk('prVt', new Uint8Array(1900))])],
    );
    const strip = page.getByRole('list', { name: 'Files to send' });
    await strip.getByText('2 kB').waitFor();
    await strip.locator('img').waitFor();
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
    expect(complaints).toEqual([]);
  });
});

describe('what an office program puts on the clipboard', () => {
  it('is pasted as the text it is, not as a picture of it', async () => {
    const core = withBob();
    const { page } = await show(core);
    await openBob(page);
    const taken = await field(page).evaluate((input) => {
      const data = new DataTransfer();
      data.items.add(new File(['x'], 'image.png', { type: 'image/png' }));
      data.setData('text/plain', 'Cell');
      data.setData('text/html', '<b>Cell</b>');
      return !input.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    });
    expect(taken).toBe(false);
    expect(await page.getByRole('list', { name: 'Files to send' }).count()).toBe(0);
  });
});

describe('a file that is answered by the keyboard', () => {
  it('leaves the keyboard in the thread', async () => {
    const core = withBob();
    core.addFile(1, 'offered');
    const { page } = await show(core);
    await openBob(page);
    await log(page).getByRole('button', { name: 'Accept' }).press('Enter');
    await log(page).getByRole('button', { name: 'Cancel' }).waitFor();
    await expect.poll(() => log(page).evaluate((log) => log === document.activeElement)).toBe(true);
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
    expect(core.callsOf('conversations.saveDraft')).toContainEqual({ conversationId: 1, text: 'a draft', files: [] });
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

describe('Control and End', () => {
  it('go to the end of what is being written, and to the newest message where nothing is', async () => {
    const core = withBob();
    for (let at = 0; at < 100; at++) core.addMessage(1, { text: `Old ${at}` });
    const { page } = await show(core);
    await openBob(page);
    await log(page).evaluate((log) => log.scrollBy(0, -900));
    const newest = page.getByRole('button', { name: 'Newest message' });
    await newest.waitFor();
    await field(page).fill('one\ntwo');
    await field(page).press('Control+Home');
    await field(page).press('Control+End');
    expect(await field(page).evaluate((input) => (input as HTMLTextAreaElement).selectionStart)).toBe(7);
    expect(await newest.count()).toBe(1);
    await field(page).fill('');
    await field(page).press('Control+End');
    await expect.poll(() => newest.count()).toBe(0);
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
    await page.getByRole('searchbox', { name: 'Find conversations and messages' }).waitFor();
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

  it('leaves a person who reads further up where they are when its host was away', async () => {
    const core = withBob();
    for (let at = 0; at < 300; at++) core.addMessage(1, { text: `Message ${at} ${'word '.repeat(at % 23)}`, sentAt: at * 400_000 });
    let drop = (): void => {};
    const { page } = await show(core, {
      prepare: (one) =>
        one.routeWebSocket(/contract/, (socket) => {
          socket.connectToServer();
          drop = () => void socket.close();
        }),
    });
    await openBob(page);
    await log(page).evaluate((log) => log.scrollBy(0, -900));
    await page.getByRole('button', { name: 'Newest message' }).waitFor();
    await page.waitForTimeout(300);
    const place = (): Promise<unknown> =>
      log(page).evaluate((log) => {
        const { top } = log.getBoundingClientRect();
        const first = [...log.querySelectorAll('article')].find((each) => each.getBoundingClientRect().top > top);
        return [first?.textContent, first?.getBoundingClientRect().top];
      });
    const before = await place();
    const calls = core.callsOf('app.state').length;
    core.addMessage(1, { text: 'Written meanwhile' });
    drop();
    await expect.poll(() => core.callsOf('app.state').length).toBeGreaterThan(calls);
    await page.waitForTimeout(500);
    expect(await place()).toEqual(before);
    await page.getByRole('button', { name: 'Newest message' }).click();
    await log(page).getByText('Written meanwhile').waitFor();
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

function focusedRole(page: Page): Promise<string | undefined> {
  return page.evaluate(() => document.activeElement?.getAttribute('role') ?? document.activeElement?.tagName);
}
