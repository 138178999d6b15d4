import { createHash, randomFillSync } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ParleyError } from '../../shared/base/errors.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { FilePeer } from '../harness/file-peer.ts';
import { LargePeer } from '../harness/large-peer.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { type Person, type TwoPeople, twoPeople } from '../harness/two-people.ts';

const LONG = 'The survey of the east ridge took four days. '.repeat(100).trim();
const LIMIT = 64 << 20;
const sha256 = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex');

describe('MSRP by way of the home network', () => {
  const folder = temporaryFolder();
  let people: TwoPeople;
  let alice: Person;
  let bob: Person;
  /** a line for each request that was answered */
  const requests: string[] = [];

  beforeAll(async () => {
    const network = { media: { msrp: 'anchor', maxFileSize: LIMIT }, log: (line: string) => void requests.push(line) } as const;
    people = await twoPeople(folder, { guests: ['carol', 'dave', 'erin'], network });
    ({ alice, bob } = people);
  }, 60_000);
  afterAll(() => people?.close());

  async function write(from: Person, to: { readonly address: string }, text: string): Promise<Message> {
    const { id } = await from.call['conversations.open']({ address: to.address });
    return from.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
  }

  async function offer(from: Person, to: { readonly address: string }, name: string, size: number) {
    const path = join(folder, name);
    const octets = randomFillSync(Buffer.alloc(size));
    await writeFile(path, octets);
    const { id } = await from.call['conversations.open']({ address: to.address });
    const { token } = await from.client.offerFile(path);
    const sent = await from.call['files.send']({ conversationId: id, clientId: randomToken(24), token });
    return { sent, octets };
  }

  async function accepted(at: Person, { imdnId }: Pick<Message, 'imdnId'>): Promise<number> {
    const offered = await at.seesMessage((message) => message.imdnId === imdnId && message.transfer?.state === 'offered');
    const transferId = offered.transfer?.id as number;
    await at.call['transfers.accept']({ transferId });
    return transferId;
  }
  const becomes = (at: Person, { imdnId }: Pick<Message, 'imdnId'>, state: RegExp): Promise<Message> =>
    at.seesMessage((message) => message.imdnId === imdnId && state.test(message.transfer?.state ?? ''), 30_000);

  test('a large message is reported to its sender once the other side has it', async () => {
    const sent = await write(alice, bob, LONG);
    await bob.seesMessage((message) => message.imdnId === sent.imdnId && message.text === LONG);
    await alice.seesMessage((message) => message.imdnId === sent.imdnId && message.status === 'delivered');
  });

  test('a chat session carries the texts of both, and what became of them', async () => {
    await alice.call['settings.change']({ preferredMode: 'session' });
    requests.length = 0;
    const sent = [await write(alice, bob, 'hello'), await write(alice, bob, '漢'.repeat(100_000)), await write(alice, bob, 'again')];
    for (const each of sent) await alice.seesMessage(({ imdnId, status }) => imdnId === each.imdnId && status === 'delivered');
    const answer = await write(bob, alice, 'hello yourself');
    await bob.seesMessage(({ imdnId, status }) => imdnId === answer.imdnId && status === 'delivered');
    expect(requests.filter((line) => line.includes(' INVITE '))).toHaveLength(1);
  });

  test('files of some megabytes, both ways at once, arrive with the hash they left with', async () => {
    const both = await Promise.all([offer(alice, bob, 'there.bin', 24 << 20), offer(bob, alice, 'back.bin', 24 << 20)]);
    const [there, back] = both as [(typeof both)[0], (typeof both)[0]];
    await Promise.all([accepted(bob, there.sent), accepted(alice, back.sent)]);
    for (const [{ sent, octets }, from, to] of [[there, alice, bob] as const, [back, bob, alice] as const]) {
      const done = await becomes(to, sent, /^done$/);
      expect(sha256(await readFile(join(to.downloads, done.transfer?.savedAs as string)))).toBe(sha256(octets));
      await becomes(from, sent, /^done$/);
      await from.seesMessage((message) => message.imdnId === sent.imdnId && message.status === 'delivered');
    }
  });

  test('given up by the sender while octets flow, it is given up for the receiver', async () => {
    const { sent } = await offer(alice, bob, 'oops.bin', 60 << 20);
    const transferId = await accepted(bob, sent);
    await bob.sees('transfer.progress', (progress) => progress.transferId === transferId);
    await alice.call['transfers.cancel']({ transferId: sent.transfer?.id as number });
    await becomes(alice, sent, /^cancelled$/);
    const ended = await becomes(bob, sent, /^(cancelled|failed|interrupted)$/);
    expect(ended.transfer?.error?.code).toBe('msrp.stopped');
    expect((await readdir(bob.downloads)).filter((name) => name.startsWith('oops'))).toEqual([]);
  });

  test('stopped by the receiver, it is stopped for the sender', async () => {
    const { sent } = await offer(alice, bob, 'enough.bin', 60 << 20);
    const transferId = await accepted(bob, sent);
    await bob.sees('transfer.progress', (progress) => progress.transferId === transferId);
    await bob.call['transfers.cancel']({ transferId });
    await becomes(bob, sent, /^cancelled$/);
    const ended = await becomes(alice, sent, /^(cancelled|failed|interrupted)$/);
    expect(ended.transfer?.error?.code).toBe('msrp.stopped');
  });

  test('a receiver whose connection breaks leaves an interrupted file, not a refused one', async () => {
    const carol = await LargePeer.start(people.accountOf('carol'), ['msg', 'filetransfer']);
    const { sent } = await offer(alice, carol.sip.account, 'cut.bin', 60 << 20);
    const invite = await carol.sip.request('INVITE', 20_000);
    let isCut = false;
    const cut = (offset: number): void => {
      if (offset < 1_000_000 || isCut) return;
      isCut = true;
      void carol.cut();
    };
    carol.accept(invite, { write: cut });
    const bye = await carol.sip.request('BYE', 30_000);
    carol.sip.answer(bye, 200, 'OK');
    const ended = await becomes(alice, sent, /^(cancelled|failed|interrupted)$/);
    // BYE and 481 for what comes after it race on two connections: both say that the session is gone (RFC 4975 section 10.5)
    expect([ended.transfer?.state, ended.transfer?.error]).toEqual([
      'interrupted',
      expect.toSatisfy(({ code, detail }) => code === 'msrp.lost' || (code === 'msrp.refused' && detail.startsWith('481'))),
    ]);
    await carol.vanish();
  });

  test('a sender whose connections break leaves an interrupted file, not one that was taken back', async () => {
    const mallory = await FilePeer.start(people.accountOf('mallory'));
    const { send } = mallory.offer(bob.address, { name: 'half.bin', size: 60 << 20 });
    const sending = send(new Uint8Array(60 << 20)).catch(() => undefined);
    const offered = await bob.seesMessage((message) => message.transfer?.name === 'half.bin');
    const transferId = offered.transfer?.id as number;
    await bob.call['transfers.accept']({ transferId });
    await bob.sees('transfer.progress', (progress) => progress.transferId === transferId && progress.transferred > 0);
    await mallory.vanish();
    await sending;
    const ended = await becomes(bob, offered, /^(cancelled|failed|interrupted)$/);
    expect([ended.transfer?.state, ended.transfer?.error?.code]).toEqual(['interrupted', 'msrp.lost']);
  });

  test('a message above the limit of the network is stopped', async () => {
    const dave = await LargePeer.start(people.accountOf('dave'), ['msg', 'filetransfer']);
    const mallory = await FilePeer.start(people.accountOf('mallory'));
    // it announces less than it sends
    const { send } = mallory.offer(dave.sip.account.address, { name: 'more.bin', size: 1000 });
    const sending = send(new Uint8Array(LIMIT + 1)).then(
      () => null,
      (thrown: ParleyError) => thrown.code,
    );
    let octets = 0;
    const invite = await dave.sip.request('INVITE', 20_000);
    dave.accept(invite, {
      write: (_, { length }) => {
        octets += length;
      },
    });
    expect(await sending).toBe('msrp.stopped');
    expect(octets).toBe(0);
    await mallory.close();
    await dave.vanish();
  });

  test('what was broken off by the end of the receiver’s app is taken up where it was, by way of the network too', async () => {
    const { sent, octets } = await offer(alice, bob, 'resumed.bin', 60 << 20);
    const transferId = await accepted(bob, sent);
    await bob.sees('transfer.progress', (progress) => progress.transferId === transferId && progress.transferred > 1 << 20);
    await bob.client.stop();
    const again = await people.device('bob', 'bob');
    await becomes(alice, sent, /^(interrupted|failed)$/);
    // unless its sender goes on by himself before
    await again.call['transfers.resume']({ transferId }).catch((thrown) => expect(thrown).toMatchObject({ code: 'request.invalid-state' }));
    const { id } = await again.call['conversations.open']({ address: alice.address });
    // all of it may have come before the app was gone: then it is done before anybody listens
    const there = async () => (await again.history(id)).find(({ imdnId }) => imdnId === sent.imdnId)?.transfer;
    await expect.poll(async () => (await there())?.state, { timeout: 30_000 }).toBe('done');
    expect(sha256(await readFile(join(again.downloads, (await there())?.savedAs as string)))).toBe(sha256(octets));
    await becomes(alice, sent, /^done$/);
  });
});
