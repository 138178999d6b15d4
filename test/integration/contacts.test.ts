import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
const NUMBER = '+49301234567';
let people: TwoPeople;
let alice: Person;
let bob: Person;
let mallory: Person;

beforeAll(async () => {
  people = await twoPeople(folder, { numberOfBob: NUMBER, strangers: ['mallory'] });
  ({ alice, bob } = people);
  mallory = await people.device('mallory', 'mallory');
}, 60_000);
afterAll(() => people?.close());
beforeEach(() => {
  for (const person of [alice, bob, mallory]) person.told.length = 0;
});

async function write(from: Person, address: string, text: string): Promise<Message> {
  const { id } = await from.call['conversations.open']({ address });
  return from.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
}

const reaches = (person: Person, { id }: Message, status: Message['status']) =>
  person.seesMessage((message) => message.id === id && message.status === status);
const listed = async (person: Person, requests = false) => (await person.call['conversations.page']({ requests, limit: 50 })).items;
const gets = (person: Person, text: string) => person.seesMessage((message) => message.direction === 'in' && message.text === text);

describe('one person by two addresses', () => {
  test('written to by number and by address, and heard from by both: one conversation, in order, and answers arrive', async () => {
    // a number needs its network: the URI that stood for it is where requests go
    const number = `sip:${NUMBER}@parley.example;user=phone`;
    const [first, second] = [
      await alice.call['conversations.open']({ address: number }),
      await alice.call['conversations.open']({ address: 'sips:bob@PARLEY.example:5061' }),
    ];
    expect([first.peer, second.peer]).toEqual([`tel:${NUMBER}`, 'sip:bob@parley.example']);
    // the notification of its delivery comes from both identities
    await reaches(alice, await write(alice, number, 'to the number'), 'delivered');
    const merged = await alice.sees('conversation.merged', () => true);
    expect(merged).toEqual({ conversationId: second.id, into: first.id });
    await reaches(alice, await write(alice, 'bob@parley.example', 'to the address'), 'delivered');
    await write(bob, alice.address, 'an answer');
    await gets(alice, 'an answer');
    const [only, ...others] = await listed(alice);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ id: merged.into, peer: 'sip:bob@parley.example', unread: 1, last: { text: 'an answer' } });
    const history = await alice.history(merged.into);
    expect(history.map(({ text }) => text)).toEqual(['to the number', 'to the address', 'an answer']);
    const { addresses } = await alice.call['conversations.details']({ conversationId: merged.conversationId });
    expect(addresses).toEqual(['sip:bob@parley.example', `tel:${NUMBER}`]);

    // a window that has not heard of it yet
    const late = await alice.call['messages.sendText']({
      conversationId: merged.conversationId,
      clientId: randomToken(24),
      text: 'by the old id',
    });
    expect(late.conversationId).toBe(merged.into);
    await reaches(alice, late, 'delivered');
    await alice.call['conversations.markRead']({ conversationId: merged.conversationId, upTo: Number.MAX_SAFE_INTEGER });
    await bob.seesMessage(({ direction, status }) => direction === 'out' && status === 'displayed');
    expect((await listed(bob)).map(({ peer }) => peer)).toEqual([alice.address]);
  }, 60_000);
});

describe('a stranger', () => {
  test('makes a request: delivered, and not displayed before it is accepted; a neighbour makes none', async () => {
    const first = await write(mallory, alice.address, 'hello there');
    await gets(alice, 'hello there');
    const [request] = await listed(alice, true);
    expect(request).toMatchObject({ peer: mallory.address, request: true, unread: 1 });
    expect((await listed(alice)).some(({ peer }) => peer === mallory.address)).toBe(false);
    await reaches(mallory, first, 'delivered');
    const conversationId = request?.id ?? 0;
    await alice.call['conversations.markRead']({ conversationId, upTo: Number.MAX_SAFE_INTEGER });
    // the next one is delivered: what was owed before it has left
    await reaches(mallory, await write(mallory, alice.address, 'are you there'), 'delivered');
    expect(mallory.told.some(({ event, payload }) => event === 'message.changed' && (payload as Message).status === 'displayed')).toBe(
      false,
    );

    await alice.call['conversations.accept']({ conversationId });
    await reaches(mallory, first, 'displayed');
    expect((await listed(alice, true)).length).toBe(0);
    await write(bob, alice.address, 'from a neighbour');
    await gets(alice, 'from a neighbour');
    expect((await listed(alice, true)).length).toBe(0);
  }, 60_000);

  test('who is blocked gets 200 for a text and 603 for an invitation, and nothing of it is here; unblocked, texts arrive again', async () => {
    const { id: conversationId } = await alice.call['conversations.open']({ address: mallory.address });
    const before = (await alice.history(conversationId)).length;
    await alice.call['conversations.block']({ conversationId, blocked: true });
    expect((await alice.call['blocked.list']({})).items.map(({ addresses }) => addresses)).toEqual([[mallory.address]]);

    const text = await write(mallory, alice.address, 'unheard');
    await reaches(mallory, text, 'sent');
    const path = join(folder, 'offer.txt');
    writeFileSync(path, 'octets');
    const { token } = await mallory.client.offerFile(path);
    const file = await mallory.call['files.send']({ conversationId: text.conversationId, clientId: randomToken(24), token });
    const refused = await mallory.seesMessage(({ id, transfer }) => id === file.id && transfer?.state === 'declined');
    expect(refused.transfer?.error?.code).toBe('peer.declined');
    const large = await write(mallory, alice.address, 'x'.repeat(5000));
    expect((await reaches(mallory, large, 'failed')).error?.code).toBe('peer.declined');

    expect(await alice.history(conversationId)).toHaveLength(before);
    expect(alice.told.filter(({ event }) => event === 'message.changed')).toEqual([]);
    await expect(
      alice.call['messages.sendText']({ conversationId, clientId: randomToken(24), text: 'to a blocked person' }),
    ).rejects.toMatchObject({ code: 'peer.blocked' });

    await alice.call['conversations.block']({ conversationId, blocked: false });
    const heard = await write(mallory, alice.address, 'heard again');
    await gets(alice, 'heard again');
    await reaches(mallory, heard, 'delivered');
    expect(mallory.told.some(({ payload }) => (payload as Message).id === text.id && (payload as Message).status === 'delivered')).toBe(
      false,
    );
  }, 60_000);

  test('who is blocked while a file of theirs is offered is declined; what waits to be told is dropped', async () => {
    const { id: conversationId } = await alice.call['conversations.open']({ address: mallory.address });
    const path = join(folder, 'open-offer.txt');
    writeFileSync(path, 'octets');
    const { token } = await mallory.client.offerFile(path);
    const { id } = await mallory.conversationWith(alice);
    const file = await mallory.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    await alice.seesMessage(({ transfer }) => transfer?.state === 'offered');
    await alice.call['conversations.block']({ conversationId, blocked: true });
    await mallory.seesMessage((message) => message.id === file.id && message.transfer?.state === 'declined');
    await alice.seesMessage(({ transfer }) => transfer?.state === 'declined');
    await alice.call['conversations.block']({ conversationId, blocked: false });
  }, 60_000);

  test('who is blocked while texts are in flight: from the answer on nothing comes in', async () => {
    const { id: conversationId } = await alice.call['conversations.open']({ address: mallory.address });
    const sent: Message[] = [];
    for (let n = 0; n < 40; n++) sent.push(await write(mallory, alice.address, `burst ${n}`));
    await gets(alice, 'burst 3');
    await alice.call['conversations.block']({ conversationId, blocked: true });
    const here = (await alice.history(conversationId)).length;
    const last = sent.at(-1) as Message;
    await mallory.seesMessage(({ id, status }) => id === last.id && (status === 'sent' || status === 'delivered'));
    expect(await alice.history(conversationId)).toHaveLength(here);
    await alice.call['conversations.block']({ conversationId, blocked: false });
  }, 60_000);
});

