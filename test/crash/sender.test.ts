import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { startHomeNetwork } from '../../electron/home-network/index.ts';
import { systemClock } from '../../shared/base/clock.ts';
import { randomToken } from '../../shared/base/random.ts';
import type { Message } from '../../shared/model/message.ts';
import { HeadlessProcess } from '../harness/headless-process.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { Person } from '../harness/two-people.ts';

const KILLS = 50;
const MESSAGES = 500;
const folder = temporaryFolder();
const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

/** the same kills in every run, so that a failure can be repeated */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test(`the sender is killed ${KILLS} times while ${MESSAGES} messages are sent: all arrive, none twice, in order`, async () => {
  const network = await startHomeNetwork({
    host: '127.0.0.1',
    port: 0,
    domain: 'parley.example',
    users: [
      { user: 'alice', password: 'Pa55-0rd', displayName: 'Alice' },
      { user: 'bob', password: 'Gr4nite!', displayName: 'Bob' },
    ],
  });
  closing.push(() => network.close());
  const [aliceAccount, bobAccount] = network.accounts;
  if (!aliceAccount || !bobAccount) throw new Error('no accounts');
  const bob = new Person({
    account: { ...bobAccount, maxFileSize: 0 },
    paths: { data: join(folder, 'bob'), downloads: join(folder, 'bob', 'Downloads') },
    store: { worker: new URL('../../electron/store/worker.ts', import.meta.url), nativeBinding: null },
    version: '0.1.0',
    platform: 'linux',
    neighbours: [],
    clock: systemClock,
  });
  await bob.client.start();
  closing.push(() => bob.client.stop());
  await bob.online();

  const accountFile = join(folder, 'alice.json');
  const { address, user, password, outboundProxy, transport } = aliceAccount;
  writeFileSync(accountFile, JSON.stringify({ address, user, password, outboundProxy, transport }));
  const args = ['--account', accountFile, '--user-data', join(folder, 'alice')];

  const random = sequence(20261120);
  const texts = Array.from({ length: MESSAGES }, (_, index) => ({ clientId: randomToken(24), text: `message ${index}` }));
  const confirmed = new Set<string>();
  let begun = 0;
  let interrupted = 0;
  for (let life = 0; life < KILLS; life++) {
    const host = await HeadlessProcess.start(args);
    const alice = await host.connect();
    begun = Math.max(begun, Math.ceil(((life + 1) * MESSAGES) / KILLS));
    const sending = (async () => {
      const { id } = await alice.call('conversations.open', { address: bob.address });
      // one after the other, as a person writes; what was not confirmed before the kill is asked for again, with the same id
      for (const message of texts.slice(0, begun)) {
        if (confirmed.has(message.clientId)) continue;
        await alice.call('messages.sendText', { conversationId: id, ...message });
        confirmed.add(message.clientId);
      }
    })().catch(() => undefined);
    await wait(random() * 120);
    await host.kill();
    await sending;
    if (confirmed.size < begun) interrupted++;
  }

  console.log(`${interrupted} of ${KILLS} kills came while messages were being handed over`);
  expect(interrupted).toBeGreaterThan(0);

  const host = await HeadlessProcess.start(args);
  closing.push(() => host.stop());
  const alice = await host.connect();
  const { id } = await alice.call('conversations.open', { address: bob.address });
  for (const message of texts) {
    if (!confirmed.has(message.clientId)) await alice.call('messages.sendText', { conversationId: id, ...message });
  }
  const history = async (page: (before?: number) => Promise<{ items: Message[]; moreBefore: boolean }>): Promise<Message[]> => {
    let rows: Message[] = [];
    for (let more = true; more; ) {
      const found = await page(rows[0]?.id);
      rows = [...found.items, ...rows];
      more = found.moreBefore;
    }
    return rows;
  };
  const sent = () => history((before) => alice.call('messages.page', { conversationId: id, limit: 200, ...(before ? { before } : {}) }));
  const deadline = Date.now() + 60_000;
  let own = await sent();
  while (own.some((message) => message.status !== 'delivered') && Date.now() < deadline) {
    await wait(200);
    own = await sent();
  }
  expect(own.map((message) => message.text)).toEqual(texts.map((message) => message.text));
  expect(own.filter((message) => message.status !== 'delivered')).toEqual([]);

  const { id: bobsId } = await bob.call['conversations.open']({ address: aliceAccount.address });
  const arrived = await history((before) => bob.call['messages.page']({ conversationId: bobsId, limit: 200, ...(before ? { before } : {}) }));
  expect(arrived.map((message) => message.text)).toEqual(texts.map((message) => message.text));
}, 300_000);
