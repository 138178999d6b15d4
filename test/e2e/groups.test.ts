import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { ParleyError } from '../../shared/base/errors.ts';
import type { GroupEvent, Participant } from '../../shared/model/group.ts';
import type { FakeCore } from '../harness/fake-core.ts';
import { focused, openBob, pageInBrowser, serious, withBob } from '../harness/page-in-browser.ts';

const show = pageInBrowser();
const PEOPLE = ['Bob Baker', 'Carol Clark', 'Dave Dunn', 'Erin Eck'].map((name) => ({
  address: `sip:${name.split(' ')[0]?.toLowerCase()}@example.com`,
  name,
}));
const [BOB, CAROL, DAVE, ERIN] = PEOPLE as [Member, Member, Member, Member];
type Member = (typeof PEOPLE)[number];
const GROUP = 3;

function participant({ address, name }: Member, more: Partial<Participant> = {}): Participant {
  return { entity: address, address, name, presence: 'in', isSelf: false, roles: ['participant'], blocked: false, ...more };
}

const ME = participant({ address: 'sip:alice@example.com', name: 'Alice Archer' }, { isSelf: true });

/** A group that Alice is in: of six people at most, with Bob and Carol in it, Dave asked and Erin gone. */
function withGroup(more: Parameters<typeof withBob>[0] = {}): FakeCore {
  const neighbours = PEOPLE.map(({ address, name }) => ({ address, displayName: name }));
  const core = withBob({
    neighbours,
    maxRecipients: 3,
    groups: [{ address: 'sip:climbing-club@example.com', name: 'Climbing club' }],
    ...more,
  });
  core.addConversation('group:climb', 'Saturday climb', { kind: 'group', standing: 'member' });
  core.groups.change(GROUP, {
    subject: 'Saturday climb',
    limit: 6,
    participants: [
      participant(BOB, { roles: ['participant', 'moderator'] }),
      ME,
      participant(CAROL, { blocked: true }),
      participant(DAVE, { presence: 'invited' }),
      participant(ERIN, { presence: 'left' }),
    ],
  });
  return core;
}

function happened(core: FakeCore, what: GroupEvent['what'], people: readonly Member[], by: Member | null = null): void {
  core.tell('message.changed', core.addMessage(GROUP, { kind: 'event', text: '', event: { what, people, by } }));
}

/** Where Alice stands changes while the page is there. */
function stand(core: FakeCore, more: Parameters<FakeCore['groups']['change']>[1]): void {
  const conversation = core.conversations.get(GROUP);
  if (conversation === undefined) return;
  const next = { ...conversation, standing: more.standing ?? conversation.standing };
  core.conversations.set(GROUP, next);
  core.groups.change(GROUP, more);
  core.tell('conversation.changed', next);
}

async function openGroup(page: Page): Promise<void> {
  await page.getByRole('navigation').getByText('Saturday climb').click();
  await page.locator('[role=log].placed').waitFor();
}

const pane = (page: Page) => page.getByRole('complementary', { name: 'Group details' });
const field = (page: Page) => page.getByRole('textbox', { name: 'Message to Saturday climb' });
const asked = (core: FakeCore) => core.groups.asked.map(({ method, params }) => ({ [method]: params }));