describe('a chat session with somebody who turns out to have another address', () => {
  test('goes on as theirs: who writes is seen, the next text is said in it, and no second one is started', async () => {
    const requests: string[] = [];
    const network = { log: (line: string) => requests.push(line) };
    const others = await twoPeople(join(folder, 'sessions'), { numberOfBob: NUMBER, network });
    const invites = () => requests.filter((line) => line.includes(' INVITE ')).length;
    try {
      const { alice: writer, bob: called } = others;
      await writer.call['settings.change']({ preferredMode: 'session' });
      await called.call['settings.change']({ preferredMode: 'standalone' });
      const first = await write(writer, `sip:${NUMBER}@parley.example;user=phone`, 'to the number');
      await called.seesMessage(({ text }) => text === 'to the number');
      const { id } = await called.conversationWith(writer);
      expect(invites()).toBe(1);
      // a MESSAGE tells both addresses of Bob
      await write(called, writer.address, 'both of me');
      await gets(writer, 'both of me');
      const [only, ...more] = await listed(writer);
      expect([only?.peer, only?.id, more]).toEqual(['sip:bob@parley.example', first.conversationId, []]);
      // he goes on in the session that is there
      await called.call['settings.change']({ preferredMode: 'automatic' });
      await called.call['typing.set']({ conversationId: id, typing: true });
      const seen = await writer.sees('typing.changed', ({ typing }) => typing);
      expect(seen.peer).toBe('sip:bob@parley.example');
      await write(writer, 'bob@parley.example', 'to the address');
      await called.seesMessage(({ text }) => text === 'to the address');
      expect(invites()).toBe(1);
    } finally {
      await others.close();
    }
  }, 60_000);

  test('two that were open are one person’s', async () => {
    const requests: string[] = [];
    const network = { log: (line: string) => requests.push(line) };
    const others = await twoPeople(join(folder, 'merging'), { numberOfBob: NUMBER, network });
    const invites = () => requests.filter((line) => line.includes(' INVITE ')).length;
    try {
      const { alice: writer, bob: called } = others;
      await writer.call['settings.change']({ preferredMode: 'session' });
      await called.call['settings.change']({ preferredMode: 'standalone' });
      await writer.call['conversations.open']({ address: 'bob@parley.example' });
      await write(writer, `sip:${NUMBER}@parley.example;user=phone`, 'to the number');
      await called.seesMessage(({ text }) => text === 'to the number');
      await write(called, writer.address, 'both of me');
      await writer.sees('conversation.merged', () => true);
      await write(writer, 'bob@parley.example', 'to the address');
      await called.seesMessage(({ text }) => text === 'to the address');
      expect(invites()).toBe(1);
    } finally {
      await others.close();
    }
  }, 60_000);
});

test('several people at once are named as each of them is called here', async () => {
  const { id } = await alice.call['conversations.open']({ address: bob.address });
  await alice.call['conversations.configure']({ conversationId: id, givenName: 'Bobby' });
  const list = await alice.call['conversations.openList']({ addresses: [bob.address, 'sip:nobody@parley.example'] });
  expect(list).toMatchObject({ title: 'Bobby and nobody', members: [{ name: 'Bobby' }, { name: 'nobody' }] });
});
