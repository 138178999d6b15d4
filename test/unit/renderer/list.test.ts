import { beforeEach, describe, expect, it } from 'vitest';
import { addressProblem, normalAddress, plainAddress } from '../../../renderer/features/conversations/address.ts';
import { arrangement, conversationActions } from '../../../renderer/features/conversations/conversation-actions.ts';
import { Conversations } from '../../../renderer/features/conversations/conversations.svelte.ts';
import { lastLine } from '../../../renderer/features/conversations/last-line.ts';
import { HUES, hueOf, initialsOf } from '../../../renderer/ui/avatar.ts';
import { FakeCore } from '../../harness/fake-core.ts';
import { answers, coreBridge } from './core-bridge.ts';

let core: FakeCore;
let list: Conversations;

beforeEach(async () => {
  core = new FakeCore();
  for (let at = 0; at < 250; at++) core.addConversation(`sip:user${at}@example.com`, `Person ${at}`, { updatedAt: 1000 + at });
  core.addConversation('sip:zoe@example.com', 'Zoë Ångström', { updatedAt: 1 });
  list = new Conversations(coreBridge(core));
  await list.load();
});

describe('the conversation list', () => {
  it('comes by pages, newest first', async () => {
    expect(list.all.slice(0, 2).map(({ title }) => title)).toEqual(['Person 249', 'Person 248']);
    expect(list.all).toHaveLength(100);
    await Promise.all([list.loadMore(), list.loadMore()]);
    expect(list.all).toHaveLength(200);
    await list.loadMore();
    expect(list.all).toHaveLength(251);
    expect(list.more).toBe(false);
  });

  it('moves a conversation up when something happens in it', () => {
    const conversation = core.conversations.get(1);
    if (conversation !== undefined) list.apply({ ...conversation, updatedAt: 9999, unread: 3 });
    expect(list.all[0]).toMatchObject({ id: 1, unread: 3 });
    expect(list.unread).toBe(3);
  });

  it('finds by name and address, without case and accents, also on pages not loaded yet', async () => {
    list.filter = 'zoe angstrom';
    for (let round = 0; round < 10; round++) await answers();
    expect(list.shown.map(({ title }) => title)).toEqual(['Zoë Ångström']);
    list.filter = 'USER7@';
    expect(list.shown.map(({ title }) => title)).toEqual(['Person 7']);
  });

  it('goes to the next and the previous, and stays at the ends', () => {
    expect(list.neighbour(1)?.title).toBe('Person 249');
    list.selectedId = list.all[0]?.id ?? null;
    expect(list.neighbour(-1)?.title).toBe('Person 249');
    expect(list.neighbour(1)?.title).toBe('Person 248');
  });
});

describe('an arranged list', () => {
  it('has pinned ones first and archived ones apart, also on pages not loaded yet', async () => {
    const change = (id: number, more: object): void => {
      const conversation = core.conversations.get(id);
      if (conversation !== undefined) core.conversations.set(id, { ...conversation, ...more });
    };
    change(1, { pinned: true });
    for (let id = 2; id <= 151; id++) change(id, { archived: true });
    list = new Conversations(coreBridge(core));
    await list.load();
    expect(list.all.slice(0, 2).map(({ id }) => id)).toEqual([1, 250]);
    expect(list.archived).toHaveLength(100);
    list.showsArchived = true;
    await list.loadMore();
    expect(list.shown).toHaveLength(150);
    list.filter = 'person 1';
    expect(list.shown.some(({ archived }) => archived)).toBe(true);
  });

  it('leaves the archive when nothing is left in it, and drops what was deleted', () => {
    const [first, second] = list.all;
    if (first === undefined || second === undefined) throw new Error('no list');
    list.apply({ ...first, archived: true });
    list.showsArchived = true;
    expect(list.shown.map(({ id }) => id)).toEqual([first.id]);
    list.apply(first);
    expect(list.showsArchived).toBe(false);
    list.drop(second.id);
    expect(list.all.some(({ id }) => id === second.id)).toBe(false);
  });

  it('offers what changes something', () => {
    const conversation = core.addConversation('sip:bob@example.com', 'Bob');
    const last = { author: '', direction: 'in', kind: 'text', text: 'x', status: 'read', transferState: null, asks: false } as const;
    const actions = (more: object) => conversationActions({ ...conversation, ...more }, 1000);
    const rest = ['files', 'askFile', 'extend', 'mute', 'details', 'rename', 'block', 'remove'];
    expect(actions({})).toEqual(['pin', 'archive', ...rest]);
    expect(actions({ last, pinned: true })).toEqual(['unpin', 'archive', 'markUnread', ...rest]);
    expect(actions({ last, archived: true, markedUnread: true })).toEqual(['pin', 'unarchive', 'markRead', ...rest]);
    expect(actions({ last, unread: 2 })).toEqual(['pin', 'archive', ...rest]);
    expect(actions({ mutedUntil: 1001, blocked: true })).toEqual([
      'pin',
      'archive',
      'files',
      'unmute',
      'details',
      'rename',
      'unblock',
      'remove',
    ]);
    expect(actions({ mutedUntil: 1000, kind: 'list' })).toEqual(['pin', 'archive', 'files', 'mute', 'details', 'rename', 'remove']);
    expect(actions({ request: true })).toEqual(['accept', 'details', 'block', 'remove']);
    expect(actions({ request: true, blocked: true })).toEqual(['unblock', 'details', 'remove']);
    expect(arrangement('unarchive')).toEqual({ archived: false });
    expect(arrangement('remove')).toBeNull();
  });
});

