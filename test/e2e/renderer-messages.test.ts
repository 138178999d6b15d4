import { describe, expect, it } from 'vitest';
import { field, focused, log, openBob, pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';

const show = pageInBrowser();
const FAILED = {
  direction: 'out',
  status: 'failed',
  text: 'Lost',
  error: { code: 'peer.timeout', detail: '408 Request Timeout' },
} as const;

it('R-PF-45: of a message that left as e-mail the mark says that, and not that it was delivered', async () => {
  const core = withBob();
  core.addMessage(1, { direction: 'out', text: 'To your desk', status: 'delivered', leftBy: 'email' });
  const { page, complaints } = await show(core);
  await openBob(page);
  await log(page).getByTitle('Sent as e-mail').waitFor();
  expect(await log(page).getByText('Delivered').count()).toBe(0);
  expect(complaints).toEqual([]);
});

describe('a failed message', () => {
  it('says why, and is sent again or deleted, which can be taken back', async () => {
    const core = withBob();
    core.addMessage(1, { text: 'Hello' });
    core.addMessage(1, FAILED);
    const { page, complaints } = await show(core);
    await openBob(page);
    await log(page).getByText('Not sent. No answer from Bob Baker.').waitFor();
    await log(page).getByRole('button', { name: 'Delete' }).click();
    await expect.poll(() => log(page).getByText('Lost').count()).toBe(0);
    expect(core.callsOf('messages.remove')).toEqual([]);
    await page.getByRole('button', { name: 'Undo' }).click();
    await log(page).getByRole('button', { name: 'Retry' }).click();
    await expect.poll(() => core.callsOf('messages.retry')).toEqual([{ messageId: 2 }]);
    expect(complaints).toEqual([]);
  });

  it('is deleted for good when nobody takes it back, and when the page is closed meanwhile', async () => {
    const core = withBob();
    core.addMessage(1, { text: 'Hello' });
    core.addMessage(1, FAILED);
    const { page } = await show(core);
    await openBob(page);
    await log(page).getByRole('button', { name: 'Delete' }).click();
    await page.getByText('Deleted.').waitFor();
    await page.mouse.move(5, 5);
    await expect.poll(() => core.callsOf('messages.remove'), { timeout: 10_000 }).toEqual([{ messageId: 2 }]);
    await expect.poll(() => page.getByText('Deleted.').count()).toBe(0);
    await page.getByRole('navigation').getByText('Hello').waitFor();
    await log(page).getByText('Hello').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await page.getByText('Deleted.').waitFor();
    await page.close({ runBeforeUnload: true });
    await expect.poll(() => core.callsOf('messages.remove')).toHaveLength(2);
  });

  it('of a file that the other side could not keep says so on its card', async () => {
    const core = withBob();
    core.addFile(1, 'done', { direction: 'out' }, { status: 'failed', error: { code: 'peer.unavailable', detail: 'reported' } });
    const { page } = await show(core);
    await openBob(page);
    await log(page).getByText('Bob Baker reported that it did not arrive').waitFor();
    await log(page).getByRole('button', { name: 'Retry' }).click();
    await expect.poll(() => core.callsOf('messages.retry')).toEqual([{ messageId: 1 }]);
  });
});

describe('by the keyboard alone', () => {
  it('a message is found, copied, looked into and deleted, and the keyboard is never lost', async () => {
    const core = withBob();
    for (const text of ['One', 'Two', 'Three']) core.addMessage(1, { text });
    const { page, complaints } = await show(core, {
      prepare: (context) => context.grantPermissions(['clipboard-read', 'clipboard-write']),
    });
    await openBob(page);
    await log(page).focus();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    expect(await focused(page)).toContain('Two');
    await page.keyboard.press('Shift+F10');
    const menu = page.getByRole('menu', { name: 'Message actions' });
    await menu.waitFor();
    expect(await focused(page)).toBe('Reply');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await focused(page)).toBe('Copy text');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe('Two');
    expect(await focused(page)).toContain('Two');

    await page.keyboard.press('ContextMenu');
    for (let down = 0; down < 4; down++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const details = page.getByRole('complementary', { name: 'Message info' });
    await details.getByText('imdn-2').waitFor();
    await expect.poll(() => details.evaluate((pane) => pane === document.activeElement)).toBe(true);
    await details.getByRole('button', { name: 'Copy Contribution-ID' }).press('Enter');
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe('contribution-2');
    await page.keyboard.press('Escape');
    await expect.poll(() => details.count()).toBe(0);
    expect(await focused(page)).toContain('Two');

    await page.keyboard.press('Shift+F10');
    await page.keyboard.press('Escape');
    await expect.poll(() => menu.count()).toBe(0);
    await log(page).waitFor();
    await page.keyboard.press('Shift+F10');
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await expect.poll(() => log(page).getByText('Two').count()).toBe(0);
    await expect.poll(() => focused(page)).toContain('Three');
    await page.keyboard.press('Control+z');
    await log(page).getByText('Two').waitFor();
    await expect.poll(() => log(page).evaluate((log) => log === document.activeElement)).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('a message keeps the keyboard however far one scrolls, and the arrows go through a long thread', async () => {
    const core = withBob();
    for (let at = 0; at < 200; at++) core.addMessage(1, { text: `Message ${at} ` });
    const { page } = await show(core);
    await openBob(page);
    await log(page).focus();
    for (let at = 0; at < 60; at++) await page.keyboard.press('ArrowUp');
    expect(await focused(page)).toContain('Message 140');
    await log(page).evaluate((log) => log.scrollBy(0, 20_000));
    await page.waitForTimeout(200);
    expect(await focused(page)).toContain('Message 140');
    await page.keyboard.press('PageUp');
    expect(await log(page).evaluate((log) => log === document.activeElement)).toBe(true);
  });
});

describe('by the pointer', () => {
  it('the button of a message opens its menu, and a press elsewhere closes it', async () => {
    const core = withBob();
    core.addMessage(1, { text: 'Hello' });
    const { page } = await show(core);
    await openBob(page);
    await log(page).getByText('Hello').hover();
    await log(page).getByRole('button', { name: 'Message actions' }).click();
    const menu = page.getByRole('menu');
    await menu.waitFor();
    await page.mouse.click(700, 300);
    await expect.poll(() => menu.count()).toBe(0);
    await log(page).waitFor();
  });
});

describe('message info', () => {
  it('follows what becomes of the message, and goes away with it', async () => {
    const core = withBob();
    const message = core.addMessage(1, { direction: 'out', status: 'sent', text: 'Hello' });
    const { page } = await show(core, { width: 800 });
    await openBob(page);
    await log(page).getByText('Hello').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Message info' }).click();
    const details = page.getByRole('complementary', { name: 'Message info' });
    await details.getByText('The network has it.').waitFor();
    core.change(message, { status: 'displayed', displayedAt: Date.now() });
    await details.getByText('Seen by Bob Baker.').waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(800);
    core.tell('message.removed', { messageId: message.id, conversationId: 1 });
    await expect.poll(() => details.count()).toBe(0);
  });
});

describe.each([{ dark: false }, { dark: true }])('for everybody, dark: $dark', ({ dark }) => {
  it('the menu, the undo and the pane have no serious violation that axe finds', async () => {
    const core = withBob();
    core.addMessage(1, { text: 'Hello' });
    core.addMessage(1, FAILED);
    const { page } = await show(core, { dark });
    await openBob(page);
    await log(page).getByText('Lost').click({ button: 'right' });
    await page.getByRole('menu').waitFor();
    expect(await serious(page)).toEqual([]);
    await page.getByRole('menuitem', { name: 'Message info' }).click();
    await page.getByRole('complementary').getByText('408 Request Timeout').waitFor();
    await log(page).getByRole('button', { name: 'Delete' }).click();
    await page.getByText('Deleted.').waitFor();
    expect(await serious(page)).toEqual([]);
  }, 60_000);
});

describe('an answer', () => {
  it('shows what it answers above the field and in the thread, and leads back to it', async () => {
    const core = withBob();
    const asked = core.addMessage(1, { text: 'Shall we meet at the old mill on Saturday, or is Sunday better for you?' });
    for (let at = 0; at < 60; at++) core.addMessage(1, { text: `Line ${at}`, direction: at % 3 === 0 ? 'out' : 'in' });
    const { page, complaints } = await show(core);
    await openBob(page);
    await page.keyboard.press('Control+ArrowUp');
    await page.getByText('Line 59').nth(1).waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('button', { name: 'Do not reply to this message' }).count()).toBe(0);

    core.tell(
      'message.changed',
      core.addMessage(1, { text: 'So?', quote: { messageId: asked.id, direction: 'in', kind: 'text', author: null, text: asked.text } }),
    );
    await log(page).getByText('So?').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Reply' }).click();
    await page.getByRole('button', { name: 'Do not reply to this message' }).waitFor();
    await page.keyboard.type('Sunday');
    expect(await serious(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await expect.poll(() => core.callsOf('messages.sendText')).toMatchObject([{ text: 'Sunday', quotes: 62 }]);
    await log(page)
      .getByRole('button', { name: /^Answers Bob Baker: Shall we meet/ })
      .click();
    await log(page).locator('article.hit', { hasText: 'Shall we meet' }).waitFor();
    expect(complaints).toEqual([]);
  });
});

describe('several messages together', () => {
  it('are selected, copied and deleted, and come back by one undo', async () => {
    const core = withBob();
    for (const text of ['One', 'Two', 'Three', 'Four']) core.addMessage(1, { text });
    const { page, complaints } = await show(core, {
      prepare: (context) => context.grantPermissions(['clipboard-read', 'clipboard-write']),
    });
    await openBob(page);
    await log(page).getByText('Two').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Select' }).click();
    await log(page).getByText('Four').click();
    await page.getByText('2 selected').waitFor();
    expect(await serious(page)).toEqual([]);
    await page.getByRole('toolbar').getByRole('button', { name: 'Copy' }).click();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe('Two\nFour');
    await expect.poll(() => page.getByRole('toolbar').count()).toBe(0);

    await log(page).focus();
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Select' }).press('Enter');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press(' ');
    await page.getByText('2 selected').waitFor();
    await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click();
    await expect.poll(() => log(page).locator('article').allInnerTexts()).toHaveLength(2);
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => log(page).locator('article').allInnerTexts()).toHaveLength(4);
    expect(core.callsOf('messages.remove')).toEqual([]);

    await log(page).getByText('One').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Select' }).click();
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('checkbox').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('go to somebody else, in their order, files with them', async () => {
    const core = withBob();
    core.addMessage(1, { text: 'Map of the ridge' });
    core.addFile(1, 'done', { name: 'ridge.jpg' });
    core.addFile(1, 'offered', { name: 'not here yet.jpg' });
    const { page, complaints } = await show(core);
    await openBob(page);
    await log(page).getByText('Map of the ridge').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Select' }).click();
    for (const article of await log(page).locator('article').all()) {
      const choice = article.getByRole('checkbox');
      if (!(await choice.isChecked())) await choice.check();
    }
    await page.getByRole('toolbar').getByRole('button', { name: 'Forward' }).click();
    const dialog = page.getByRole('dialog', { name: 'Forward 2 messages' });
    await dialog.waitFor();
    expect(await serious(page)).toEqual([]);
    await page.keyboard.type('carol');
    await page.keyboard.press('Enter');
    await expect.poll(() => core.callsOf('messages.sendText')).toMatchObject([{ conversationId: 2, text: 'Map of the ridge' }]);
    await expect.poll(() => core.callsOf('files.send')).toMatchObject([{ conversationId: 2 }]);
    await page.getByRole('heading', { name: 'Carol Clark' }).waitFor();

    await page
      .getByRole('button', { name: /Bob Baker/ })
      .first()
      .click();
    await log(page).getByText('Map of the ridge').click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Forward' }).click();
    await page.keyboard.type('sip:dave@example.com');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => core.callsOf('messages.sendText')).toHaveLength(2);
    await page.getByRole('heading', { name: /dave/ }).waitFor();
    expect(complaints).toEqual([]);
  });
});

describe('emoji', () => {
  it('are found and put where one writes, by the keyboard alone, and come first next time', async () => {
    const core = withBob();
    const { page, complaints } = await show(core);
    await openBob(page);
    await page.keyboard.type('Lunch ?');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Control+e');
    const picker = page.getByRole('dialog', { name: 'Emoji' });
    await picker.getByRole('button', { name: 'grinning face', exact: true }).waitFor();
    await page.keyboard.type('pizza');
    await expect.poll(() => picker.getByRole('button').count()).toBeLessThan(10);
    expect(await serious(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await expect.poll(() => picker.count()).toBe(0);
    await expect.poll(() => field(page).inputValue()).toBe('Lunch 🍕?');
    await page.keyboard.press('Enter');
    await log(page).getByText('Lunch 🍕?').waitFor();

    await page.getByRole('button', { name: 'Emoji' }).click();
    await picker.getByText('Used last').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => field(page).inputValue()).toBe('🍕');
    await page.keyboard.press('Control+e');
    await page.keyboard.press('Escape');
    await expect.poll(() => picker.count()).toBe(0);
    await page.keyboard.type('!');
    expect(await field(page).inputValue()).toBe('🍕!');
    expect(complaints).toEqual([]);
  });
});
