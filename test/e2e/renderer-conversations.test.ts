import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { focused, log, openBob, pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';

const show = pageInBrowser();
const names = (page: Page): Promise<string[]> => page.locator('nav li .name').allTextContents();

describe('F6 before the list is there', () => {
  it.each([
    { what: 'goes on to it once it is', typed: '', has: ['BUTTON', 'Bob Baker'] },
    { what: 'stays where the person has begun to search', typed: 'car', has: ['INPUT', ''] },
  ])('$what', async ({ typed, has: [element, text] }) => {
    const core = withBob();
    const answer = core.holdBack('conversations.page');
    const { page } = await show(core, { list: false });
    const keyboardAt = () => page.evaluate(() => document.activeElement?.tagName);
    await page.getByText('Opening the message history').waitFor();
    await page.keyboard.press('F6');
    await expect.poll(keyboardAt).toBe('INPUT');
    await page.keyboard.type(typed);
    answer();
    await page.getByRole('button', { name: /Carol Clark/ }).waitFor();
    expect(await keyboardAt()).toBe(element);
    expect(await focused(page)).toContain(text);
  });
});

describe('a conversation of the list', () => {
  it('is pinned, archived, found again and brought back, by the keyboard alone', async () => {
    const core = withBob();
    core.addMessage(2, { text: 'Hello', sentAt: 1 });
    const { page, complaints } = await show(core);
    await page.keyboard.press('F6');
    await page.keyboard.press('End');
    await page.keyboard.press('Shift+F10');
    await page.getByRole('menu', { name: 'Conversation actions' }).waitFor();
    await page.keyboard.press('Enter');
    await expect.poll(() => names(page)).toEqual(['Carol Clark', 'Bob Baker']);
    expect(await focused(page)).toContain('Carol Clark');
    await page.getByRole('button', { name: /Carol Clark.*Pinned/ }).waitFor();

    await page.keyboard.press('ContextMenu');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => names(page)).toEqual(['Bob Baker']);
    const archive = page.getByRole('button', { name: 'Archived conversations' });
    await archive.press('Enter');
    await expect.poll(() => names(page)).toEqual(['Carol Clark']);
    await page.getByRole('button', { name: /Carol Clark/ }).focus();
    await page.keyboard.press('Shift+F10');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => names(page)).toEqual(['Carol Clark', 'Bob Baker']);
    await expect.poll(() => archive.count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('is left for another one, slowly and in haste, without a complaint of the page', async () => {
    const core = withBob();
    for (let at = 0; at < 40; at++) for (const id of [1, 2]) core.addMessage(id, { text: `message ${at} of ${id}` });
    const { page, complaints } = await show(core);
    await openBob(page);
    for (const [turn, pause] of [250, 250, 250, 250, 30, 30, 30, 30].entries()) {
      await page.keyboard.type('half a thought');
      await page.keyboard.press(turn % 2 === 0 ? 'Alt+ArrowDown' : 'Alt+ArrowUp');
      await page.waitForTimeout(pause);
    }
    await page.keyboard.press('Escape');
    await page.getByText('Pick a conversation to read it here.').waitFor();
    expect(complaints).toEqual([]);
  });

  it('is marked as unread until it is opened again', async () => {
    const core = withBob();
    core.addMessage(1, { text: 'Hello' });
    const { page } = await show(core);
    await openBob(page);
    await page.getByRole('button', { name: 'Conversation actions' }).click();
    await page.getByRole('menuitem', { name: 'Mark as unread' }).click();
    const row = page.getByRole('button', { name: /Bob Baker.*Marked as unread/ });
    await row.waitFor();
    await page.getByText('Pick a conversation to read it here.').waitFor();
    await row.click();
    await log(page).waitFor();
    await expect.poll(() => core.callsOf('conversations.markRead')).toEqual([{ conversationId: 1, upTo: 1 }]);
    await expect.poll(() => row.count()).toBe(0);
  });

  it('is deleted once the person has said so twice', async () => {
    const core = withBob();
    core.addMessage(1, { text: 'Hello' });
    const { page, complaints } = await show(core);
    await openBob(page);
    await page.getByRole('navigation').getByText('Bob Baker').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Delete conversation' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete the conversation with Bob Baker' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(core.callsOf('conversations.remove')).toEqual([]);
    await page.getByRole('navigation').getByText('Bob Baker').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Delete conversation' }).click();
    await dialog.getByRole('button', { name: 'Delete conversation' }).click();
    await expect.poll(() => names(page)).toEqual(['Carol Clark']);
    await page.getByText('Pick a conversation to read it here.').waitFor();
    expect(core.callsOf('conversations.remove')).toEqual([{ conversationId: 1 }]);
    expect(complaints).toEqual([]);
  });
});

describe.each([{ dark: false }, { dark: true }])('for everybody, dark: $dark', ({ dark }) => {
  it('a list with pins, marks and an archive has no serious violation that axe finds', async () => {
    const core = withBob();
    core.addConversation('sip:dora@example.com', 'Dora', { pinned: true, markedUnread: true });
    core.addConversation('sip:emil@example.com', 'Emil', { archived: true });
    const { page } = await show(core, { dark });
    await openBob(page);
    await page.getByRole('button', { name: 'Archived conversations' }).click();
    expect(await serious(page)).toEqual([]);
    await page.getByRole('button', { name: 'Archived conversations' }).click();
    await page.getByRole('navigation').getByText('Dora').click({ button: 'right' });
    await page.getByRole('menu').waitFor();
    expect(await serious(page)).toEqual([]);
    await page.getByRole('menuitem', { name: 'Delete conversation' }).click();
    await page.getByRole('dialog').waitFor();
    expect(await serious(page)).toEqual([]);
  }, 60_000);
});
