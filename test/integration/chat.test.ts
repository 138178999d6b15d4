import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
const GUESTS = ['carol', 'dave', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy'];
let people: TwoPeople;
/** one line a request that the network answered */
const requests: string[] = [];
beforeAll(async () => {
  people = await twoPeople(folder, { guests: GUESTS, network: { log: (line) => requests.push(line) } });
});
afterAll(() => people?.close());
beforeEach(() => {
  requests.length = 0;
});

const count = (method: string): number => requests.filter((line) => line.includes(` ${method} `)).length;

async function sendTo(from: Person, to: Person, text: string): Promise<Message> {
  const { id } = await from.conversationWith(to);
  return from.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
}
const became = (at: Person, sent: Message, status: Message['status']): Promise<Message> =>
  at.seesMessage((message) => message.imdnId === sent.imdnId && message.status === status);
const textsAt = async (person: Person, other: Person): Promise<string[]> =>
  (await person.history((await person.conversationWith(other)).id)).map(({ text }) => text);
const prefers = (person: Person, preferredMode: 'automatic' | 'session' | 'standalone') =>
  person.call['settings.change']({ preferredMode });

describe('a conversation in a chat session', () => {
  test('one session carries the texts of both, of every length, and what became of them', async () => {
    await prefers(people.alice, 'session');
    const texts = ['hello', 'x'.repeat(2000), '漢'.repeat(100_000), 'and short again'];
    const sent = [];
    for (const text of texts) sent.push(await sendTo(people.alice, people.bob, text));
    for (const each of sent) await became(people.alice, each, 'delivered');
    const answer = await sendTo(people.bob, people.alice, 'hello yourself');
    await became(people.bob, answer, 'delivered');
    expect(await textsAt(people.bob, people.alice)).toEqual([...texts, 'hello yourself']);
    const read = (await people.bob.history((await people.bob.conversationWith(people.alice)).id)).at(-2) as Message;
    await people.bob.call['conversations.markRead']({ conversationId: read.conversationId, upTo: read.id });
    for (const each of sent) await became(people.alice, each, 'displayed');
    expect([count('INVITE'), count('MESSAGE'), count('BYE')]).toEqual([1, 0, 0]);
  });

  test('each sees the other one type, until the message is there or what was written is taken away', async () => {
    const { id } = await people.bob.conversationWith(people.alice);
    const seen = () => people.alice.told.filter(({ event }) => event === 'typing.changed').map(({ payload }) => payload);
    await people.bob.call['typing.set']({ conversationId: id, typing: true });
    await people.alice.sees('typing.changed', ({ typing }) => typing);
    await sendTo(people.bob, people.alice, 'what I was typing');
    await people.alice.sees('typing.changed', ({ typing }) => !typing);
    people.alice.told.length = 0;
    await people.bob.call['typing.set']({ conversationId: id, typing: true });
    await people.alice.sees('typing.changed', ({ typing }) => typing);
    await people.bob.call['typing.set']({ conversationId: id, typing: false });
    await people.alice.sees('typing.changed', ({ typing }) => !typing);
    expect(seen()).toEqual([
      { peer: people.bob.address, who: null, typing: true },
      { peer: people.bob.address, who: null, typing: false },
    ]);
    expect(await textsAt(people.alice, people.bob)).not.toContain('');
  });

  test('whose setting says so types unseen', async () => {
    await people.bob.call['settings.change']({ typing: false });
    people.alice.told.length = 0;
    const { id } = await people.bob.conversationWith(people.alice);
    await people.bob.call['typing.set']({ conversationId: id, typing: true });
    // what comes behind it in the same session has arrived
    await became(people.bob, await sendTo(people.bob, people.alice, 'unseen'), 'delivered');
    expect(people.alice.told.filter(({ event }) => event === 'typing.changed')).toEqual([]);
    await people.bob.call['settings.change']({ typing: true });
  });

  test('it moves to messages of their own and back, in order, once each', async () => {
    const before = (await textsAt(people.bob, people.alice)).length;
    const texts = Array.from({ length: 12 }, (_, at) => `${at}${at % 3 === 2 ? ' long'.repeat(800) : ''}`);
    const sent = [];
    for (const [at, text] of texts.entries()) {
      if (at % 4 === 0) await prefers(people.alice, at % 8 === 0 ? 'standalone' : 'session');
      sent.push(await sendTo(people.alice, people.bob, text));
      if (at % 4 === 3) await became(people.alice, sent[at] as Message, 'delivered');
    }
    for (const each of sent) await became(people.alice, each, 'delivered');
    expect((await textsAt(people.bob, people.alice)).slice(before)).toEqual(texts);
    expect(count('MESSAGE')).toBeGreaterThan(0);
  });
});

describe('a conversation by itself', () => {
  test('is in a session once it is open at one side and the other is known to take one', async () => {
    const [carol, dave] = await Promise.all([people.device('carol', 'carol'), people.device('dave', 'dave')]);
    const { id } = await carol.conversationWith(dave);
    await became(carol, await sendTo(carol, dave, 'nobody was asked'), 'delivered');
    expect([count('INVITE'), count('OPTIONS')]).toEqual([0, 0]);
    await carol.call['conversations.shown']({ conversationId: id });
    await expect.poll(() => count('OPTIONS')).toBe(1);
    await became(carol, await sendTo(carol, dave, 'in a session'), 'delivered');
    expect(count('INVITE')).toBe(1);
    expect(await textsAt(dave, carol)).toEqual(['nobody was asked', 'in a session']);
  });

  test('shows the first key stroke, too, which starts the session', async () => {
    const [erin, frank] = await Promise.all([people.device('erin', 'erin'), people.device('frank', 'frank')]);
    const { id } = await erin.conversationWith(frank);
    await erin.call['conversations.shown']({ conversationId: id });
    await expect.poll(() => requests.some((line) => / OPTIONS erin -> frank 200/.test(line))).toBe(true);
    await erin.call['typing.set']({ conversationId: id, typing: true });
    await frank.sees('typing.changed', ({ peer, typing }) => typing && peer === erin.address);
    await became(erin, await sendTo(erin, frank, 'what was typed'), 'delivered');
    await frank.sees('typing.changed', ({ typing }) => !typing);
    expect(requests.filter((line) => / INVITE erin/.test(line))).toHaveLength(1);
  });
});

describe('both at once', () => {
  test('invitations that cross leave one session, and no text is lost, twice or out of its order', async () => {
    const [grace, heidi] = await Promise.all([people.device('grace', 'grace'), people.device('heidi', 'heidi')]);
    await Promise.all([prefers(grace, 'session'), prefers(heidi, 'session')]);
    for (let round = 0; round < 5; round++) {
      const sent = await Promise.all(
        [0, 1, 2].flatMap((at) => [
          sendTo(grace, heidi, `g ${round} ${at}`).then((message) => [grace, message] as const),
          sendTo(heidi, grace, `h ${round} ${at}`).then((message) => [heidi, message] as const),
        ]),
      );
      for (const [who, message] of sent) await became(who, message, 'delivered');
    }
    const order = (who: string) => Array.from({ length: 15 }, (_, at) => `${who} ${Math.floor(at / 3)} ${at % 3}`).sort();
    const of = async (at: Person, other: Person, who: string) => (await textsAt(at, other)).filter((text) => text.startsWith(who));
    expect((await of(heidi, grace, 'g')).sort()).toEqual(order('g'));
    expect((await of(grace, heidi, 'h')).sort()).toEqual(order('h'));
    expect(await of(heidi, grace, 'g')).toEqual(await of(grace, heidi, 'g'));
    expect(await of(grace, heidi, 'h')).toEqual(await of(heidi, grace, 'h'));
    expect(requests.filter((line) => / INVITE \w+ -> \w+ 200/.test(line))).toHaveLength(1);
    expect([count('MESSAGE'), count('BYE')]).toEqual([0, 0]);
  });
});

describe('a session that ends', () => {
  test('with the app of the peer is followed by another one when the peer is back; what waited arrives once', async () => {
    const [ivan, judy] = await Promise.all([people.device('ivan', 'ivan'), people.device('judy', 'judy')]);
    await prefers(ivan, 'session');
    await became(ivan, await sendTo(ivan, judy, 'before'), 'delivered');
    await judy.client.stop();
    await expect.poll(() => count('BYE')).toBe(1);
    const waiting = await sendTo(ivan, judy, 'while away');
    await expect.poll(() => requests.some((line) => / INVITE ivan -> judy 480/.test(line))).toBe(true);
    await judy.client.start();
    await became(ivan, waiting, 'delivered');
    expect(await textsAt(judy, ivan)).toEqual(['before', 'while away']);
  });
});

describe('a conversation with a way of its own', () => {
  test('goes that way from the next text on, and the others go the way of all', async () => {
    const [{ alice }, judy] = [people, await people.device('judy', 'judy-of-her-own')];
    await prefers(alice, 'standalone');
    const { id: conversationId } = await alice.conversationWith(judy);
    const send = async (text: string) => became(alice, await sendTo(alice, judy, text), 'delivered');
    await send('as for all');
    expect([count('MESSAGE') > 0, count('INVITE')]).toEqual([true, 0]);
    await alice.call['conversations.configure']({ conversationId, settings: { mode: 'session' } });
    await send('in a session');
    expect(count('INVITE')).toBe(1);
    expect(await alice.call['conversations.details']({ conversationId })).toMatchObject({ mode: 'session' });
    await prefers(alice, 'session');
    await alice.call['conversations.configure']({ conversationId, settings: { mode: 'standalone' } });
    requests.length = 0;
    await send('one by one');
    expect([count('MESSAGE') > 0, count('INVITE')]).toEqual([true, 0]);
    expect(await textsAt(judy, alice)).toEqual(['as for all', 'in a session', 'one by one']);
  });
});
