import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { field, focused, log, openBob, pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';

const show = pageInBrowser();
const names = (page: Page): Promise<string[]> => page.locator('nav li .name').allTextContents();
const menu = (page: Page) => page.getByRole('button', { name: 'Conversation actions' });
const pane = (page: Page) => page.getByRole('complementary', { name: 'Conversation details' });

/** Bob and Carol are known; Eve and others are not. */
function withRequests(strangers = 1) {
  const core = withBob();
  core.addMessage(1, { text: 'Hello' });
  for (let n = 1; n <= strangers; n++) {
    const { id } = core.addConversation(`sip:eve${n}@elsewhere.example`, `Eve ${n}`, { request: true, updatedAt: 1000 - n });
    core.addMessage(id, { text: `Look at https://evil.example/${n}`, status: 'received', sentAt: 1000 - n });
    core.addFile(id, 'done', { name: 'picture.png', type: 'image/png', previewable: true }, { sentAt: 1001 - n });
  }
  return core;
}

async function openEve(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Requests/ }).click();
  await page.getByRole('button', { name: /Eve 1/ }).click();
  await page.locator('[role=log].placed').waitFor();
}

describe('a request of a stranger', () => {
  it('is beside the list; its links and pictures do nothing until it is accepted', async () => {
    const core = withRequests();
    const { page, complaints } = await show(core);
    const pictures: string[] = [];
    page.on('request', (request) => {
      if (request.resourceType() === 'image') pictures.push(request.url());
    });
    await openBob(page);
    expect(await names(page)).toEqual(['Bob Baker', 'Carol Clark']);
    expect(await page.title()).not.toContain('(');
    await page.getByRole('button', { name: 'Requests 1 request' }).press('Enter');
    await expect.poll(() => names(page)).toEqual(['Eve 1']);
    await page.getByRole('button', { name: /Eve 1/ }).press('Enter');
    const bar = page.getByRole('region', { name: 'Request' });
    await bar.getByText('elsewhere.example').waitFor();
    await page.getByText('https://evil.example/1').waitFor();
    expect(await page.getByRole('link', { name: /evil/ }).count()).toBe(0);
    expect(pictures).toEqual([]);
    await bar.getByRole('button', { name: 'Accept' }).press('Enter');
    await page.getByRole('link', { name: 'https://evil.example/1' }).waitFor();
    await expect.poll(() => pictures.length).toBe(1);
    expect(core.callsOf('conversations.accept')).toEqual([{ conversationId: 3 }]);
    await expect.poll(() => names(page)).toEqual(['Bob Baker', 'Eve 1', 'Carol Clark']);
    expect(await bar.count()).toBe(0);
    // the picture that is no picture
    expect(complaints.filter((line) => !/preview|404|Failed to load/.test(line))).toEqual([]);
  });

  it('is blocked: the composer gives way, and Settings lists it with the way back', async () => {
    const core = withRequests();
    const { page, complaints } = await show(core);
    await openEve(page);
    await page.getByRole('region', { name: 'Request' }).getByRole('button', { name: 'Block' }).click();
    await page.getByText('Blocked. Unblock to write.').waitFor();
    expect(await page.getByRole('textbox', { name: /Message to/ }).count()).toBe(0);
    await expect.poll(() => names(page)).toEqual(['Bob Baker', 'Carol Clark']);
    await page.keyboard.press('Control+,');
    const settings = page.getByRole('dialog', { name: 'Settings' });
    await settings.getByText('eve1@elsewhere.example').waitFor();
    await settings.getByRole('button', { name: 'Unblock Eve 1' }).press('Enter');
    await settings.getByText('Nobody is blocked.').waitFor();
    expect(core.callsOf('conversations.block')).toEqual([
      { conversationId: 3, blocked: true },
      { conversationId: 3, blocked: false },
    ]);
    await settings.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('region', { name: 'Request' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('is deleted once the person has said so twice', async () => {
    const core = withRequests();
    const { page } = await show(core);
    await openEve(page);
    await page.getByRole('region', { name: 'Request' }).getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete conversation' }).click();
    await expect.poll(() => names(page)).toEqual(['Bob Baker', 'Carol Clark']);
    expect(core.callsOf('conversations.remove')).toEqual([{ conversationId: 3 }]);
  });

  it('hundreds of them are one line in the list, loaded by pages', async () => {
    const { page } = await show(withRequests(250));
    await page.getByRole('button', { name: 'Requests 100 or more requests' }).click();
    await expect.poll(() => page.locator('nav li').count()).toBe(100);
    await page.locator('nav .scroller').evaluate((scroller) => scroller.scrollTo(0, scroller.scrollHeight));
    await expect.poll(() => page.locator('nav li').count()).toBe(200);
  });
});

describe('a conversation', () => {
  it('is muted for a time by the keyboard, shown so, and counts no more in the title', async () => {
    const core = withBob();
    core.addMessage(1, { text: 'Hello', status: 'received' });
    const { page } = await show(core);
    await expect.poll(() => page.title()).toContain('(1)');
    await page.keyboard.press('F6');
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Mute…' }).press('Enter');
    await page.getByRole('menuitem', { name: 'For 8 hours' }).press('Enter');
    await page.getByRole('button', { name: /Bob Baker.*Muted/ }).waitFor();
    expect(await focused(page)).toContain('Bob Baker');
    await expect.poll(() => page.title()).not.toContain('(');
    const [call] = core.callsOf('conversations.configure') as { mutedUntil: number }[];
    const hours = ((call?.mutedUntil ?? 0) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(7);
    expect(hours).toBeLessThanOrEqual(8);
    await page.keyboard.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Unmute' }).press('Enter');
    await expect.poll(() => page.title()).toContain('(1)');
  });

  it('gets another name, which wins until it is taken away', async () => {
    const core = withBob();
    const { page } = await show(core);
    await openBob(page);
    await menu(page).click();
    await page.getByRole('menuitem', { name: 'Rename…' }).click();
    await page.keyboard.type('Boss');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Boss' }).waitFor();
    await expect.poll(() => names(page)).toEqual(['Boss', 'Carol Clark']);
    expect(core.callsOf('conversations.configure')).toEqual([{ conversationId: 1, givenName: 'Boss' }]);
  });

  it('tells its addresses and has settings of its own; closing gives the keyboard back', async () => {
    const core = withBob();
    const { page, complaints } = await show(core);
    await openBob(page);
    await menu(page).click();
    await page.getByRole('menuitem', { name: 'Details' }).click();
    await pane(page).getByText('bob@example.com', { exact: true }).waitFor();
    await pane(page).getByLabel('When others ask whether a message was seen').selectOption('silent');
    await pane(page).getByLabel('What notifications show').selectOption('sender');
    await pane(page).getByLabel('How texts leave').selectOption('session');
    await expect.poll(() => pane(page).getByLabel('How texts leave').inputValue()).toBe('session');
    await pane(page).getByLabel('How texts leave').selectOption('As for all: As it suits each text');
    await pane(page).getByLabel('Mute').selectOption('always');
    await pane(page).getByText('Muted until unmuted').waitFor();
    await pane(page).getByRole('button', { name: 'Unmute' }).click();
    await pane(page).getByLabel('Mute').waitFor();
    await pane(page).getByRole('button', { name: 'Block this person' }).click();
    await page.getByText('Blocked. Unblock to write.').waitFor();
    await pane(page).getByRole('button', { name: 'Unblock' }).click();
    await field(page).waitFor();
    expect(core.callsOf('conversations.configure')).toMatchObject([
      { settings: { displayReports: 'silent' } },
      { settings: { notifications: 'sender' } },
      { settings: { mode: 'session' } },
      { settings: { mode: null } },
      { mutedUntil: 8_640_000_000_000_000 },
      { mutedUntil: null },
    ]);
    await page.keyboard.press('Escape');
    await expect.poll(() => pane(page).count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('that turns out to be another one’s person goes into it, with what was being written', async () => {
    const core = withBob();
    core.addMessage(1, { text: 'Hello' });
    core.addMessage(2, { text: 'From the number' });
    const { page } = await show(core);
    await page.getByRole('button', { name: /Carol Clark/ }).click();
    await page.getByRole('textbox', { name: 'Message to Carol Clark' }).fill('half a sentence');
    core.conversations.delete(2);
    core.messages.get(1)?.push(...(core.messages.get(2) ?? []).map((message) => ({ ...message, conversationId: 1 })));
    core.tell('conversation.merged', { conversationId: 2, into: 1 });
    await log(page).getByText('From the number').waitFor();
    expect(await field(page).inputValue()).toBe('half a sentence');
    expect(await names(page)).toEqual(['Bob Baker']);
  });

  it('opens at the message of a notification that was picked', async () => {
    const core = withBob();
    const message = core.addMessage(1, { text: 'Look here' });
    const { page } = await show(core);
    core.picked = { conversationId: 1, messageId: message.id };
    core.tell('notification.picked', {});
    await log(page).getByText('Look here').waitFor();
    expect(core.picked).toBeNull();
  });

  it('opens at the message of a notification that was picked while there was no window', async () => {
    const core = withBob();
    core.addMessage(2, { text: 'Not here' });
    const message = core.addMessage(1, { text: 'Look here' });
    core.picked = { conversationId: 1, messageId: message.id };
    const { page } = await show(core);
    await log(page).getByText('Look here').waitFor();
    expect(core.picked).toBeNull();
    expect(await log(page).getByText('Not here').count()).toBe(0);
  });
});

describe.each([{ dark: false }, { dark: true }])('for everybody, dark: $dark', ({ dark }) => {
  it('requests, details and the block list have no serious violation that axe finds', async () => {
    const core = withRequests(3);
    const { page } = await show(core, { dark });
    await openEve(page);
    expect(await serious(page)).toEqual([]);
    await menu(page).click();
    await page.getByRole('menuitem', { name: 'Details' }).click();
    await pane(page).waitFor();
    expect(await serious(page)).toEqual([]);
    await pane(page).getByRole('button', { name: 'Block this person' }).click();
    await page.getByText('Blocked. Unblock to write.').waitFor();
    expect(await serious(page)).toEqual([]);
    await page.keyboard.press('Control+,');
    await page.getByRole('button', { name: 'Unblock Eve 1' }).waitFor();
    expect(await serious(page)).toEqual([]);
  });
});
