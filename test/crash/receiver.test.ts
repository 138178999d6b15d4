import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { randomToken } from '../../shared/base/random.ts';
import { HeadlessProcess } from '../harness/headless-process.ts';
import { wholeHistory } from '../harness/history.ts';
import { sequence } from '../harness/sequence.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';
import { twoPeople } from '../harness/two-people.ts';

const KILLS = 12;
const MESSAGES = 200;
const folder = temporaryFolder();
const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

test(`the receiver is killed ${KILLS} times while ${MESSAGES} messages come in: all are there, none twice, in order`, async () => {
  const people = await twoPeople(folder);
  closing.push(() => people.close());
  const account = people.accountOf('mallory');
  const accountFile = join(folder, 'receiver.json');
  const { address, user, password, outboundProxy, transport } = account;
  writeFileSync(accountFile, JSON.stringify({ address, user, password, outboundProxy, transport }));
  const args = ['--account', accountFile, '--user-data', join(folder, 'receiver')];

  const { alice } = people;
  const { id } = await alice.call['conversations.open']({ address });
  // every tenth is too large for pager mode
  const texts = Array.from({ length: MESSAGES }, (_, index) => `message ${index}${index % 10 === 9 ? ' and more'.repeat(560) : ''}`);
  let host = await HeadlessProcess.start(args);
  for (const text of texts) await alice.call['messages.sendText']({ conversationId: id, clientId: randomToken(24), text });
  const random = sequence(7);
  for (let life = 0; life < KILLS; life++) {
    await wait(random() * 200);
    await host.kill();
    host = await HeadlessProcess.start(args);
  }
  closing.push(() => host.stop());

  const settled = async () => (await wholeHistory(alice.call['messages.page'], id)).every((message) => message.status === 'delivered');
  await expect.poll(settled, { timeout: 150_000, interval: 250 }).toBe(true);
  const receiver = await host.connect();
  const { id: theirs } = await receiver.call('conversations.open', { address: alice.address });
  const arrived = await wholeHistory((page) => receiver.call('messages.page', page), theirs);
  expect(arrived.map((message) => message.text)).toEqual(texts);
}, 240_000);
