import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import type { TransferState } from '../../shared/model/states/transfer-state.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const folder = temporaryFolder();
let people: TwoPeople;
let alice: Person;
let bob: Person;

beforeAll(async () => {
  people = await twoPeople(folder);
  ({ alice, bob } = people);
});
afterAll(() => people?.close());

async function send(...names: string[]): Promise<Message[]> {
  const { id } = await alice.conversationWith(bob);
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      await writeFile(path, `the content of ${name}`);
      const { token } = await alice.client.offerFile(path);
      return alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    }),
  );
}

async function sendLarge(name: string): Promise<{ imdnId: string; path: string; octets: Buffer }> {
  const path = join(folder, name);
  // longer than it takes to say stop
  const octets = Buffer.alloc(256 << 20, randomBytes(1 << 20));
  await writeFile(path, octets);
  const { id } = await alice.conversationWith(bob);
  const { token } = await alice.client.offerFile(path);
  const { imdnId } = await alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
  return { imdnId, path, octets };
}

/** The transfer of that message in that state, as that person is told of it. */
async function sees(person: Person, { imdnId }: { imdnId: string }, state: TransferState): Promise<number> {
  const { transfer } = await person.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === state, 60_000);
  return transfer?.id as number;
}

async function accept(message: { imdnId: string }): Promise<number> {
  const transferId = await sees(bob, message, 'offered');
  await bob.call['transfers.accept']({ transferId });
  return transferId;
}

/** the person decides when all are shown */
const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const invites = (person: Person) => person.said.filter((text) => text.startsWith('INVITE '));
const lines = (text = '') => text.match(/^m=message .*$/gm) ?? [];
const isInDialog = (text: string) => /^To: .*;tag=/im.test(text);

async function savedBy(person: Person, message: { imdnId: string }): Promise<Buffer> {
  const done = await person.seesMessage((each) => each.imdnId === message.imdnId && each.transfer?.state === 'done', 60_000);
  return readFile(join(person.downloads, done.transfer?.savedAs as string));
}

describe('files of one conversation', () => {
  test('R-FT-09 R-FT-26 R-FT-32: what is picked together is one invitation with a line each; each has its own outcome', async () => {
    const before = invites(alice).length;
    const [first, second, third] = (await send('one.txt', 'two.txt', 'three.txt')) as [Message, Message, Message];
    const refused = await sees(bob, second, 'offered');
    await sees(bob, third, 'offered');
    await wait(300);
    expect(invites(alice).length - before).toBe(1);
    expect(lines(invites(alice).at(-1))).toHaveLength(3);
    await bob.call['transfers.decline']({ transferId: refused });
    await accept(first);
    await accept(third);
    await sees(alice, first, 'done');
    await sees(alice, third, 'done');
    await sees(alice, second, 'declined');
    expect((await savedBy(bob, third)).toString()).toBe('the content of three.txt');
  });

  test('R-FT-15 R-FT-16 R-FT-17 R-FT-18: a further one goes by re-INVITE, on a line that is free, and the others get port 0', async () => {
    const messages = await send('a.txt', 'b.txt');
    await sees(bob, messages[0] as Message, 'offered');
    await sees(bob, messages[1] as Message, 'offered');
    await wait(300);
    for (const message of messages) await accept(message);
    for (const message of messages) await sees(alice, message, 'done');
    const before = invites(alice).length;
    const [next] = (await send('c.txt')) as [Message];
    await accept(next);
    await sees(alice, next, 'done');
    const again = invites(alice).slice(before);
    expect(again.map(isInDialog)).toEqual([true]);
    expect(lines(again[0])[0]).not.toMatch(/^m=message 0 /);
    expect(lines(again[0])[1]).toMatch(/^m=message 0 /);
    expect((await savedBy(bob, next)).toString()).toBe('the content of c.txt');
  });

  test('R-FT-16 R-FTR-11: one that is offered while another flows is known by its Message-ID, and reported on', async () => {
    const large = await sendLarge('beside.bin');
    await accept(large);
    await sees(alice, large, 'transferring');
    const before = invites(alice).length;
    const [next] = (await send('beside.txt')) as [Message];
    await accept(next);
    await alice.seesMessage(({ imdnId, status }) => imdnId === next.imdnId && status === 'delivered', 60_000);
    expect(invites(alice).slice(before).map(isInDialog)).toEqual([true]);
    await sees(alice, large, 'done');
  }, 120_000);

  test('R-FT-36: after a while without a further one the dialog ends', async () => {
    const [message] = (await send('last.txt')) as [Message];
    await accept(message);
    await sees(alice, message, 'done');
    await expect.poll(() => alice.said.some((text) => text.startsWith('BYE ')), { timeout: 15_000 }).toBe(true);
  });
});

