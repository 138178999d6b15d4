import { describe, expect, it } from 'vitest';
import type { FakeCore } from '../harness/fake-core.ts';
import { field, log, openBob, pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';

const show = pageInBrowser();
const PEOPLE = ['Bob Baker', 'Carol Clark', 'Dave Dunn'].map((displayName) => ({
  address: `sip:${displayName.split(' ')[0]?.toLowerCase()}@example.com`,
  displayName,
}));

function withPeople(): FakeCore {
  return withBob({
    ...{ neighbours: PEOPLE, maxRecipients: 3, answersSends: false },
    groups: [{ address: 'sip:climbing-club@example.com', name: 'Climbing club' }],
  });
}

/** a message to three people: one has seen it, one has it, one cannot be reached */
function toThree(core: FakeCore): void {
  const list = core.addConversation('list:x', 'Bob, Carol and Dave', {
    kind: 'list',
    members: PEOPLE.map(({ address, displayName }) => ({ address, name: displayName })),
  });
  const message = core.addMessage(list.id, {
    ...{ direction: 'out', text: 'Minutes are on the share.', status: 'sent', sentAt: Date.now() + 60_000 },
    reach: { total: 3, delivered: 2, displayed: 1, failed: 1 },
    failedTo: [{ address: 'sip:dave@example.com', name: 'Dave Dunn' }],
  });
  const state = { deliveredAt: null, displayedAt: null, error: null };
  core.recipients.set(message.id, [
    {
      ...state,
      address: 'sip:bob@example.com',
      name: 'Bob Baker',
      status: 'displayed',
      deliveredAt: 1,
      displayedAt: Date.UTC(2026, 2, 2, 9),
    },
    { ...state, address: 'sip:carol@example.com', name: 'Carol Clark', status: 'delivered', deliveredAt: Date.UTC(2026, 2, 2, 9) },
    { ...state, address: 'sip:dave@example.com', name: '', status: 'failed', error: { code: 'peer.unknown', detail: '404' } },
  ]);
}

describe('several recipients', () => {
  it('are named by the keyboard alone: comma and Enter add, Backspace removes, arrows walk', async () => {
    const core = withPeople();
    const { page, complaints } = await show(core);
    await page.keyboard.press('Control+n');
    const dialog = page.getByRole('dialog', { name: 'New conversation' });
    await dialog.waitFor();
    const chips = dialog.getByRole('list', { name: 'Recipients' }).getByRole('button');
    await page.keyboard.type('bob@example.com,carol@example.com,');
    await expect.poll(() => chips.allInnerTexts()).toEqual(['Bob Baker', 'Carol Clark']);
    await page.keyboard.type('erin@example.com');
    await page.keyboard.press('Enter');
    await expect.poll(() => chips.count()).toBe(3);
    await page.keyboard.type('frank@example.com,');
    await dialog.getByRole('alert').getByText('At most 3 recipients').waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Backspace');
    await expect.poll(() => chips.count()).toBe(2);
    await page.keyboard.type('bob@example.com,');
    await dialog.getByRole('alert').getByText('is there already').waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('not an address,');
    await dialog.getByRole('alert').getByText('This is not an address.').waitFor();
    expect(await serious(page)).toEqual([]);
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Delete');
    await expect.poll(() => chips.allInnerTexts()).toEqual(['Carol Clark']);
    await page.keyboard.press('End');
    await page.keyboard.type('bob@example.com,');
    await page.keyboard.press('Enter');
    await page.getByRole('log', { name: /Messages with .*carol/ }).waitFor();
    expect(core.callsOf('conversations.openList')).toEqual([{ addresses: ['sip:carol@example.com', 'sip:bob@example.com'] }]);
    expect(complaints).toEqual([]);
  });

  it('are found by their names among those who were written with, nobody who waits or is kept out among them', async () => {
    const core = withBob({ maxRecipients: 3, neighbours: [] });
    core.addConversation('sip:carla@example.com', 'Carla Cole', { request: true });
    core.addConversation('sip:carlos@example.com', 'Carlos Cruz', { blocked: true });
    const { page, complaints } = await show(core);
    await page.keyboard.press('Control+n');
    const dialog = page.getByRole('dialog', { name: 'New conversation' });
    const known = dialog.getByRole('list', { name: 'Conversations' }).getByRole('listitem');
    await expect.poll(() => known.count()).toBe(2);
    await page.keyboard.type('car');
    await expect.poll(() => known.count()).toBe(1);
    await page.keyboard.type(',');
    const chips = dialog.getByRole('list', { name: 'Recipients' }).getByRole('button');
    await expect.poll(() => chips.allInnerTexts()).toEqual(['Carol Clark']);
    await dialog.getByRole('button', { name: 'Add Bob Baker' }).click();
    await expect.poll(() => chips.allInnerTexts()).toEqual(['Carol Clark', 'Bob Baker']);
    expect(await dialog.getByRole('textbox').evaluate((field) => field === document.activeElement)).toBe(true);
    expect(await serious(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('are pasted at once, and picked from who is there', async () => {
    const core = withPeople();
    const { page } = await show(core);
    await page.keyboard.press('Control+n');
    const dialog = page.getByRole('dialog');
    const chips = dialog.getByRole('list', { name: 'Recipients' }).getByRole('button');
    // a group is written to by itself
    await dialog.getByText('Climbing club').waitFor();
    await dialog.getByRole('button', { name: 'Add Dave Dunn' }).click();
    await dialog.getByText('Climbing club').waitFor({ state: 'detached' });
    await dialog.getByRole('textbox').evaluate((input) => {
      const data = new DataTransfer();
      data.setData('text/plain', 'bob@example.com; carol@example.com\nerin@example.com');
      input.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    });
    await expect.poll(() => chips.allInnerTexts()).toEqual(['Dave Dunn', 'Bob Baker', 'Carol Clark']);
    expect(await dialog.getByRole('textbox').inputValue()).toBe('erin@example.com');
  });

  it('each have a state of their own in the details, and together one line at the message', async () => {
    const core = withPeople();
    toThree(core);
    const { page } = await show(core);
    await page.getByRole('navigation').getByText('Bob, Carol and Dave').click();
    await page.getByText(/Seen by 1 of 3 · Not delivered to .*Dave Dunn/).waitFor();
    await page.getByText('bob@example.com, carol@example.com, dave@example.com').waitFor();
    expect(await page.getByRole('button', { name: 'Attach files' }).count()).toBe(1);
    await page.getByText('Minutes are on the share.').last().hover();
    await page.getByRole('button', { name: 'Message actions' }).click();
    await page.getByRole('menuitem', { name: 'Message info' }).click();
    const details = page.getByRole('complementary', { name: 'Message info' });
    await details.getByText('Seen,').waitFor();
    await details.getByText('Delivered,').waitFor();
    await details.getByText('Not sent. The server does not know').waitFor();
    expect(await serious(page)).toEqual([]);
  });

  it('who did not get it get it again by a press, from the message or from the details, by the keyboard', async () => {
    const core = withPeople();
    toThree(core);
    const { page, complaints } = await show(core);
    await page.getByRole('navigation').getByText('Bob, Carol and Dave').click();
    const again = page.getByRole('log').getByRole('button', { name: /^Try again for .*Dave Dunn/ });
    await again.focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => core.callsOf('messages.retry')).toHaveLength(1);
    await page.getByText('Minutes are on the share.').last().hover();
    await page.getByRole('button', { name: 'Message actions' }).click();
    await page.getByRole('menuitem', { name: 'Message info' }).click();
    const details = page.getByRole('complementary', { name: 'Message info' });
    await details.getByRole('button', { name: /^Try again for .*dave@example.com/ }).click();
    await expect.poll(() => core.callsOf('messages.retry')).toHaveLength(2);
    const messageId = expect.any(Number);
    expect(core.callsOf('messages.retry')).toEqual([{ messageId }, { messageId, recipient: 'sip:dave@example.com' }]);
    expect(complaints).toEqual([]);
  });

  it('have one card for a file that goes to each by himself', async () => {
    const core = withPeople();
    const list = core.addConversation('list:x', 'Bob, Carol and Dave', {
      kind: 'list',
      members: PEOPLE.map(({ address, displayName }) => ({ address, name: displayName })),
    });
    const legs = { total: 3, done: 1 };
    const sending = { direction: 'out', name: 'plan.pdf', size: 64_000_000, transferred: 32_000_000, legs } as const;
    const file = core.addFile(list.id, 'transferring', sending, { status: 'sending' });
    const { page } = await show(core);
    await page.getByRole('navigation').getByText('Bob, Carol and Dave').click();
    await page.getByRole('log').getByText('1 of 3 received · 32.0 of 64.0 MB').waitFor();
    core.changeTransfer(file, { state: 'done', legs: { total: 3, done: 2 } });
    core.change(file, {
      status: 'sent',
      reach: { total: 3, delivered: 2, displayed: 0, failed: 1 },
      failedTo: [{ address: 'sip:carol@example.com', name: 'Carol Clark' }],
    });
    await page.getByRole('log').getByText('64.0 MB · 2 of 3 received').waitFor();
    await page
      .getByRole('log')
      .getByText(/Not delivered to .*Carol Clark/)
      .waitFor();
    await page
      .getByRole('log')
      .getByRole('button', { name: /^Try again for .*Carol Clark/ })
      .waitFor();
    expect(await serious(page)).toEqual([]);
  });
});

describe('answers', () => {
  it('go where they were asked to go, which is said, until the person decides otherwise', async () => {
    const core = withPeople();
    core.addConversation('sip:help@example.com', 'Help', { replyTo: 'sip:desk@example.com' });
    const { page } = await show(core);
    await page.getByRole('navigation').getByText('Help').click();
    await page.getByText('desk@example.com').waitFor();
    await page.getByRole('button', { name: /^Write to .*Help.* instead$/ }).click();
    await expect.poll(() => page.getByText('desk@example.com').count()).toBe(0);
  });

  it('to all open the conversation with all', async () => {
    const core = withPeople();
    core.addMessage(1, { direction: 'in', text: 'to you all', alsoTo: ['sip:carol@example.com', 'sip:dave@example.com'] });
    const { page } = await show(core);
    await openBob(page);
    await log(page).getByText('Also to carol and dave').waitFor();
    await log(page).getByRole('button', { name: 'Reply to all' }).click();
    await expect.poll(() => core.callsOf('conversations.openReplyAll')).toHaveLength(1);
    await page.getByRole('log', { name: /Messages with .*bob.*carol.*dave/ }).waitFor();
  });

  it('to nobody are not offered', async () => {
    const core = withPeople();
    const { id } = core.addConversation('anonymous:', 'Anonymous', { kind: 'anonymous' });
    core.addMessage(id, { direction: 'in', text: 'guess who' });
    const { page } = await show(core);
    await page.getByRole('navigation').getByText('Anonymous').click();
    await page.getByText('A message without a name cannot be answered.').waitFor();
    expect(await page.locator('textarea').count()).toBe(0);
  });
});

describe('a message', () => {
  it('goes without the name when the person says so, once', async () => {
    const core = withPeople();
    const { page } = await show(core);
    await openBob(page);
    const nameless = page.getByRole('button', { name: 'Send without my name' });
    await nameless.click();
    expect(await nameless.getAttribute('aria-pressed')).toBe('true');
    await page.getByText('This message goes without your name.').waitFor();
    expect(await serious(page)).toEqual([]);
    await page.keyboard.type('psst');
    await page.keyboard.press('Enter');
    await log(page).getByText('Without your name').waitFor();
    expect(await nameless.getAttribute('aria-pressed')).toBe('false');
    await field(page).fill('hello');
    await page.keyboard.press('Enter');
    await expect
      .poll(() => core.callsOf('messages.sendText').map((call) => (call as { anonymous?: boolean }).anonymous ?? false))
      .toEqual([true, false]);
  });

  it('that is large can be cancelled while it is under way, and tried again', async () => {
    const core = withPeople();
    const message = core.addMessage(1, { direction: 'out', text: 'long', status: 'sending' });
    const { page } = await show(core);
    await openBob(page);
    core.tell('messages.cancellable', { messageIds: [message.id] });
    await log(page).getByRole('button', { name: 'Cancel' }).click();
    await log(page).getByText('Cancelled.').waitFor();
    expect(core.callsOf('messages.cancel')).toEqual([{ messageId: message.id }]);
    await log(page).getByRole('button', { name: 'Retry' }).waitFor();
    await log(page).getByRole('button', { name: 'Delete' }).waitFor();
    expect(await log(page).getByRole('button', { name: 'Cancel' }).count()).toBe(0);
  });

  it('that cannot be read is said to be so, with its code behind the details', async () => {
    const core = withPeople();
    core.addMessage(1, { direction: 'in', text: '', error: { code: 'peer.unsupported', detail: 'unknown charset x-martian' } });
    const { page } = await show(core);
    await openBob(page);
    await log(page).getByText('cannot be shown here').waitFor();
    await log(page).getByText('Details').click();
    await log(page).getByText('x-martian').waitFor();
  });
});
