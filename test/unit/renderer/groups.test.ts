import { beforeEach, describe, expect, it } from 'vitest';
import { App } from '../../../renderer/app/app.svelte.ts';
import { conversationActions } from '../../../renderer/features/conversations/conversation-actions.ts';
import { lastLine } from '../../../renderer/features/conversations/last-line.ts';
import { eventLine, newPart } from '../../../renderer/features/groups/event-words.ts';
import { barOf } from '../../../renderer/features/groups/group-bar.ts';
import { countLine, invitationLine, namesLine, othersOf, typingLine } from '../../../renderer/features/groups/group-names.ts';
import { isRemovable, rosterLines, stateLine, whyNoAdding, whyNoRemoving } from '../../../renderer/features/groups/roster.ts';
import { Recipients } from '../../../renderer/features/recipients/recipients.svelte.ts';
import { buildRows } from '../../../renderer/features/thread/rows.ts';
import { ParleyError } from '../../../shared/base/errors.ts';
import type { Group, GroupEvent, Participant } from '../../../shared/model/group.ts';
import { companyTitle, GROUP_EVENTS } from '../../../shared/model/group.ts';
import type { Message } from '../../../shared/model/message.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { answers, coreBridge, MapStorage } from './core-bridge.ts';

const OWN = 'sip:alice@example.com';
const PLACE = { own: OWN, participants: [], inGroup: true };
const member = (name: string) => ({ address: `sip:${name.toLowerCase()}@example.com`, name });
const [BOB, CAROL, DAVE, ERIN] = ['Bob', 'Carol', 'Dave', 'Erin'].map(member) as [Member, Member, Member, Member];
type Member = ReturnType<typeof member>;
const MINUTE = 60_000;

function participant(name: string, more: Partial<Participant> = {}): Participant {
  const { address } = member(name);
  return { entity: address, address, name, presence: 'in', isSelf: false, roles: ['participant'], blocked: false, ...more };
}

const ME = participant('Alice', { isSelf: true });

function group(more: Partial<Group> = {}): Group {
  return {
    ...{ conversationId: 1, standing: 'member', session: 'open', subject: '', invitedBy: null, address: null, participants: [ME] },
    ...{ limit: 4, closed: false, takesFiles: true, error: null },
    ...more,
  };
}

describe('a line about a group', () => {
  const line = (what: GroupEvent['what'], people: readonly Member[], by: Member | null = null) => eventLine({ what, people, by }, PLACE);
  const alice = member('Alice');

  it('names this person as you, wherever it stands', () => {
    expect(line('joined', [])).toBe('You joined');
    expect(line('joined', [alice])).toBe('You joined');
    expect(line('removed', [], BOB)).toBe('Bob removed you');
    expect(line('removed', [CAROL], alice)).toBe('You removed Carol');
    expect(line('invited', [CAROL, alice], BOB)).toBe('Bob asked you and Carol into the group');
    expect(line('created', [BOB, CAROL, DAVE], alice)).toBe('You made this group with Bob, Carol and Dave');
    expect(line('over', [])).toBe('The group has ended');
  });

  it('says what is known where nobody knows who did it', () => {
    expect(line('removed', [BOB])).toBe('Bob was removed');
    expect(line('removed', [])).toBe('You were removed');
    expect(line('invited', [BOB, CAROL])).toBe('Bob and Carol were asked into the group');
    expect(line('not-reached', [BOB])).toBe('Bob could not be reached');
  });

  it('names a few and counts the others, unless all are wanted', () => {
    const people = ['Bob', 'Carol', 'Dave', 'Erin', 'Frank'].map(member);
    const event: GroupEvent = { what: 'joined', people, by: null };
    expect(eventLine(event, PLACE)).toBe('Bob, Carol and 3 others joined');
    expect(eventLine(event, PLACE, Number.POSITIVE_INFINITY)).toBe('Bob, Carol, Dave, Erin and Frank joined');
  });

  it.each(GROUP_EVENTS)('of kind %s is whole for nobody, for one and for many, with and without who did it', (what) => {
    for (const people of [[], [BOB], [BOB, CAROL, DAVE, ERIN]]) {
      for (const by of [null, CAROL, alice]) expect(line(what, people, by)).toMatch(/^[A-Z].*[^\s.]$/);
    }
  });

  it('keeps names from turning it round, and cuts one that is longer than a line', () => {
    const erin = { address: 'sip:erin@example.com', name: 'ארין' };
    expect(line('left', [erin])).toBe('\u2068ארין\u2069 left');
    expect(line('left', [{ address: 'sip:long@example.com', name: 'x'.repeat(320) }])).toHaveLength(60 + '… left'.length);
    expect(line('left', [{ address: 'sip:nameless@example.com', name: '' }])).toBe('nameless@example.com left');
  });

  it('calls people as the roster does, whatever they were called when it happened', () => {
    const place = { ...PLACE, participants: [participant('Bob', { name: 'Bob Baker' })] };
    expect(eventLine({ what: 'joined', people: [{ ...BOB, name: 'bob' }, CAROL], by: null }, place)).toBe('Bob Baker and Carol joined');
  });

  it('of a group that grew out of a conversation says so in both', () => {
    const event: GroupEvent = { what: 'extended', people: [BOB, CAROL], by: null };
    expect(eventLine(event, { ...PLACE, inGroup: false })).toBe('A group was made with Bob and Carol');
    expect(eventLine(event, PLACE)).toBe('It goes on from a conversation of two');
  });

  it('that grows is told by what is new in it', () => {
    const before: GroupEvent = { what: 'joined', people: [BOB], by: null };
    expect(newPart(before, { ...before, people: [BOB, CAROL] })?.people).toEqual([CAROL]);
    expect(newPart(before, before)).toBeNull();
  });
});