describe('a group', () => {
  it('R-GRP-06 is made by the keyboard alone: the limit is told while one picks, and what is refused keeps the selection', async () => {
    const core = withGroup();
    core.groups.made = GROUP;
    const { page, complaints } = await show(core);
    await page.keyboard.press('Control+Shift+n');
    const dialog = page.getByRole('dialog', { name: 'New group' });
    await dialog.getByText('0 of 3 people').waitFor();
    const chips = dialog.getByRole('list', { name: 'People' }).getByRole('button');
    await page.keyboard.type('bob,carol@example.com,');
    await dialog.getByText('2 of 3 people').waitFor();
    await page.keyboard.type('dave@example.com,erin@example.com,');
    await dialog.getByRole('alert').getByText('At most 3 people can be asked into a group.').waitFor();
    expect(await chips.allInnerTexts()).toEqual(['Bob Baker', 'Carol Clark', 'Dave Dunn']);
    expect(core.groups.asked).toEqual([]);
    expect(await serious(page)).toEqual([]);
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Backspace');
    await dialog.getByText('Without one the group is called “Bob Baker, Carol Clark and Dave Dunn”.').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.type('Saturday climb');
    core.groups.refusal = new ParleyError('request.too-many', '3');
    await page.keyboard.press('Enter');
    await dialog.getByRole('alert').getByText('At most 3 people').waitFor();
    expect(await chips.count()).toBe(3);
    await dialog.getByRole('button', { name: 'Make group' }).press('Enter');
    await field(page).waitFor();
    await expect.poll(() => field(page).evaluate((each) => each === document.activeElement)).toBe(true);
    const wanted = { subject: 'Saturday climb', addresses: [BOB, CAROL, DAVE].map(({ address }) => address) };
    await expect.poll(() => asked(core)).toEqual([{ 'groups.create': wanted }, { 'groups.create': wanted }]);
    expect(complaints).toEqual([]);
  });

  it('begins where several were named to be written to, which is said to be something else', async () => {
    const { page } = await show(withGroup());
    await page.keyboard.press('Control+n');
    const dialog = page.getByRole('dialog', { name: 'New conversation' });
    await dialog.waitFor();
    await page.keyboard.type('bob@example.com,carol@example.com,');
    await dialog.getByText('In a group all see what is written.').waitFor();
    await dialog.getByRole('button', { name: 'Make a group…' }).click();
    const next = page.getByRole('dialog', { name: 'New group' });
    await expect
      .poll(() => next.getByRole('list', { name: 'People' }).getByRole('button').allInnerTexts())
      .toEqual(['Bob Baker', 'Carol Clark']);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
  });

  it('R-EXT-09 grows out of a conversation of two, which stays; the other person counts', async () => {
    const core = withGroup();
    core.groups.made = GROUP;
    const { page } = await show(core);
    await openBob(page);
    await page.getByRole('button', { name: 'Conversation actions' }).click();
    await page.getByRole('menuitem', { name: 'Add people…' }).click();
    const dialog = page.getByRole('dialog', { name: 'New group with Bob Baker' });
    await dialog.getByText('The conversation with Bob Baker stays as it is').waitFor();
    await dialog.getByText('1 of 3 people').waitFor();
    await page.keyboard.type('bob@example.com,');
    await dialog.getByText('This person is in the group already.').waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('carol,dave,erin,');
    await dialog.getByRole('alert').getByText('At most 3 people').waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Enter');
    await field(page).waitFor();
    await expect
      .poll(() => asked(core))
      .toEqual([{ 'groups.create': { subject: '', addresses: [CAROL.address, DAVE.address], extends: 1 } }]);
  });

  it('R-GRP-27 is joined by its address, with a name or without; R-GRP-28 where that is not allowed it says so', async () => {
    const core = withGroup();
    core.groups.made = GROUP;
    const { page } = await show(core);
    await page.keyboard.press('Control+n');
    await page.getByRole('button', { name: 'Join a group by its address…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Join a group' });
    await dialog.waitFor();
    await page.keyboard.type('nothing');
    await page.keyboard.press('Enter');
    await dialog.getByRole('alert').getByText('This is not an address of a group.').waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.type('climbing-club@example.com');
    await dialog.getByLabel('Join without a name').check();
    core.groups.refusal = new ParleyError('peer.anonymity', '433');
    await dialog.getByRole('button', { name: 'Join', exact: true }).click();
    await dialog.getByRole('alert').getByText('This group lets nobody in without a name.').waitFor();
    expect(await serious(page)).toEqual([]);
    await dialog.getByLabel('Join without a name').uncheck();
    await dialog.getByRole('button', { name: 'Join', exact: true }).click();
    await field(page).waitFor();
    const address = 'sip:climbing-club@example.com';
    await expect
      .poll(() => asked(core))
      .toEqual([{ 'groups.joinAddress': { address, anonymous: true } }, { 'groups.joinAddress': { address } }]);
  });

  it('of the account is joined where one begins a conversation', async () => {
    const core = withGroup();
    core.groups.made = GROUP;
    const { page } = await show(core);
    await page.keyboard.press('Control+n');
    await page.getByRole('button', { name: 'Join Climbing club' }).click();
    await field(page).waitFor();
    await expect.poll(() => asked(core)).toEqual([{ 'groups.joinAddress': { address: 'sip:climbing-club@example.com' } }]);
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
  });

  it('that one is asked into waits for an answer; accepted elsewhere, it goes on here', async () => {
    const core = withGroup();
    stand(core, { standing: 'invited', invitedBy: BOB });
    const { page, complaints } = await show(core);
    await page.getByRole('button', { name: /Saturday climb.*Invitation/ }).waitFor();
    await openGroup(page);
    const bar = page.getByRole('region', { name: 'Invitation' });
    await bar.getByText('Bob Baker asks you into “Saturday climb”, with Carol Clark and Dave Dunn.').waitFor();
    expect(await field(page).count()).toBe(0);
    expect(await serious(page)).toEqual([]);
    await bar.getByRole('button', { name: 'Decline' }).click();
    stand(core, { standing: 'declined' });
    await page.getByText('You declined.').waitFor();
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await expect
      .poll(() => asked(core))
      .toEqual([{ 'groups.decline': { conversationId: GROUP } }, { 'groups.join': { conversationId: GROUP } }]);
    stand(core, { standing: 'member' });
    await field(page).waitFor();
    expect(complaints).toEqual([]);
  });

  it('that one is not in any more says why and leads back', async () => {
    const core = withGroup();
    const { page } = await show(core);
    await openGroup(page);
    for (const [standing, line, way] of [
      ['left', 'You left this group.', 'Join again'],
      ['failed', 'The group could not be made.', 'Try again'],
    ] as const) {
      stand(core, { standing });
      await page.getByText(line).waitFor();
      await page.getByRole('button', { name: way }).click();
    }
    stand(core, { standing: 'removed' });
    await page.getByText('You were removed from this group.').waitFor();
    stand(core, { standing: 'over' });
    await page.getByRole('button', { name: 'New group with the same people…' }).click();
    const chips = page.getByRole('dialog', { name: 'New group' }).getByRole('list', { name: 'People' }).getByRole('button');
    await expect.poll(() => chips.count()).toBe(4);
    await page.getByText('At most 3 people can be asked into a group.').waitFor();
    const join = { 'groups.join': { conversationId: GROUP } };
    await expect.poll(() => asked(core)).toEqual([join, join]);
  });
});

