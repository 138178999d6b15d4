import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Group } from '../../shared/model/group.ts';
import type { Message } from '../../shared/model/message.ts';
import { became, invitedTo, linesAt, memberOf, presenceOf, say, textsAt } from '../harness/group-talk.ts';
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

  test('R-V20-08: says who is typing', async () => {
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

describe('somebody', () => {
  test('R-GRP-05, R-GRP-06: too many are told before anybody is asked', async () => {
    const { alice } = people;
    const addresses = Array.from({ length: 11 }, (_, at) => `sip:friend${at}@parley.example`);
    await expect(alice.call['groups.create']({ subject: 'Crowd', addresses })).rejects.toMatchObject({ code: 'request.too-many' });
    expect(alice.said.filter((request) => request.includes('friend1@'))).toEqual([]);
  });

  test('who was not there gets all of it when he comes, in order, once', async () => {
    const { alice, bob } = people;
    const subject = 'Late';
    const { conversationId: a } = await alice.call['groups.create']({ subject, addresses: [bob.address, 'sip:dave@parley.example'] });
    const { conversationId: b } = await invitedTo(bob, subject);
    await bob.call['groups.join']({ conversationId: b });
    await memberOf(bob, subject);
    const said = Array.from({ length: 20 }, (_, at) => `text ${at}`);
    for (const text of said.slice(0, 10)) await became(bob, await say(alice, a, text), 'received');
    for (const text of said.slice(10)) await became(alice, await say(bob, b, text), 'received');
    const dave = await people.device('dave', 'dave');
    const { conversationId: d, invitedBy } = await invitedTo(dave, subject);
    expect(invitedBy?.address).toBe(alice.address);
    await dave.call['groups.join']({ conversationId: d });
    await dave.seesMessage(({ text }) => text === 'text 19');
    expect(await textsAt(dave, d)).toEqual(said);
    await dave.client.stop();
    const more = await say(alice, a, 'while he was away again');
    await became(bob, more, 'received');
    await dave.client.start();
    await dave.seesMessage(({ text }) => text === 'while he was away again');
    expect(await textsAt(dave, d)).toEqual([...said, 'while he was away again']);
    await became(alice, more, 'delivered');
    expect(
      dave.told.filter(({ event, payload }) => event === 'group.changed' && (payload as Group).standing === 'invited').length,
    ).toBeGreaterThan(0);
    expect((await dave.call['conversations.page']({ limit: 50 })).items.filter(({ title }) => title === subject)).toHaveLength(1);
  });

  test('who declines, leaves or is taken out is out, and the others are told', async () => {
    const { alice, bob } = people;
    const subject = 'Coming and going';
    const { conversationId: a } = await alice.call['groups.create']({ subject, addresses: [bob.address, carol.address] });
    const { conversationId: b } = await invitedTo(bob, subject);
    await bob.call['groups.decline']({ conversationId: b });
    await alice.sees('group.changed', (group) => group.conversationId === a && presenceOf(group, 'bob') === 'declined');
    const { conversationId: c } = await invitedTo(carol, subject);
    await carol.call['groups.join']({ conversationId: c });
    const carolIsIn = await alice.sees('group.changed', (group) => group.conversationId === a && presenceOf(group, 'carol') === 'in');
    await alice.call['groups.remove']({
      conversationId: a,
      entities: carolIsIn.participants.filter(({ address }) => address === carol.address).map(({ entity }) => entity),
    });
    await carol.sees('group.changed', (group) => group.conversationId === c && group.standing === 'removed');
    await alice.sees('group.changed', (group) => group.conversationId === a && presenceOf(group, 'carol') === 'removed');
    await expect(say(carol, c, 'still here?')).rejects.toMatchObject({ code: 'group.not-member' });
    await expect(carol.call['groups.join']({ conversationId: c })).rejects.toMatchObject({ code: 'group.not-member' });
    bob.told.length = 0;
    carol.told.length = 0;
    await alice.call['groups.add']({ conversationId: a, addresses: [bob.address, carol.address] });
    for (const [person, id] of [
      [bob, b],
      [carol, c],
    ] as const) {
      await person.sees('conversation.changed', ({ id: which, standing }) => which === id && standing === 'invited');
      person.told.length = 0;
      await person.call['groups.join']({ conversationId: id });
      await person.sees('group.changed', (group) => group.conversationId === id && group.standing === 'member' && group.session === 'open');
    }
    await became(carol, await say(bob, b, 'back'), 'received');
    await bob.call['groups.leave']({ conversationId: b });
    expect(bob.said.find((request) => request.startsWith('BYE') && request.includes('Call completed'))).toContain(
      'SIP;cause=200;text="Call completed"',
    );
    await alice.sees('group.changed', (group) => group.conversationId === a && presenceOf(group, 'bob') === 'left');
    expect((await bob.call['groups.read']({ conversationId: b })).standing).toBe('left');
    await became(carol, await say(alice, a, 'without Bob'), 'received');
    expect(await textsAt(bob, b)).toEqual(['back']);
    expect(await linesAt(alice, a)).toEqual(
      expect.arrayContaining(['created Bob carol', 'declined Bob', 'joined carol', 'removed carol', 'left Bob']),
    );
    expect(await linesAt(carol, c)).toEqual(expect.arrayContaining(['invited', 'joined', 'removed']));
  });

  test('who comes back is in without a question, and nothing is missing', async () => {
    const { alice, bob } = people;
    const [a, b] = (await groupOf('Restart', bob, carol)) as [number, number, number];
    await bob.client.stop();
    const missed = await say(alice, a, 'while Bob was away');
    await became(carol, missed, 'received');
    bob.told.length = 0;
    await bob.client.start();
    await bob.seesMessage(({ imdnId, status }) => imdnId === missed.imdnId && status === 'received');
    await memberOf(bob, 'Restart');
    expect(await textsAt(bob, b)).toEqual(['while Bob was away']);
    await became(alice, missed, 'delivered');
    expect((await bob.call['conversations.page']({ limit: 50 })).items.filter(({ title }) => title === 'Restart')).toHaveLength(1);
  });

  test('two who lose the network while 200 texts fly lose none, and have none twice', async () => {
    const { alice, bob } = people;
    const [a, b, c] = (await groupOf('Storm', bob, carol)) as [number, number, number];
    const writing = [alice, bob].map(async (person, which) => {
      const said: Message[] = [];
      for (let at = 0; at < 100; at++) said.push(await say(person, which === 0 ? a : b, `${person.address.slice(4, 7)} ${at}`));
      return said;
    });
    await carol.seesMessage(({ text }) => text === 'ali 20');
    alice.network.tell('woke');
    bob.network.tell('woke');
    const sent = (await Promise.all(writing)).flat();
    for (const message of sent) await carol.seesMessage(({ imdnId, direction }) => imdnId === message.imdnId && direction === 'in', 60_000);
    for (const message of sent.slice(0, 100)) await bob.seesMessage(({ imdnId }) => imdnId === message.imdnId, 60_000);
    for (const message of sent.slice(100)) await alice.seesMessage(({ imdnId }) => imdnId === message.imdnId, 60_000);
    const wanted = sent.map(({ text }) => text).sort();
    for (const [person, id] of [
      [alice, a],
      [bob, b],
      [carol, c],
    ] as const) {
      const texts = await textsAt(person, id);
      expect([...texts].sort()).toEqual(wanted);
      for (const who of ['ali', 'bob'])
        expect(texts.filter((text) => text.startsWith(who))).toEqual(
          wanted.filter((text) => text.startsWith(who)).sort((x, y) => Number(x.slice(4)) - Number(y.slice(4))),
        );
      expect((await person.call['conversations.page']({ limit: 50 })).items.filter(({ title }) => title === 'Storm')).toHaveLength(1);
    }
  }, 120_000);
});

describe('a chat of two', () => {
  test('R-EXT-01 … 16: goes over into a group without a question, and ends', async () => {
    const { alice, bob } = people;
    await alice.call['settings.change']({ preferredMode: 'session' });
    const { id } = await alice.conversationWith(bob);
    await became(alice, await say(alice, id, 'shall we ask Carol?'), 'delivered');
    await alice.call['settings.change']({ preferredMode: 'automatic' });
    alice.said.length = 0;
    const { conversationId: a } = await alice.call['groups.create']({ subject: 'Three', addresses: [carol.address], extends: id });
    const { conversationId: b, participants } = await memberOf(bob, 'Three');
    expect(participants.map(({ address }) => address)).toContain(alice.address);
    const invite = alice.said.find((request) => request.startsWith('INVITE sip:conference-factory@'));
    expect(invite).toMatch(/<entry uri="sip:bob@[^"]*;gr=[^"]*\?Session-Replaces=[0-9a-f-]{36}"/);
    await alice.sees('group.changed', (group) => group.conversationId === a && presenceOf(group, 'bob') === 'in');
    const { conversationId: c } = await invitedTo(carol, 'Three');
    await carol.call['groups.join']({ conversationId: c });
    await became(carol, await say(bob, b, 'welcome'), 'received');
    const other = await bob.conversationWith(alice);
    await alice.seesMessage(({ event, conversationId }) => event?.what === 'extended' && conversationId === id);
    await bob.seesMessage(({ event, conversationId }) => event?.what === 'extended' && conversationId === other.id);
    expect(await linesAt(bob, b)).toContain('extended Alice carol');
    await expect.poll(() => alice.said.filter((request) => request.startsWith('BYE')).length, { timeout: 15_000 }).toBe(1);
    // what was said between the two stays there
    expect(await textsAt(alice, id)).toContain('shall we ask Carol?');
  });
});
