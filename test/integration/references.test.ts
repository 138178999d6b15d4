import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { StoredItem } from '../../shared/ipc/history-contract.ts';
import type { StoredObject } from '../../shared/protocol/cpm-objects/stored-object.ts';
import { networkDatabases } from '../harness/network-databases.ts';
import { storedFile, storedMessage } from '../harness/stored-objects.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
const picture = randomBytes(400_000);
const long = `from ${'the summit '.repeat(400)}`;
let people: TwoPeople;
let alice: Person;
let bob: Person;
let stored: readonly StoredItem[];

beforeAll(async () => {
  people = await twoPeople(folder, {
    guests: ['carol'],
    network: { databases: networkDatabases(join(folder, 'network')), policy: { force: { recording: true } } },
  });
  ({ alice, bob } = people);
  const { history } = people.network;
  const keep = async (object: StoredObject): Promise<void> => void (await history?.store.keep('alice', object));
  await keep(storedMessage({ text: 'a short one', id: 'i1', time: Date.UTC(2026, 2, 2, 9) }));
  await keep(storedMessage({ text: long, id: 'i2', time: Date.UTC(2026, 2, 2, 10) }));
  await keep(storedFile(picture));
  await history?.settled();
  stored = (await alice.call['history.items']({ peer: bob.address })).items;
}, 60_000);
afterAll(() => people?.close());

/** Octets that left Alice by SIP, from now on; she has no MSRP session without an INVITE. */
async function forwarded(to: Person | { readonly address: string }, item: StoredItem | undefined): Promise<string> {
  const { id } = await alice.call['conversations.open']({ address: to.address });
  const clientId = randomToken(24);
  alice.said.length = 0;
  await alice.call['history.forward']({ conversationId: id, items: [{ id: item?.id ?? '', clientId, text: item?.text || 'a file' }] });
  await alice.seesMessage(({ imdnId, status }) => imdnId === clientId && (status === 'sent' || status === 'delivered'));
  expect(alice.said.filter((text) => /^(INVITE|BYE) /.test(text))).toEqual([]);
  const messages = alice.said.filter((text) => text.startsWith('MESSAGE '));
  expect(messages).toHaveLength(1);
  expect(messages[0]).toContain('message/external-body');
  expect(messages[0]?.length).toBeLessThan(2_500);
  return clientId;
}

test('the archive names its files without fetching them', () => {
  expect(stored.map(({ kind, text }) => [kind, text.slice(0, 20)])).toEqual([
    ['text', long.slice(0, 20)],
    ['file', 'Grüße.bin'],
    ['text', 'a short one'],
  ]);
});

test('R-PF-21 a stored message is forwarded by its reference alone; it arrives as any other, and its author hears so', async () => {
  const short = stored.find(({ text }) => text === 'a short one');
  const id = await forwarded(bob, short);
  const got = await bob.seesMessage(({ imdnId }) => imdnId === id);
  expect(got).toMatchObject({ text: 'a short one', kind: 'text', deferred: false, error: null });
  await alice.seesMessage(({ imdnId, status }) => imdnId === id && status === 'delivered');
  expect(alice.said.join('')).not.toContain('a short one');
  const { id: thread } = await alice.conversationWith(bob);
  expect((await alice.history(thread)).at(-1)).toMatchObject({ text: 'a short one', imdnId: id });
  // both archives have the text, neither has the reference
  await people.network.history?.settled();
  const found = await bob.call['history.items']({ text: 'short' });
  expect(found.items).toEqual([expect.objectContaining({ kind: 'text', text: 'a short one', direction: 'in' })]);
});

test('R-PF-21 a long text comes in large message mode, whole', async () => {
  const id = await forwarded(bob, stored[0]);
  expect((await bob.seesMessage(({ imdnId }) => imdnId === id)).text).toBe(long);
  await alice.seesMessage(({ imdnId, status }) => imdnId === id && status === 'delivered');
});

test('R-PF-20 a stored picture is offered as a file, and nothing of it leaves the client', async () => {
  const file = stored.find(({ kind }) => kind === 'file');
  const id = await forwarded(bob, file);
  const offered = await bob.seesMessage(({ imdnId, transfer }) => imdnId === id && transfer?.state === 'offered');
  expect(offered.transfer).toMatchObject({ name: 'Grüße (2).bin', size: picture.length });
  await bob.call['transfers.accept']({ transferId: offered.transfer?.id ?? 0 });
  const done = await bob.seesMessage(({ imdnId, transfer }) => imdnId === id && transfer?.state === 'done');
  expect((await readFile(bob.saved(done))).equals(picture)).toBe(true);
  await alice.seesMessage(({ imdnId, status }) => imdnId === id && status === 'delivered');
  expect(alice.said.join('').length).toBeLessThan(8_000);
});

test('R-PF-20 R-PF-21 what is referred to waits for who is not there', async () => {
  const carol = { address: people.accountOf('carol').address };
  const text = await forwarded(carol, stored[0]);
  const file = await forwarded(
    carol,
    stored.find(({ kind }) => kind === 'file'),
  );
  const device = await people.device('carol', 'carol');
  expect((await device.seesMessage(({ imdnId }) => imdnId === text)).text).toBe(long);
  await device.seesMessage(({ imdnId, transfer }) => imdnId === file && transfer?.state === 'offered');
});

test('what is gone is said before anything leaves', async () => {
  const [item] = stored;
  const { id } = await alice.conversationWith(bob);
  const gone = { id: item?.id.replace(/\d+$/, '999') ?? '', clientId: randomToken(24), text: 'x' };
  await expect(alice.call['history.forward']({ conversationId: id, items: [gone] })).rejects.toMatchObject({ code: 'request.not-found' });
});