describe('the rows of a group', () => {
  const core = new FakeCore({ now: () => 1_750_000_000_000 });
  const { id } = core.addConversation('group:abc', 'Climb', { kind: 'group', standing: 'member' });
  const at = (minutes: number) => ({ sentAt: 1_750_000_000_000 + minutes * MINUTE, storedAt: 1_750_000_000_000 + minutes * MINUTE });
  const said = (author: Member, minutes: number) => core.addMessage(id, { author, text: 'x', ...at(minutes) });
  const event = (what: GroupEvent['what'], people: readonly Member[], minutes: number) =>
    core.addMessage(id, { kind: 'event', text: '', event: { what, people, by: null }, ...at(minutes) });
  const rows = (messages: readonly Message[], unread: number | null = null) => buildRows(messages, [], unread, new Set());

  it('keep the senders apart, each with one name', () => {
    const shown = rows([said(BOB, 0), said(BOB, 1), said(CAROL, 2), said(BOB, 3)]);
    expect(shown.map(({ startsGroup }) => startsGroup)).toEqual([true, false, true, true]);
    expect(shown.map(({ endsGroup }) => endsGroup)).toEqual([false, true, true, true]);
    expect(shown[2]?.author).toEqual(CAROL);
  });

  it('fold what happened in a row into one line, which stands between the senders', () => {
    const shown = rows([said(BOB, 0), event('joined', [CAROL], 1), event('joined', [DAVE], 1), event('left', [ERIN], 1), said(BOB, 2)]);
    expect(shown.map((row) => row.event?.people.map(({ name }) => name) ?? null)).toEqual([null, ['Carol', 'Dave'], ['Erin'], null]);
    expect(shown.map(({ startsGroup }) => startsGroup)).toEqual([true, true, true, true]);
  });

  it('fold nothing about this person', () => {
    expect(rows([event('joined', [], 1), event('joined', [BOB], 1)])).toHaveLength(2);
  });

  it('have "New messages" above what somebody wrote, never above a line alone', () => {
    const asked = event('invited', [], 1);
    expect(rows([asked], asked.id).some(({ firstUnread }) => firstUnread)).toBe(false);
    expect(rows([asked, said(BOB, 2)], asked.id).map(({ firstUnread }) => firstUnread)).toEqual([false, true]);
  });
});

