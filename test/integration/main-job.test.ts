import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
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

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function send(text: string): Promise<{ imdnId: string }> {
  const { id } = await alice.conversationWith(bob);
  return alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
}

async function offer(path: string): Promise<{ imdnId: string }> {
  const { id } = await alice.conversationWith(bob);
  const { token } = await alice.client.offerFile(path);
  return alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
}

describe('texts', () => {
  test('R-PM-01 R-PM-13: sent, then delivered, then displayed once the other person has seen it', async () => {
    const { imdnId } = await send('Grüße – shall we meet at 10? 🙂');
    const received = await bob.seesMessage((message) => message.imdnId === imdnId);
    expect(received).toMatchObject({ direction: 'in', kind: 'text', text: 'Grüße – shall we meet at 10? 🙂', status: 'received' });
    await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered');
    await bob.call['conversations.markRead']({ conversationId: received.conversationId, upTo: received.id });
    const displayed = await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'displayed');
    expect(displayed.deliveredAt).not.toBeNull();
    const statuses = alice.told
      .filter((entry) => entry.event === 'message.changed')
      .map((entry) => entry.payload as { imdnId: string; status: string })
      .filter((message) => message.imdnId === imdnId)
      .map((message) => message.status);
    // a notification may come with the answer, and overtakes it then
    expect(
      ['queued', 'sending', 'sent', 'delivered', 'displayed'].filter((status) => status !== 'sent' || statuses.includes('sent')),
    ).toEqual(statuses);
  });

  test('a hundred texts at once arrive once each, in the order in which they were written', async () => {
    const texts = Array.from({ length: 100 }, (_, index) => `burst ${index}`);
    await Promise.all(texts.map((text) => send(text)));
    await bob.seesMessage((message) => message.text === 'burst 99');
    const { id } = await bob.conversationWith(alice);
    const arrived = (await bob.history(id)).map((message) => message.text).filter((text) => text.startsWith('burst'));
    expect(arrived).toEqual(texts);
  });

  test.each([20, 3000])('an answer of %i characters shows on both sides what it answers', async (length) => {
    const asked = await send(`Lunch? ${length}`);
    const received = await bob.seesMessage((message) => message.imdnId === asked.imdnId);
    const answer = await bob.call['messages.sendText']({
      conversationId: received.conversationId,
      clientId: randomToken(24),
      text: 'y'.repeat(length),
      quotes: received.id,
    });
    expect(answer.quote).toMatchObject({ direction: 'in', text: `Lunch? ${length}` });
    const arrived = await alice.seesMessage((message) => message.imdnId === answer.imdnId);
    expect(arrived.quote).toMatchObject({ direction: 'out', text: `Lunch? ${length}` });
  });

  test('the same client id again is the same message', async () => {
    const { id } = await alice.conversationWith(bob);
    const clientId = randomToken(24);
    const first = await alice.call['messages.sendText']({ conversationId: id, clientId, text: 'once' });
    const second = await alice.call['messages.sendText']({ conversationId: id, clientId, text: 'once' });
    expect(second.id).toBe(first.id);
  });

  test('an address nobody has fails in words of a code', async () => {
    const { id } = await alice.call['conversations.open']({ address: 'sip:nobody@parley.example' });
    const { imdnId } = await alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text: 'hello?' });
    const failed = await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'failed');
    expect(failed.error?.code).toBe('peer.unknown');
  });
});