describe('a transfer that is paused', () => {
  test('by its sender goes on where it was', async () => {
    const large = await sendLarge('paused.bin');
    await accept(large);
    const transferId = await sees(alice, large, 'transferring');
    await alice.sees('transfer.progress', (progress) => progress.transferId === transferId && progress.transferred > 1 << 20, 60_000);
    await alice.call['transfers.pause']({ transferId });
    await sees(alice, large, 'paused');
    await alice.call['transfers.resume']({ transferId });
    const done = await savedBy(bob, large);
    expect(createHash('sha256').update(done).digest('hex')).toBe(createHash('sha256').update(large.octets).digest('hex'));
    const range = /a=file-range:(\d+)-(\d+)/.exec(invites(alice).at(-1) ?? '');
    expect(Number(range?.[1])).toBeGreaterThan(1 << 20);
    expect(Number(range?.[2])).toBe(large.octets.length);
    await sees(alice, large, 'done');
  }, 120_000);

  test('by its receiver is asked for from where it was', async () => {
    const large = await sendLarge('held.bin');
    const transferId = await accept(large);
    await bob.sees('transfer.progress', (progress) => progress.transferId === transferId && progress.transferred > 1 << 20, 60_000);
    await bob.call['transfers.pause']({ transferId });
    await sees(bob, large, 'paused');
    await bob.call['transfers.resume']({ transferId });
    const done = await savedBy(bob, large);
    expect(done.equals(large.octets)).toBe(true);
    const pull = invites(bob).find((text) => text.includes('name:"held.bin"')) ?? '';
    expect(Number(/a=file-range:(\d+)-/.exec(pull)?.[1])).toBeGreaterThan(1 << 20);
  }, 120_000);

  test('and whose file has changed since does not go on', async () => {
    const large = await sendLarge('changed.bin');
    await accept(large);
    const transferId = await sees(alice, large, 'transferring');
    await alice.sees('transfer.progress', (progress) => progress.transferId === transferId, 60_000);
    await alice.call['transfers.pause']({ transferId });
    await sees(alice, large, 'paused');
    await writeFile(large.path, 'something else');
    await alice.call['transfers.resume']({ transferId });
    await sees(alice, large, 'failed');
    const { id } = await alice.conversationWith(bob);
    expect((await alice.history(id)).find((message) => message.imdnId === large.imdnId)?.error?.code).toBe('file.changed');
  }, 120_000);
});

describe('a file that somebody is asked for', () => {
  test('R-FT-08: is given, and comes whole', async () => {
    const path = join(folder, 'wanted.txt');
    await writeFile(path, 'here you are');
    const { id } = await bob.conversationWith(alice);
    const asked = await bob.call['files.request']({ conversationId: id, clientId: randomToken(24), name: 'wanted.txt' });
    expect(asked.transfer).toMatchObject({ direction: 'in', pull: true });
    const shown = await alice.seesMessage((message) => message.transfer?.pull === true && message.transfer.state === 'offered');
    const transferId = shown.transfer?.id as number;
    const { token } = await alice.client.offerFile(path);
    await alice.call['transfers.give']({ transferId, token });
    expect((await savedBy(bob, asked)).toString()).toBe('here you are');
    await sees(alice, shown, 'done');
    const invite = invites(bob).at(-1) ?? '';
    expect(invite).toContain('a=recvonly\r\n');
    expect(invite).toContain('a=file-selector:name:"wanted.txt"\r\n');
  });

  test.each([0, 1])('of %i octets, too', async (size) => {
    const name = `small-${size}.bin`;
    const path = join(folder, name);
    await writeFile(path, Buffer.alloc(size, 7));
    const { id } = await bob.conversationWith(alice);
    const asked = await bob.call['files.request']({ conversationId: id, clientId: randomToken(24), name });
    const shown = await alice.seesMessage(({ transfer }) => transfer?.name === name && transfer.state === 'offered');
    const { token } = await alice.client.offerFile(path);
    await alice.call['transfers.give']({ transferId: shown.transfer?.id as number, token });
    expect(await savedBy(bob, asked)).toEqual(Buffer.alloc(size, 7));
    await sees(alice, shown, 'done');
  });
});