describe('the roster', () => {
  it('has this person first, then who is in and who is asked, and apart from them who is not', () => {
    const lines = rosterLines([
      participant('Zed', { presence: 'left' }),
      participant('Erin'),
      participant('Carol', { presence: 'invited' }),
      participant('Bob'),
      ME,
      participant('Dave', { presence: 'declined' }),
    ]);
    const shown = lines.map((line) => (line.kind === 'heading' ? line.text : line.who.name));
    expect(shown).toEqual(['In the group (3)', 'Alice', 'Bob', 'Erin', 'Invited (1)', 'Carol', 'Not in the group (2)', 'Dave', 'Zed']);
  });

  it('says where somebody stands and what they are beside a participant', () => {
    expect(stateLine(participant('Bob'))).toBe('');
    expect(stateLine(participant('Bob', { presence: 'not-reached' }))).toBe('Could not be reached');
    expect(stateLine(participant('Bob', { roles: ['participant', 'moderator'] }))).toBe('Moderator');
  });

  it('R-GM-15 tells before anything is sent why nobody can be added', () => {
    const four = ['Bob', 'Carol', 'Dave'].map((name) => participant(name));
    expect(whyNoAdding(group({ participants: [ME, ...four] }))).toContain('(4)');
    expect(whyNoAdding(group({ participants: [ME, ...four.slice(1), participant('Gone', { presence: 'left' })] }))).toBeNull();
    expect(whyNoAdding(group({ closed: true }))).toBe('Nobody can be added to this group.');
    expect(whyNoAdding(group({ standing: 'left' }))).toContain('Only who is in');
  });

  it('lets those be taken out who are in or asked, but for this person', () => {
    const all = [ME, participant('Bob'), participant('Carol', { presence: 'invited' }), participant('Dave', { presence: 'removed' })];
    expect(all.filter(isRemovable).map(({ name }) => name)).toEqual(['Bob', 'Carol']);
  });

  it('leaves that to its administrators where the network says who they are', () => {
    const roles = ['administrator'];
    const bob = participant('Bob', { roles });
    expect(whyNoRemoving(group({ participants: [ME, participant('Bob')] }))).toBeNull();
    expect(whyNoRemoving(group({ participants: [ME, bob] }))).toBe('Only an administrator removes people.');
    expect(whyNoRemoving(group({ participants: [{ ...ME, roles }, bob] }))).toBeNull();
  });

  it('is called after the others who are in or asked where it has no subject', () => {
    const bob = participant('Bob', { name: 'Bob Baker' });
    expect(companyTitle([ME, bob, participant('Carol', { presence: 'invited' }), participant('Dave', { presence: 'left' })])).toBe(
      'Bob Baker and Carol',
    );
    expect(companyTitle([ME, participant('Dave', { presence: 'left' })])).toBe('');
  });
});

describe('words about people', () => {
  it('say who asks into what, and with whom', () => {
    const people = ['Bob', 'Carol', 'Dave', 'Erin'].map((name) => participant(name));
    const asked = { invitedBy: BOB, subject: 'Saturday climb', participants: [ME, ...people] };
    expect(invitationLine(asked)).toBe('Bob asks you into “Saturday climb”, with Carol and 2 others');
    expect(invitationLine({ ...asked, subject: '', participants: [ME] })).toBe('Bob asks you into a group');
    expect(invitationLine({ ...asked, invitedBy: null, participants: [] })).toBe('You are asked into “Saturday climb”');
  });

  it('count who is in and who is asked', () => {
    expect(countLine({ participants: [ME] })).toBe('1 person');
    expect(countLine({ participants: [ME, participant('Bob'), participant('Carol', { presence: 'invited' })] })).toBe(
      '2 people, 1 invited',
    );
    expect(countLine({ participants: [] })).toBe('');
  });

  it('say who is typing', () => {
    expect(typingLine([BOB])).toBe('Bob is typing');
    expect(typingLine([BOB, CAROL])).toBe('Bob and Carol are typing');
    expect(typingLine([BOB, CAROL, DAVE, ERIN])).toBe('Bob, Carol and 2 others are typing');
    expect(namesLine([])).toBe('');
  });

  it('of an ended group name whom a new one is for', () => {
    const participants = [ME, participant('Bob'), participant('Carol', { presence: 'removed' }), participant('X', { address: null })];
    expect(othersOf({ participants })).toEqual([BOB]);
  });
});

