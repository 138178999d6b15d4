import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
let people: TwoPeople;
/** one line a request that the network answered */
const requests: string[] = [];
beforeAll(async () => {
  people = await twoPeople(folder, { network: { log: (line) => requests.push(line) } });
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
      { peer: people.bob.address, typing: true },
      { peer: people.bob.address, typing: false },
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