describe('the last line of a row', () => {
  const conversation = () => core.addConversation('sip:bob@example.com', 'Bob');
  const last = { author: '', direction: 'out', kind: 'text', text: 'Hello', status: 'sent', transferState: null, asks: false } as const;

  it.each([
    ['in', 'offered', 'plan.pdf', { label: 'Offers:', text: 'plan.pdf', tone: 'accent' }],
    ['out', 'offering', 'plan.pdf', { label: 'You:', text: 'File: plan.pdf', tone: 'plain' }],
    ['in', 'transferring', 'plan.pdf', { label: '', text: 'File: plan.pdf', tone: 'plain' }],
    ['out', 'paused', 'plan.pdf', { label: 'Paused:', text: 'plan.pdf', tone: 'plain' }],
    ['in', 'interrupted', 'plan.pdf', { label: 'Interrupted:', text: 'plan.pdf', tone: 'failed' }],
    ['in', 'quarantined', 'plan.pdf', { label: 'In quarantine:', text: 'plan.pdf', tone: 'failed' }],
    ['in', 'failed', 'plan.pdf', { label: 'Not received:', text: 'plan.pdf', tone: 'failed' }],
  ] as const)('of a file (%s) that is %s (%j) says so', (direction, transferState, text, line) => {
    const file = {
      direction,
      kind: 'file',
      text,
      status: direction === 'in' ? 'read' : 'sending',
      transferState,
      author: '',
      asks: false,
    } as const;
    expect(lastLine({ ...conversation(), last: file }, false)).toEqual(line);
  });

  it.each([
    ['plan.pdf', 'plan.pdf'],
    ['', 'Any file'],
  ])('of a file that is asked for (%j) says so', (name, text) => {
    const wish = {
      direction: 'in',
      kind: 'file',
      text: name,
      status: 'received',
      transferState: 'offered',
      author: '',
      asks: true,
    } as const;
    expect(lastLine({ ...conversation(), last: wish }, false)).toEqual({ label: 'Asks for:', text, tone: 'accent' });
  });

  it('puts the draft first, then a failure', () => {
    const failed = { ...last, status: 'failed' as const };
    const declined = { ...failed, kind: 'file', transferState: 'declined' } as const;
    expect(lastLine({ ...conversation(), last: declined }, false).label).toBe('Declined:');
    expect(lastLine({ ...conversation(), draft: 'Hm', last: failed }, false)).toMatchObject({ label: 'Draft:', text: 'Hm' });
    expect(lastLine({ ...conversation(), draft: 'Hm', last: failed }, true)).toMatchObject({
      label: 'Not sent:',
      text: 'Hello',
      tone: 'failed',
    });
  });

  it('says who wrote, and that it is a file', () => {
    expect(lastLine({ ...conversation(), last }, false)).toMatchObject({ label: 'You:', text: 'Hello' });
    expect(lastLine({ ...conversation(), last: { ...last, direction: 'in', kind: 'file', text: 'a.pdf' } }, false)).toMatchObject({
      label: '',
      text: 'File: a.pdf',
    });
    expect(lastLine(conversation(), false).text).toBe('No messages yet');
  });

  it.each([
    ['sms', 'You, as SMS:'],
    ['mms', 'You, as MMS:'],
    ['email', 'You, as e-mail:'],
    ['other', 'You, passed on:'],
  ] as const)('R-PF-45: says that the last one left by another service: %s', (leftBy, label) => {
    expect(lastLine({ ...conversation(), last: { ...last, status: 'delivered', leftBy } }, false)).toMatchObject({ label, text: 'Hello' });
  });
});

describe('an address', () => {
  it.each([
    ['bob@example.com', 'sip:bob@example.com'],
    ['  sip:bob@example.com ', 'sip:bob@example.com'],
    ['+49 (30) 123-4567', 'tel:+49301234567'],
    ['tel:+4930', 'tel:+4930'],
  ])('%s is understood as %s', (text, address) => {
    expect(normalAddress(text)).toBe(address);
    expect(addressProblem(text, 'sip:alice@example.com')).toBeNull();
  });

  it.each([
    ['', 'missing'],
    ['   ', 'missing'],
    ['bob', 'invalid'],
    ['bob baker@example.com', 'invalid'],
    ['<sip:bob@example.com>', 'invalid'],
    ['tel:bob', 'invalid'],
    ['alice@example.com', 'self'],
    ['SIP:Alice@example.com', 'self'],
  ])('%j is %s', (text, problem) => {
    expect(addressProblem(text, 'sip:alice@example.com')).toBe(problem);
  });

  it('is read without its scheme', () => {
    expect(plainAddress('sip:bob@example.com')).toBe('bob@example.com');
  });
});

describe('an avatar', () => {
  it('has the initials of the first and the last word', () => {
    expect(
      ['Bob Baker', 'Anna Maria van Dyk', 'zoë', 'bob.baker@example.com', 'sip:carol@example.com', '(Émile) Zola', '???'].map(initialsOf),
    ).toEqual(['BB', 'AD', 'Z', 'BB', 'C', 'ÉZ', '#']);
  });

  it('has one hue per address, and all hues are used', () => {
    expect(hueOf('sip:Bob@example.com')).toBe(hueOf('sip:bob@example.com'));
    const hues = new Set(Array.from({ length: 300 }, (_, at) => hueOf(`sip:user${at}@example.com`)));
    expect(hues.size).toBe(HUES);
  });
});
