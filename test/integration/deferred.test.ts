import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { networkDatabases } from '../harness/network-databases.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
let people: TwoPeople;
let alice: Person;
beforeAll(async () => {
  people = await twoPeople(folder, {
    guests: ['carol', 'dave', 'erin'],
    network: { databases: networkDatabases(join(folder, 'network')) },
  });
  ({ alice } = people);
});
afterAll(() => people?.close());

async function threadWith(user: string): Promise<number> {
  return (await alice.call['conversations.open']({ address: people.accountOf(user).address })).id;
}

async function send(conversationId: number, texts: readonly string[]): Promise<Message[]> {
  const sent: Message[] = [];
  for (const text of texts) sent.push(await alice.call['messages.sendText']({ conversationId, clientId: randomToken(24), text }));
  return sent;
}

async function sendFile(conversationId: number, name: string, size: number): Promise<{ readonly sent: Message; readonly octets: Buffer }> {
  const octets = randomBytes(size);
  const path = join(folder, name);
  await writeFile(path, octets);
  const { token } = await alice.client.offerFile(path);
  return { sent: await alice.call['files.send']({ conversationId, clientId: randomToken(24), token }), octets };
}

const became = (person: Person, { imdnId }: Message, status: Message['status']): Promise<Message> =>
  person.seesMessage((message) => message.imdnId === imdnId && message.status === status, 30_000);

test('R-PF-19 R-PF-24: short and large texts wait for who is not there, and come once each, in their order', async () => {
  const conversationId = await threadWith('carol');
  const texts = ['first', 'x'.repeat(2_000), 'second', 'y'.repeat(90_000), 'last'];
  const sent = await send(conversationId, texts);
  for (const each of sent) await became(alice, each, 'sent');
  const infos = () => Promise.all(sent.map(({ id }) => alice.call['messages.info']({ messageId: id })));
  // of what left through MSRP the network does not say that it is for later
  expect((await infos()).map(({ kept }) => kept)).toEqual([true, false, true, false, true]);
  const carol = await people.device('carol', 'carol');
  for (const each of sent) await became(alice, each, 'delivered');
  for (const { leftAt, takenAt, message } of await infos()) {
    const way = [message.storedAt, leftAt, takenAt, message.deliveredAt].map(Number);
    expect(way).toEqual([...way].sort((a, b) => a - b));
    expect(way.every((time) => time > 0)).toBe(true);
  }
  const { id } = await carol.conversationWith(alice);
  expect((await carol.history(id)).map(({ text }) => text)).toEqual(texts);
});

test('R-PF-32 R-AD-05: a file too is taken for her, and offered when she comes', async () => {
  const conversationId = await threadWith('dave');
  const { sent, octets } = await sendFile(conversationId, 'ridge.bin', 3_000_000);
  await alice.seesMessage(({ imdnId, transfer }) => imdnId === sent.imdnId && transfer?.state === 'done', 30_000);
  const dave = await people.device('dave', 'dave');
  const offered = await dave.seesMessage(({ transfer }) => transfer?.state === 'offered', 30_000);
  expect([offered.imdnId, offered.transfer?.name]).toEqual([sent.imdnId, 'ridge.bin']);
  await dave.call['transfers.accept']({ transferId: offered.transfer?.id as number });
  const done = await dave.seesMessage(({ transfer }) => transfer?.state === 'done', 30_000);
  expect(await readFile(dave.saved(done))).toEqual(octets);
  await became(alice, sent, 'delivered');
});

test('R-PF-33 R-AD-01 R-AD-07: where its delivery broke off, it goes on', async () => {
  const conversationId = await threadWith('erin');
  const { sent, octets } = await sendFile(conversationId, 'long.bin', 400_000_000);
  await alice.seesMessage(({ imdnId, transfer }) => imdnId === sent.imdnId && transfer?.state === 'done', 60_000);
  const erin = await people.device('erin', 'erin');
  const offered = await erin.seesMessage(({ transfer }) => transfer?.state === 'offered', 30_000);
  await erin.call['transfers.accept']({ transferId: offered.transfer?.id as number });
  await erin.sees('transfer.progress', ({ transferred }) => transferred > 20_000_000, 30_000);
  await erin.client.stop();
  const again = await people.device('erin', 'erin');
  const done = await again.seesMessage(({ transfer }) => transfer?.state === 'done', 60_000);
  expect((await readFile(again.saved(done))).equals(octets)).toBe(true);
  await became(alice, sent, 'delivered');
}, 120_000);