describe('files', () => {
  test('R-FTR-09: accepted, shown with progress, arrives with the same SHA-256; delivered is told to the sender', async () => {
    const path = join(folder, 'survey "east" 100%.bin');
    const block = Buffer.alloc(1 << 20);
    for (let at = 0; at < block.length; at++) block[at] = (at * 2654435761) >>> 24;
    await pipeline(Readable.from(Array.from({ length: 16 }, () => block)), createWriteStream(path));
    const { imdnId } = await offer(path);
    const offered = await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offered');
    expect(offered.transfer).toMatchObject({ size: 16 << 20, direction: 'in' });
    await bob.call['transfers.accept']({ transferId: offered.transfer?.id as number });
    const done = await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'done');
    expect(await sha256(bob.saved(done))).toBe(await sha256(path));
    await alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'done');
    await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'delivered');
    for (const person of [alice, bob]) {
      const counts = person.told
        .filter((entry) => entry.event === 'transfer.progress')
        .map((entry) => (entry.payload as { transferred: number }).transferred);
      expect(counts.length).toBeGreaterThan(0);
      expect(counts).toEqual([...counts].sort((a, b) => a - b));
    }
    await bob.call['transfers.open']({ transferId: offered.transfer?.id as number });
    expect(bob.opened).toEqual([bob.saved(done)]);
    await alice.seesMessage((message) => message.imdnId === imdnId && message.status === 'displayed');
  });

  test('an empty file arrives too', async () => {
    const path = join(folder, 'empty.txt');
    await writeFile(path, '');
    const { imdnId } = await offer(path);
    const offered = await bob.seesMessage((message) => message.imdnId === imdnId);
    await bob.call['transfers.accept']({ transferId: offered.transfer?.id as number });
    const done = await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'done');
    expect((await stat(bob.saved(done))).size).toBe(0);
  });

  test('declined says so on both sides', async () => {
    const path = join(folder, 'notes.txt');
    await writeFile(path, 'not wanted');
    const { imdnId } = await offer(path);
    const offered = await bob.seesMessage((message) => message.imdnId === imdnId);
    await bob.call['transfers.decline']({ transferId: offered.transfer?.id as number });
    const told = await alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'declined');
    expect(told.transfer?.error?.code).toBe('peer.declined');
    await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'declined');
  });

  test('cancelled by the sender before an answer closes the prompt of the other person', async () => {
    const path = join(folder, 'oops.txt');
    await writeFile(path, 'wrong file');
    const { imdnId } = await offer(path);
    await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offered');
    const own = await alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offering');
    await alice.call['transfers.cancel']({ transferId: own.transfer?.id as number });
    await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'cancelled');
    await alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'cancelled');
  });

  test('cancelled while octets flow leaves nothing in the download folder', async () => {
    const path = join(folder, 'large.bin');
    await pipeline(Readable.from(Array.from({ length: 256 }, () => Buffer.alloc(1 << 20, 7))), createWriteStream(path));
    const { imdnId } = await offer(path);
    const offered = await bob.seesMessage((message) => message.imdnId === imdnId);
    const transferId = offered.transfer?.id as number;
    await bob.call['transfers.accept']({ transferId });
    await bob.sees('transfer.progress', (progress) => progress.transferId === transferId);
    await bob.call['transfers.cancel']({ transferId });
    await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'cancelled');
    const ended = await alice.seesMessage(
      (message) => message.imdnId === imdnId && /^(failed|cancelled|interrupted)$/.test(message.transfer?.state ?? ''),
    );
    expect(ended.transfer?.error?.code).toBeDefined();
    expect((await readdir(bob.downloads)).filter((name) => name.startsWith('large'))).toEqual([]);
    await expect.poll(() => readdir(join(bob.data, 'partial'))).toEqual([]);
  });

  test('an offer cancelled by its sender can be made again: the same card, and it arrives', async () => {
    const path = join(folder, 'again.txt');
    await writeFile(path, 'second try');
    const { imdnId } = await offer(path);
    const first = await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offered');
    const own = await alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offering');
    await alice.call['transfers.cancel']({ transferId: own.transfer?.id as number });
    await bob.seesMessage((message) => message.id === first.id && message.transfer?.state === 'cancelled');
    await alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'cancelled');
    const before = bob.told.length;
    await alice.call['messages.retry']({ messageId: own.id });
    await expect
      .poll(() =>
        bob.told
          .slice(before)
          .some(({ payload }) => (payload as Message).id === first.id && (payload as Message).transfer?.state === 'offered'),
      )
      .toBe(true);
    await bob.call['transfers.accept']({ transferId: first.transfer?.id as number });
    const done = await bob.seesMessage((message) => message.id === first.id && message.transfer?.state === 'done');
    expect(await readFile(bob.saved(done), 'utf8')).toBe('second try');
    await alice.seesMessage((message) => message.id === own.id && message.transfer?.state === 'done');
  });

  test('a file that changes between choosing and sending is not sent as if it were the same', async () => {
    const path = join(folder, 'changing.txt');
    await writeFile(path, 'first');
    const { id } = await alice.conversationWith(bob);
    const { token } = await alice.client.offerFile(path);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await writeFile(path, 'second');
    const { imdnId } = await alice.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    const failed = await alice.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'failed');
    expect(failed.transfer?.error?.code).toBe('file.changed');
  });

  test('two files of one name are both kept', async () => {
    const path = join(folder, 'twice.txt');
    await writeFile(path, 'same name');
    const saved: string[] = [];
    for (let round = 0; round < 2; round++) {
      const { imdnId } = await offer(path);
      const offered = await bob.seesMessage((message) => message.imdnId === imdnId);
      await bob.call['transfers.accept']({ transferId: offered.transfer?.id as number });
      const done = await bob.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'done');
      saved.push(bob.saved(done));
    }
    expect(saved.map((each) => basename(each))).toEqual(['twice.txt', 'twice (2).txt']);
    for (const each of saved) expect(await readFile(each, 'utf8')).toBe('same name');
  });
});