describe('the thread of a group', () => {
  it('says who wrote what, and what happened as a line that is read once', async () => {
    const core = withGroup();
    core.addMessage(GROUP, { author: BOB, text: 'Who brings the rope?' });
    const rope = core.addMessage(GROUP, { author: CAROL, text: 'I do.' });
    core.addMessage(GROUP, { author: CAROL, text: 'And tape.' });
    core.addMessage(GROUP, {
      ...{ direction: 'out', text: 'Fine.', status: 'displayed' },
      reach: { total: 3, delivered: 3, displayed: 2, failed: 0 },
    });
    core.addMessage(GROUP, {
      ...{ author: DAVE, text: 'Good.' },
      quote: { messageId: rope.id, direction: 'in', kind: 'text', author: CAROL, text: 'I do.' },
    });
    const { page, complaints } = await show(core);
    await page.getByRole('button', { name: /Saturday climb.*Dave Dunn: Good\./ }).waitFor();
    await openGroup(page);
    const log = page.getByRole('log', { name: 'Messages in Saturday climb' });
    await expect.poll(() => log.locator('.picture + .name').allInnerTexts()).toEqual(['Bob Baker', 'Carol Clark', 'Dave Dunn']);
    await log
      .getByRole('article', { name: /^Carol Clark, / })
      .first()
      .waitFor();
    await log.getByText('Seen by 2 of 3').waitFor();
    await log.locator('.quote').getByText('Carol Clark').waitFor();
    happened(core, 'joined', [ERIN]);
    await expect.poll(() => page.locator('[data-announcement]').textContent()).toBe('Erin Eck joined.');
    const others = ['Frank', 'Gina', 'Hal'].map((name) => ({ address: `sip:${name}@example.com`, name }));
    for (const each of others) happened(core, 'joined', [each]);
    await log.getByText('Erin Eck, Frank and 2 others joined.').waitFor();
    await log.getByRole('button', { name: 'Show all' }).click();
    await log.getByText('Erin Eck, Frank, Gina and Hal joined.').waitFor();
    happened(core, 'removed', [DAVE], BOB);
    await log.getByText('Bob Baker removed Dave Dunn.').waitFor();
    core.tell('typing.changed', { peer: 'group:climb', who: BOB, typing: true });
    core.tell('typing.changed', { peer: 'group:climb', who: CAROL, typing: true });
    await page.getByRole('status').getByText('Bob Baker and Carol Clark are typing').waitFor();
    // the arrows pass every line
    await log.focus();
    await page.keyboard.press('ArrowUp');
    await expect.poll(() => focused(page)).toBe('Bob Baker removed Dave Dunn.');
    await page.keyboard.press('ArrowUp');
    await expect.poll(() => focused(page)).toContain('joined');
    expect(await serious(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('R-CF-05 says why a group takes no files, where they would be picked', async () => {
    const core = withGroup();
    core.groups.change(GROUP, { takesFiles: false });
    const { page } = await show(core);
    await openGroup(page);
    const attach = page.getByRole('button', { name: 'Attach files. This group does not take files.' });
    await expect.poll(() => attach.getAttribute('aria-disabled')).toBe('true');
    await attach.click({ force: true });
    expect(core.callsOf('files.choose')).toEqual([]);
  });
});

describe('the details of a group', () => {
  it('R-GI-02 show who is in, asked and gone, their roles and who is blocked, live', async () => {
    const core = withGroup();
    const { page, complaints } = await show(core);
    await openGroup(page);
    await page.getByRole('button', { name: 'Group details' }).press('Enter');
    const rows = pane(page).locator('[data-person] .names');
    await expect
      .poll(() => rows.allInnerTexts())
      .toEqual([
        'Alice Archer (you)',
        'Bob Baker\nModerator',
        'Carol Clark\nBlocked',
        'Dave Dunn\nInvited, no answer yet',
        'Erin Eck\nLeft',
      ]);
    core.groups.change(GROUP, { participants: [ME, participant(DAVE)] });
    await expect.poll(() => rows.allInnerTexts()).toEqual(['Alice Archer (you)', 'Dave Dunn']);
    await pane(page).getByText('In the group (2)').waitFor();
    expect(await serious(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await expect.poll(() => pane(page).count()).toBe(0);
    await expect.poll(() => field(page).evaluate((each) => each === document.activeElement)).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('R-GM-15 add people as long as there is room, and say why not where there is none', async () => {
    const core = withGroup();
    const { page } = await show(core);
    await openGroup(page);
    await page.getByRole('button', { name: 'Group details' }).click();
    await pane(page).getByRole('button', { name: 'Add people…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add people to Saturday climb' });
    await dialog.getByText('4 of 6 people in the group').waitFor();
    await page.keyboard.type('erin,frank@example.com,gina@example.com,');
    await dialog.getByRole('alert').getByText('This group has at most 6 people.').waitFor();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Enter');
    await expect.poll(() => dialog.count()).toBe(0);
    await expect
      .poll(() => asked(core))
      .toEqual([{ 'groups.add': { conversationId: GROUP, addresses: [ERIN.address, 'sip:frank@example.com'] } }]);
    await expect.poll(() => focused(page)).toBe('Add people…');
    core.groups.change(GROUP, { closed: true });
    await pane(page).getByText('Nobody can be added to this group.').waitFor();
    expect(await pane(page).getByRole('button', { name: 'Add people…' }).isDisabled()).toBe(true);
    core.groups.change(GROUP, { closed: false, limit: 4 });
    await pane(page).getByText('The group has as many people as it can have (4).').waitFor();
  });

  it('R-GM-26 take several people out with one question and one request, by the keyboard', async () => {
    const core = withGroup();
    const { page } = await show(core);
    await openGroup(page);
    await page.getByRole('button', { name: 'Group details' }).click();
    await pane(page).getByRole('button', { name: 'Remove people…' }).press('Enter');
    await pane(page).locator('[data-person][tabindex="0"]').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Space');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Space');
    await pane(page).getByText('2 selected').waitFor();
    expect(await serious(page)).toEqual([]);
    await pane(page).getByRole('button', { name: 'Remove…' }).press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Remove Bob Baker and Dave Dunn' });
    await dialog.getByText('everybody in the group sees that they were removed').waitFor();
    await dialog.getByRole('button', { name: 'Remove', exact: true }).press('Enter');
    await expect.poll(() => asked(core)).toEqual([{ 'groups.remove': { conversationId: GROUP, entities: [BOB.address, DAVE.address] } }]);
    await pane(page).locator(`[data-person="${CAROL.address}"]`).press('Enter');
    await page.getByRole('menuitem', { name: 'Remove from the group…' }).press('Enter');
    await page.getByRole('dialog', { name: 'Remove Carol Clark' }).getByRole('button', { name: 'Cancel' }).press('Enter');
    expect(core.groups.asked).toHaveLength(1);
  });

  it('end with leaving, which says what it means first', async () => {
    const core = withGroup();
    const { page } = await show(core);
    await openGroup(page);
    await page.getByRole('button', { name: 'Conversation actions' }).click();
    await page.getByRole('menuitem', { name: 'Leave group…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Leave Saturday climb' });
    await dialog.getByText('The others see that you left.').waitFor();
    await dialog.getByRole('button', { name: 'Leave group' }).click();
    await expect.poll(() => asked(core)).toEqual([{ 'groups.leave': { conversationId: GROUP } }]);
  });

  it('hold 500 people and show those that are on screen', async () => {
    const core = withGroup();
    const many = Array.from({ length: 499 }, (_, n) =>
      participant({ address: `sip:p${n}@example.com`, name: `Person ${String(n).padStart(3, '0')}` }),
    );
    core.groups.change(GROUP, { limit: 500, participants: [ME, ...many] });
    const { page } = await show(core);
    await openGroup(page);
    await page.getByText('500 people').waitFor();
    await page.getByRole('button', { name: 'Group details' }).click();
    await pane(page).getByText('In the group (500)').waitFor();
    expect(await pane(page).locator('[data-person]').count()).toBeLessThan(60);
    await pane(page).locator('[data-person][tabindex="0"]').focus();
    await page.keyboard.press('End');
    await expect.poll(() => focused(page)).toContain('Person 498');
    await page.keyboard.press('Home');
    await expect.poll(() => focused(page)).toContain('Alice Archer (you)');
  });
});

describe.each([{ dark: false }, { dark: true }])('for everybody, dark: $dark', ({ dark }) => {
  it('a group with names of any length and direction has no serious violation that axe finds, also in a small window', async () => {
    const core = withGroup();
    const long = { address: 'sip:long@example.com', name: 'Wolkenstein '.repeat(30).slice(0, 320) };
    const erin = { address: 'sip:erin@example.com', name: 'ארין כהן' };
    core.addMessage(GROUP, { author: long, text: 'Fine.' });
    core.addMessage(GROUP, { author: erin, text: 'שלום' });
    happened(core, 'left', [erin]);
    core.groups.change(GROUP, { participants: [ME, participant(long), participant(erin)] });
    const { page } = await show(core, { dark, width: 800, height: 600 });
    await openGroup(page);
    await page.getByText('\u2068ארין כהן\u2069 left.').waitFor();
    await page.getByRole('button', { name: 'Group details' }).click();
    await pane(page).getByText('In the group (3)').waitFor();
    expect(await serious(page)).toEqual([]);
    const widths = await page.evaluate(() => [document.body.scrollWidth, window.innerWidth]);
    expect(widths[0]).toBe(widths[1]);
  });
});
