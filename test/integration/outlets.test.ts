import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gateway, GatewayLetter } from '../../electron/home-network/interworking/gateway.ts';
import { connectMail } from '../../electron/imap/client.ts';
import { fromUtf8 } from '../../shared/base/bytes.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { DeferredOrder } from '../../shared/model/deferred.ts';
import type { Message } from '../../shared/model/message.ts';
import { decodeStoredObject, type StoredObject } from '../../shared/protocol/cpm-objects/stored-object.ts';
import { networkDatabases } from '../harness/network-databases.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
const letters: GatewayLetter[] = [];
const gateway: Gateway = {
  service: 'email',
  takes: (name) => name === 'erin' || name === '+49301234',
  send: async (letter) => void letters.push(letter),
};
let people: TwoPeople;
let alice: Person;
beforeAll(async () => {
  people = await twoPeople(folder, {
    guests: ['carol', 'dave', 'erin'],
    network: {
      gateway,
      databases: networkDatabases(join(folder, 'network')),
      policy: { force: { delivery: 'pull' } },
    },
  });
  ({ alice } = people);
});
afterAll(() => people?.close());

async function sendFile(user: string, name: string, size: number): Promise<{ readonly sent: Message; readonly octets: Buffer }> {
  const { id: conversationId } = await alice.call['conversations.open']({ address: people.accountOf(user).address });
  const octets = randomBytes(size);
  const path = join(folder, name);
  await writeFile(path, octets);
  const { token } = await alice.client.offerFile(path);
  const sent = await alice.call['files.send']({ conversationId, clientId: randomToken(24), token });
  await alice.seesMessage(({ imdnId, transfer }) => imdnId === sent.imdnId && transfer?.state === 'done', 30_000);
  return { sent, octets };
}

/** What is in the mailboxes of that user. */
async function storedOf(user: string): Promise<StoredObject[]> {
  await people.network.history?.settled();
  const account = people.accountOf(user);
  const { host, port } = account.messageStore as NonNullable<typeof account.messageStore>;
  const client = await connectMail({ host, port, security: 'plain', user, password: account.password });
  try {
    const all: StoredObject[] = [];
    for (const each of await client.folders())
      for (const uid of await client.uids(each)) all.push(decodeStoredObject(await client.message(each, uid, 1 << 26)));
    return all;
  } finally {
    await client.close();
  }
}

const filesOf = async (user: string) => (await storedOf(user)).flatMap((object) => (object.kind === 'file' ? [object] : []));

async function waitingFor(person: Person, count: number) {
  await expect.poll(async () => (await person.call['deferred.page']({ limit: 50 })).items.length, { timeout: 15_000 }).toBe(count);
  return (await person.call['deferred.page']({ limit: 50 })).items;
}

const order = (person: Person, ids: readonly number[], wanted: DeferredOrder) =>
  person.call['deferred.order']({ orders: ids.map((id) => ({ id, order: wanted })) });

test('R-PF-56 R-DEF-10: a file that its owner orders into the store is there, octet by octet, and waits no more', async () => {
  const { sent, octets } = await sendFile('carol', 'ridge Grüße.bin', 300_000);
  const carol = await people.device('carol', 'carol');
  const [item] = await waitingFor(carol, 1);
  await order(carol, [item?.id as number], 'store');
  await waitingFor(carol, 0);
  // it has left the list when the network has taken the order
  await expect.poll(async () => (await filesOf('carol')).length).toBe(1);
  const files = await filesOf('carol');
  expect(files.map(({ headers, files: inside }) => [headers.imdnMessageId, headers.direction, inside[0]?.name])).toEqual([
    [sent.imdnId, 'received', 'ridge Grüße.bin'],
  ]);
  expect(files[0]?.transfer.files[0]?.sdp).toContain('a=file-selector:');
  expect(Buffer.from(files[0]?.files[0]?.content ?? []).equals(octets)).toBe(true);
  await carol.client.stop();
});

test('R-PF-56: one that is too large for the store stays, and its owner sees why', async () => {
  await sendFile('carol', 'film.bin', 17_000_000);
  const carol = await people.device('carol', 'carol');
  const [item] = await waitingFor(carol, 1);
  await order(carol, [item?.id as number], 'store');
  const failed = await carol.sees('deferred.items', ({ changed }) => changed.some(({ state }) => state === 'failed'));
  expect(failed.changed.map(({ error }) => error?.code)).toEqual(['deferred.too-large']);
  await order(carol, [item?.id as number], 'delete');
  await waitingFor(carol, 0);
});

test('R-PF-31: a file for somebody who is not there goes into his store where he wants that, and waits where not', async () => {
  const dave = await people.device('dave', 'dave');
  await dave.call['network.change']({ unaccepted: 'store' });
  await dave.client.stop();
  const { octets } = await sendFile('dave', 'summit.bin', 200_000);
  await expect.poll(async () => (await filesOf('dave')).length, { timeout: 15_000 }).toBe(1);
  const [file] = await filesOf('dave');
  expect(Buffer.from(file?.files[0]?.content ?? []).equals(octets)).toBe(true);
  const again = await people.device('dave', 'dave');
  await waitingFor(again, 0);
  await again.call['network.change']({ unaccepted: 'keep' });
  await again.client.stop();
  await sendFile('dave', 'valley.bin', 1_000);
  await waitingFor(await people.device('dave', 'dave'), 1);
  expect(await filesOf('dave')).toHaveLength(1);
});

test('R-PF-44 R-DEF-10: what its owner sends on by another service is delivered to his author, once', async () => {
  const { id: conversationId } = await alice.call['conversations.open']({ address: people.accountOf('erin').address });
  const sent = await alice.call['messages.sendText']({ conversationId, clientId: randomToken(24), text: 'on by e-mail' });
  await alice.seesMessage(({ imdnId, status }) => imdnId === sent.imdnId && status === 'sent');
  const small = await sendFile('erin', 'valley.bin', 20_000);
  await sendFile('erin', 'too-much.bin', 10_485_761);
  const erin = await people.device('erin', 'erin');
  const text = (await waitingFor(erin, 3)).find(({ kind }) => kind !== 'file');
  await order(erin, [text?.id as number], 'interwork');
  await alice.seesMessage(({ imdnId, status }) => imdnId === sent.imdnId && status === 'delivered');
  await waitingFor(erin, 2);
  expect(letters.map(({ to, parts }) => [to, fromUtf8(parts[0]?.octets ?? new Uint8Array(0))])).toEqual([['erin', 'on by e-mail']]);
  await expect.poll(async () => (await alice.call['messages.info']({ messageId: sent.id })).leftBy).toBe('email');

  // a file is an attachment, by its name
  const files = await waitingFor(erin, 2);
  await order(
    erin,
    files.map(({ id }) => id),
    'interwork',
  );
  await alice.seesMessage(({ imdnId, status }) => imdnId === small.sent.imdnId && status === 'delivered');
  expect(letters.slice(1).map(({ parts }) => parts.map(({ name, octets }) => [name, small.octets.equals(octets)]))).toEqual([
    [['valley.bin', true]],
  ]);
  // what is more than other services take waits on, and its owner is told
  const [left] = await waitingFor(erin, 1);
  expect(left?.subject).toBe('too-much.bin');
  await expect
    .poll(async () => (await erin.call['deferred.page']({ limit: 50 })).items[0]?.error?.code, { timeout: 15_000 })
    .toBe('deferred.too-large-to-forward');
});