describe('the foot of a group', () => {
  const at = (standing: Group['standing'], more: Partial<Group> = {}, peer = 'group:abc') =>
    barOf({ peer, standing }, group({ standing, ...more }));

  it('is the field for texts for whoever is in it, and nothing else', () => {
    expect(at('member')).toBeNull();
    expect(barOf({ peer: 'sip:bob@example.com', standing: null }, null)).toBeNull();
    expect(at('starting')).toMatchObject({ instead: false, ways: [] });
  });

  it.each([
    ['invited', ['join', 'decline']],
    ['declined', ['join']],
    ['failed', ['tryAgain', 'remove']],
    ['left', ['joinAgain']],
    ['removed', ['remove']],
    ['over', ['again', 'remove']],
  ] as const)('says that one is %s, and the way out', (standing, ways) => {
    expect(at(standing)).toMatchObject({ instead: true, ways });
  });

  it('of a group with an address leaves the field, for that is written to from outside', () => {
    const bar = at('left', {}, 'sip:club@example.com');
    expect(bar).toMatchObject({ instead: false, ways: ['joinAgain'] });
    expect(bar?.line).toContain('as single messages');
    expect(at('outside', {}, 'sip:club@example.com')?.ways).toEqual(['join', 'anonymous']);
  });

  it('R-GRP-28 offers the name where the group refused somebody without one', () => {
    const error = { code: 'peer.anonymity', detail: '433' } as const;
    expect(at('outside', { error }, 'sip:club@example.com')?.ways).toEqual(['withName']);
  });

  it('tells of a session that could not be entered, while what is written waits', () => {
    const error = { code: 'link.timeout', detail: '' } as const;
    expect(at('member', { session: 'none', error })).toMatchObject({ instead: false, ways: ['tryAgain'] });
    expect(at('member', { session: 'open', error })).toBeNull();
  });
});

describe('the list', () => {
  const core = new FakeCore();
  const row = core.addConversation('group:abc', 'Climb', { kind: 'group', standing: 'member' });
  const last = { ...core.addMessage(row.id, { author: CAROL, text: 'Hello' }), author: 'Carol', transferState: null, asks: false };

  it('says who wrote the last message, and nobody of a line about the group', () => {
    expect(lastLine({ ...row, last }, false)).toMatchObject({ label: 'Carol:', text: 'Hello' });
    const event = { ...last, kind: 'event', author: '' } as const;
    expect(lastLine({ ...row, last: { ...event, text: 'created' } }, false)).toMatchObject({ label: '', text: 'No messages yet' });
    expect(lastLine({ ...row, standing: 'removed', last: { ...event, text: 'invited' } }, false).text).toBe('You were removed');
    expect(lastLine({ ...row, standing: null, last: { ...event, text: 'extended' } }, false).text).toBe('A group was made');
    expect(lastLine({ ...row, last: { ...last, kind: 'file', text: 'a.pdf', transferState: 'done' } }, false)).toMatchObject({
      label: 'Carol:',
      text: 'File: a.pdf',
    });
  });

  it('says Invitation until it is answered, and that a group could not be made', () => {
    expect(lastLine({ ...row, last, standing: 'invited' }, false)).toMatchObject({ label: 'Invitation from Carol', tone: 'accent' });
    expect(lastLine({ ...row, last: null, standing: 'invited' }, false).label).toBe('Invitation');
    expect(lastLine({ ...row, last, standing: 'failed' }, false)).toMatchObject({ label: 'Could not be made', tone: 'failed' });
  });

  it('offers in its menu what one can do where one stands', () => {
    const actions = (standing: Group['standing']) => conversationActions({ ...row, standing }, 0);
    expect(actions('invited')).toEqual(['join', 'decline', 'details', 'remove']);
    expect(actions('member')).toEqual(expect.arrayContaining(['addPeople', 'leave']));
    expect(actions('left')).toContain('join');
    expect(actions('removed')).not.toContain('join');
    expect(conversationActions({ ...row, kind: 'person', standing: null }, 0)).toContain('extend');
  });
});

describe('picking people', () => {
  it('R-GRP-06 stops at what the account allows and keeps who was chosen; who is in the group already is not taken', () => {
    const recipients = new Recipients({ own: () => OWN, most: () => 2, people: () => [], members: () => ['sip:zed@example.com'] }, [BOB]);
    recipients.text = 'carol@example.com, dave@example.com';
    expect(recipients.commit()).toBe(false);
    expect(recipients.problem).toBe('tooMany');
    expect(recipients.chosen.map(({ address }) => address)).toEqual([BOB.address, CAROL.address]);
    recipients.remove(1);
    recipients.text = 'zed@example.com';
    expect(recipients.commit()).toBe(false);
    expect(recipients.problem).toBe('member');
  });
});

