import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Group, Presence } from '../../shared/model/group.ts';
import type { Message } from '../../shared/model/message.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
let people: TwoPeople;
let carol: Person;
beforeAll(async () => {
  people = await twoPeople(folder, { guests: ['carol', 'dave'] });
  carol = await people.device('carol', 'carol');
});
afterAll(() => people?.close());

const say = (person: Person, conversationId: number, text: string): Promise<Message> =>
  person.call['messages.sendText']({ conversationId, clientId: randomToken(24), text });
const became = (at: Person, sent: Message, status: Message['status']): Promise<Message> =>
  at.seesMessage((message) => message.imdnId === sent.imdnId && message.status === status);
const textsAt = async (person: Person, conversationId: number): Promise<string[]> =>
  (await person.history(conversationId)).filter(({ kind }) => kind === 'text').map(({ text }) => text);
const linesAt = async (person: Person, conversationId: number): Promise<string[]> =>
  (await person.history(conversationId)).flatMap(({ event }) =>
    event === null ? [] : [`${event.what} ${event.people.map(({ name }) => name).join(' ')}`.trim()],
  );
const presenceOf = ({ participants }: Group, name: string): Presence | undefined =>
  participants.find((participant) => participant.name.toLowerCase() === name)?.presence;

/** The group that this person hears of first with that subject. */
const invitedTo = (person: Person, subject: string): Promise<Group> =>
  person.sees('group.changed', (group) => group.subject === subject && group.standing === 'invited');
const memberOf = (person: Person, subject: string): Promise<Group> =>
  person.sees('group.changed', (group) => group.subject === subject && group.standing === 'member' && group.session === 'open');

/** Alice makes it, the others come in. */
async function groupOf(subject: string, ...others: Person[]): Promise<number[]> {
  const { alice } = people;
  const { conversationId } = await alice.call['groups.create']({ subject, addresses: others.map(({ address }) => address) });
  const ids = [conversationId];
  for (const other of others) {
    const { conversationId: id } = await invitedTo(other, subject);
    await other.call['groups.join']({ conversationId: id });
    await memberOf(other, subject);
    ids.push(id);
  }
  await alice.sees('group.changed', (group) => {
    return group.conversationId === conversationId && group.participants.filter(({ presence }) => presence === 'in').length > others.length;
  });
  return ids;
}

describe('a group', () => {
  test('R-GRP-01 … 12: is made, its people are asked, come in and talk, and know what became of what they said', async () => {
    const { alice, bob } = people;
    const [a, b, c] = (await groupOf('Saturday climb', bob, carol)) as [number, number, number];
    const sent = await say(alice, a, 'Bring two ropes.');
    await became(alice, sent, 'delivered');
    const heard = await bob.seesMessage(({ text, direction }) => text === 'Bring two ropes.' && direction === 'in');
    expect(heard.author).toMatchObject({ address: alice.address, name: 'Alice' });
    await became(carol, sent, 'received');
    const info = await alice.call['messages.info']({ messageId: sent.id });
    expect(info.recipients.map(({ name, status }) => `${name.toLowerCase()} ${status}`)).toEqual(['bob delivered', 'carol delivered']);
    expect(info.message.reach).toEqual({ total: 2, delivered: 2, displayed: 0, failed: 0 });
    await bob.call['conversations.markRead']({ conversationId: b, upTo: heard.id });
    await alice.seesMessage(({ imdnId, reach }) => imdnId === sent.imdnId && reach?.displayed === 1);
    const answer = await say(carol, c, 'Got one, 60 m.');
    await became(carol, answer, 'delivered');
    expect(await textsAt(alice, a)).toEqual(['Bring two ropes.', 'Got one, 60 m.']);
    expect(await linesAt(alice, a)).toEqual(['created Bob carol', 'joined Bob carol']);
    const group = await alice.call['groups.read']({ conversationId: a });
    expect([group.standing, group.session, presenceOf(group, 'bob'), presenceOf(group, 'carol')]).toEqual(['member', 'open', 'in', 'in']);
  });

  test('says who is typing', async () => {
    const { alice, bob } = people;
    const [a, b] = (await groupOf('Typing', bob)) as [number, number];
    await bob.call['typing.set']({ conversationId: b, typing: true });
    const { who, peer } = await alice.sees('typing.changed', ({ typing, who }) => typing && who?.address === bob.address);
    expect([who?.name, peer]).toEqual([
      'Bob',
      (
        await alice.call['conversations.open']({ address: bob.address }).then(() =>
          alice.call['conversations.details']({ conversationId: a }),
        )
      ).conversation.peer,
    ]);
    await say(bob, b, 'there');
    await alice.sees('typing.changed', ({ typing, who }) => !typing && who?.address === bob.address);
  });
});