describe('the groups of the page', () => {
  let core: FakeCore;
  let app: App;

  beforeEach(async () => {
    core = new FakeCore();
    core.addConversation('sip:bob@example.com', 'Bob');
    core.addConversation('group:abc', 'Climb', { kind: 'group', standing: 'member' });
    core.groups.change(2, { participants: [ME, participant('Bob')] });
    app = new App(coreBridge(core), new MapStorage(), new ManualClock());
    await app.start();
  });

  async function open(id: number): Promise<void> {
    const conversation = app.conversations.get(id);
    if (conversation !== undefined) await app.open(conversation);
    await answers();
  }

  it('are asked for when their conversation is opened, and live from then on', async () => {
    await open(1);
    expect(core.callsOf('groups.read')).toEqual([]);
    await open(2);
    expect(app.groups.of(2)?.participants).toHaveLength(2);
    core.groups.change(2, { participants: [ME] });
    expect(app.groups.of(2)?.participants).toEqual([ME]);
  });

  it('are made with a subject or without, and opened', async () => {
    core.groups.made = 2;
    app.groups.gathering = { kind: 'create', people: [], subject: '' };
    expect(await app.groups.create('  ', [BOB.address], null)).toBeNull();
    expect(core.groups.asked).toEqual([{ method: 'groups.create', params: { subject: '', addresses: [BOB.address] } }]);
    expect(app.groups.gathering).toBeNull();
    expect(app.thread?.conversationId).toBe(2);
  });

  it('that are refused leave the dialog with its selection', async () => {
    core.groups.refusal = new ParleyError('request.too-many', '11');
    app.groups.gathering = { kind: 'create', people: [BOB], subject: 'x' };
    expect(await app.groups.create('x', [BOB.address], 1)).toMatchObject({ code: 'request.too-many' });
    expect(app.groups.gathering).not.toBeNull();
  });

  it('are left and thinned out once that was confirmed', async () => {
    const conversation = app.conversations.get(2);
    if (conversation === undefined) throw new Error('no group');
    app.groups.act('leave', conversation);
    expect(core.groups.asked).toEqual([]);
    await app.groups.confirm();
    app.groups.confirming = { kind: 'remove', conversation, people: [participant('Bob'), participant('Carol')] };
    await app.groups.confirm();
    expect(core.groups.asked).toEqual([
      { method: 'groups.leave', params: { conversationId: 2 } },
      { method: 'groups.remove', params: { conversationId: 2, entities: [BOB.address, CAROL.address] } },
    ]);
  });

  it('say in the notice what was refused, and an answer is given once', async () => {
    await open(2);
    core.groups.refusal = new ParleyError('group.over', '');
    await Promise.all([app.groups.join(2), app.groups.join(2)]);
    expect(app.notice?.code).toBe('group.over');
    expect(core.groups.asked).toHaveLength(1);
  });

  it('announce each line and who wrote what once', async () => {
    await open(2);
    const line = core.addMessage(2, { kind: 'event', text: '', event: { what: 'joined', people: [BOB], by: null } });
    core.tell('message.changed', line);
    expect(app.thread?.announcement).toBe('Bob joined.');
    core.change(line, { event: { what: 'joined', people: [BOB, CAROL], by: null } });
    expect(app.thread?.announcement).toBe('Carol joined.');
    core.tell('message.changed', core.addMessage(2, { author: CAROL, text: 'Hello', status: 'received' }));
    expect(app.thread?.announcement).toBe('Carol: Hello');
  });

  it('know each of those who are typing', async () => {
    core.tell('typing.changed', { peer: 'group:abc', who: BOB, typing: true });
    core.tell('typing.changed', { peer: 'group:abc', who: CAROL, typing: true });
    core.tell('typing.changed', { peer: 'group:abc', who: BOB, typing: false });
    expect(app.typing.in('group:abc')).toEqual([CAROL]);
    core.tell('typing.changed', { peer: 'group:abc', who: CAROL, typing: false });
    expect(app.typing.has('group:abc')).toBe(false);
  });
});
